"""Training: one loop for one process or many, on CPU or GPU, that resumes exactly where it was stopped."""

import contextlib
import math
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

import torch
from lightning_fabric import Fabric

from walkprint.core.batch import ClipBatch
from walkprint.core.errors import RecipeError, TrainingError
from walkprint.data.loading import TrainingBatches, prefetched
from walkprint.losses.base import Loss
from walkprint.networks.base import Network
from walkprint.training.checkpoint import CheckpointFolder, save_network
from walkprint.training.learner import Learner, MakeOptimizer, MakeScheduler
from walkprint.training.listeners import Listener
from walkprint.training.loop import Log, Precision, audience, check_at_least_one, check_options, launch
from walkprint.training.processes import agreed, everybodys
from walkprint.training.random_state import seed_all
from walkprint.training.run import RunFolder


class Batches(Protocol):
    """What training is fed with: `TrainingBatches`, or anything of that shape."""

    @property
    def subjects(self) -> Sequence[str]:
        """Names of the training subjects; the class index is the position."""

    def batch(self, step: int, part: int = 0, parts: int = 1) -> ClipBatch:
        """A pure function: the global batch of a step, or one of `parts` equal contiguous slices of it."""


@dataclass(frozen=True, slots=True, eq=False)
class FitResult:
    """What training gives.

    Attributes:
        network: trained, averaged where that was asked for, in evaluation mode, on the training device.
        step: how many steps are finished; more than were asked for when the run had more before.
        numbers: those of the last log line; empty when the run was finished before.
        run: its folder; `run.network` is the folder of the finished network.
        first: whether this is the first of all processes, the one that writes.
    """

    network: Network
    step: int
    numbers: Mapping[str, float]
    run: RunFolder
    first: bool = True


def fit(
    network: Network,
    losses: Mapping[str, Loss],
    batches: Batches,
    *,
    steps: int,
    optimizer: MakeOptimizer,
    run: str | Path | RunFolder,
    recipe: Mapping[str, Any],
    scheduler: MakeScheduler | None = None,
    loss_weights: Mapping[str, float] | None = None,
    seed: int = 0,
    accelerator: str = "auto",
    devices: int | str = 1,
    nodes: int = 1,
    precision: Precision = "32-true",
    channels_last: bool = False,
    clip_norm: float | None = None,
    accumulate: int = 1,
    ema_decay: float | None = None,
    log_every: int = 10,
    checkpoint_every: int = 1000,
    keep: int = 2,
    validate: Callable[[Network, int], Mapping[str, float]] | None = None,
    validate_every: int | None = None,
    listeners: Sequence[Listener] = (),
    resume: bool = True,
) -> FitResult:
    """Train a network.

    With several processes each takes its slice of every batch, and the losses see the whole: N processes learn what
    one would learn (with batch normalization, synchronized on GPUs, not on CPUs). The first process writes the run
    folder and calls `validate` and the listeners. Several nodes need a run folder that all of them see; start the same
    command on each, with `NODE_RANK`, `MASTER_ADDR` and `MASTER_PORT` set, or under torchrun or Slurm.

    Killed at any moment and called again with the same arguments, it goes on from the newest checkpoint; on a CPU with
    the same number of threads the weights come out bit for bit as if nothing had happened.

    Args:
        network: trained in place; its initial weights are the caller's business.
        losses: by name; their sum, weighted, is minimized.
        batches: where clips come from.
        steps: how many steps in all, those before a resume included.
        optimizer: called with the parameters, say `partial(torch.optim.SGD, lr=0.1)`.
        run: the run folder.
        recipe: the resolved settings as plain data; its `network` entry goes beside the finished weights.
        scheduler: called with the optimizer, say `MultiStep([20000, 40000])`; stepped once a step.
        loss_weights: by the losses' names; 1 where a name is absent.
        seed: of dropout and the like.
        accelerator: "auto", "cpu" or "cuda", or what else Lightning Fabric knows.
        devices: processes on this machine, or "auto".
        nodes: machines.
        precision: "16-mixed" (with a gradient scaler) needs a GPU.
        channels_last: keep convolution weights in that memory order, which is often faster.
        clip_norm: largest norm of the gradient.
        accumulate: batches in a step; their gradients are averaged.
        ema_decay: of an exponential moving average of the weights, which is then what is validated and saved.
        log_every: steps between log lines; the device is not waited for in between.
        checkpoint_every: steps between checkpoints; the last step always has one.
        keep: how many checkpoints stay.
        validate: called with the network in evaluation mode and the number of finished steps; gives numbers by name.
        validate_every: steps between validations; only at the end when None.
        listeners: called with every log line, besides `metrics.csv` and the progress bar; see `Listener`.
        resume: go on with what is in the run folder; False deletes it and begins anew.

    Raises:
        RecipeError: a setting is out of range, the run began with another recipe, or a network that heeds the order of
            frames is given generated ones without order.
        CheckpointError: no checkpoint of the run can be read.
        TrainingError: a loss or gradient is not finite, or another process is using the run folder.
    """
    weights = _checked_weights(losses, loss_weights)
    _check(network, batches, steps=steps, accumulate=accumulate, log_every=log_every, checkpoint_every=checkpoint_every)
    check_options(clip_norm, ema_decay, seed, validate_every)
    folder = run if isinstance(run, RunFolder) else RunFolder(run)
    fabric = launch(accelerator, devices, nodes, precision)
    with contextlib.ExitStack() as stack:
        with agreed(fabric):
            if fabric.is_global_zero:
                stack.enter_context(folder.lock())
                folder.begin(recipe, resume)
        seed_all(seed, fabric.global_rank)
        learner = Learner(
            fabric,
            network,
            losses,
            weights,
            optimizer=optimizer,
            scheduler=scheduler,
            clip_norm=clip_norm,
            ema_decay=ema_decay,
            channels_last=channels_last,
        )
        checkpoints = CheckpointFolder(folder.checkpoints, keep)
        start = _restore(learner, checkpoints, seed)
        bar, hear = audience(stack, fabric, folder, listeners, steps, start, precision)
        log, numbers = Log(check_gradient=learner.scaler is None), dict[str, float]()
        feed = stack.enter_context(contextlib.closing(_feed(batches, fabric, start * accumulate, steps * accumulate)))
        for step in range(start + 1, steps + 1):
            log.add(step, learner.learn([next(feed) for _ in range(accumulate)]))
            bar.advance(step)
            save_now = step % checkpoint_every == 0 or step == steps
            validate_now = validate and (step == steps or (validate_every and step % validate_every == 0))
            if not (save_now or validate_now or step % log_every == 0):
                continue
            numbers = log.take() | {"learning_rate": learner.optimizer.param_groups[0]["lr"]}
            if validate and validate_now:
                numbers |= _validated(fabric, learner, validate, step)
            for listener in hear:
                listener(step, numbers)
            if save_now:
                _save(learner, checkpoints, step)
        if fabric.is_global_zero:
            save_network(folder.network, learner.best, recipe.get("network", {}))
        fabric.barrier()
    return FitResult(learner.best.eval(), max(start, steps), numbers, folder, fabric.is_global_zero)


def _checked_weights(losses: Mapping[str, Loss], weights: Mapping[str, float] | None) -> dict[str, float]:
    weights = dict(weights or {})
    unknown = sorted(set(weights) - set(losses))
    if not losses or unknown:
        raise RecipeError(
            f"loss weights: {', '.join(unknown)} not among the losses {', '.join(losses)}"
            if losses
            else "losses: none given; training needs at least one"
        )
    for name, weight in weights.items():
        if not math.isfinite(weight):
            raise RecipeError(f"loss weights: {name} is {weight}, expected a finite number")
    return {name: float(weights.get(name, 1.0)) for name in losses}


def _check(network: Network, batches: Batches, **at_least_one: int) -> None:
    check_at_least_one(**at_least_one)
    written, counted = getattr(network, "num_subjects", None), len(batches.subjects)
    if isinstance(written, int) and written != counted:
        raise RecipeError(
            f"{type(network).__name__}: num_subjects is {written}, but there are {counted} training subjects; "
            f"write num_subjects: {counted}"
        )
    if network.ordered and isinstance(batches, TrainingBatches) and not batches.store.ordered:
        raise RecipeError(
            f"{type(network).__name__} heeds the order of frames, but {batches.store.path} holds takes without order, "
            f"generated by {batches.store.meta['generated']['name']}: choose a network of sets, or an ordered generator"
        )


def _restore(learner: Learner, checkpoints: CheckpointFolder, seed: int) -> int:
    with agreed(learner.fabric):
        state = checkpoints.load_newest()
        start = learner.restore(state, seed) if state else 0
    if any(int(other) != start for other in everybodys(learner.fabric, torch.tensor(start))):
        raise TrainingError(f"{checkpoints.folder}: processes see different checkpoints; expected one shared folder")
    return start


def _feed(batches: Batches, fabric: Fabric, start: int, stop: int) -> Generator[ClipBatch, None, None]:
    """This process's slices of the global batches, made ahead of time."""
    part, parts = fabric.global_rank, fabric.world_size
    for i, batch in enumerate(
        prefetched(cast(TrainingBatches, batches), start, stop, part, parts, device=fabric.device)
    ):
        if i == 0 and parts > 1:
            sizes = [int(size) for size in everybodys(fabric, torch.tensor(len(batch)))]
            if len(set(sizes)) > 1:
                raise RecipeError(
                    f"a batch of {sum(sizes)} clips cannot be shared evenly by {parts} processes; "
                    "choose subjects and clips per batch so that it can"
                )
        yield batch


def _validated(
    fabric: Fabric, learner: Learner, validate: Callable[[Network, int], Mapping[str, float]], step: int
) -> dict[str, float]:
    numbers: Mapping[str, float] = {}
    if fabric.is_global_zero:
        learner.network.eval()
        with torch.no_grad():
            numbers = validate(learner.best, step)
        learner.network.train()
    fabric.barrier()
    return {f"validation/{name}": float(value) for name, value in numbers.items()}


def _save(learner: Learner, checkpoints: CheckpointFolder, step: int) -> None:
    state = learner.state(step)
    if learner.fabric.is_global_zero:
        checkpoints.save(step, state)

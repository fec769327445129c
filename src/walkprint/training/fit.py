"""Training: one loop for one process or many, on CPU or GPU, that resumes exactly where it was stopped."""

import contextlib
import math
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, cast, get_args

import torch
from lightning_fabric import Fabric
from torch import Tensor

from walkprint.core.batch import ClipBatch
from walkprint.core.errors import RecipeError, TrainingError
from walkprint.data.loading import TrainingBatches, prefetched
from walkprint.losses.base import Loss
from walkprint.networks.base import Network
from walkprint.training.checkpoint import CheckpointFolder, save_network
from walkprint.training.learner import Learner, MakeOptimizer, MakeScheduler
from walkprint.training.listeners import Listener, MetricsFile, ProgressBar
from walkprint.training.processes import agreed, everybodys
from walkprint.training.random_state import seed_all
from walkprint.training.run import RunFolder

Precision = Literal["32-true", "bf16-mixed", "16-mixed"]


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
        step: how many steps are finished.
        numbers: those of the last log line; empty when the run was finished before.
        run: its folder; `run.network` is the folder of the finished network.
    """

    network: Network
    step: int
    numbers: Mapping[str, float]
    run: RunFolder


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
        RecipeError: a setting is out of range, or the run began with another recipe.
        CheckpointError: no checkpoint of the run can be read.
        TrainingError: a loss or gradient is not finite, or another process is using the run folder.
    """
    weights = _checked_weights(losses, loss_weights)
    _check(network, batches, steps=steps, accumulate=accumulate, log_every=log_every, checkpoint_every=checkpoint_every)
    _check_options(clip_norm, ema_decay, validate_every, seed)
    folder = run if isinstance(run, RunFolder) else RunFolder(run)
    fabric = _launch(accelerator, devices, nodes, precision)
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
        bar, hear = _audience(stack, fabric, folder, listeners, steps, start, precision)
        log, numbers = _Log(check_gradient=learner.scaler is None), dict[str, float]()
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
    return FitResult(learner.best.eval(), steps, numbers, folder)


class _Log:
    """Numbers of the steps since the last log line, left on the device until they are asked for."""

    def __init__(self, *, check_gradient: bool) -> None:
        self._steps: list[tuple[int, dict[str, Tensor]]] = []
        self._check_gradient = check_gradient  # a gradient scaler meets and skips infinite ones by design

    def add(self, step: int, numbers: dict[str, Tensor]) -> None:
        self._steps.append((step, numbers))

    def take(self) -> dict[str, float]:
        """Means since the last call.

        Raises:
            TrainingError: a loss or a gradient was not finite.
        """
        values = torch.stack([one.float() for _, numbers in self._steps for one in numbers.values()]).tolist()
        place = iter(values)
        columns: dict[str, list[float]] = {}
        for step, numbers in self._steps:
            for name in numbers:
                columns.setdefault(name, []).append(next(place))
            self._check(step, {name: columns[name][-1] for name in numbers})
        self._steps = []
        return {name: math.fsum(column) / len(column) for name, column in columns.items()}

    def _check(self, step: int, numbers: Mapping[str, float]) -> None:
        gradient = ["gradient_norm"] if self._check_gradient else []
        for name in [*(one for one in numbers if one.endswith("/loss")), "loss", *gradient]:
            if not math.isfinite(numbers[name]):
                raise TrainingError(
                    f"step {step}: {name} is {numbers[name]}, expected a finite number; nothing was saved since the "
                    "last checkpoint: lower the learning rate, set clip_norm, or use precision 32-true or bf16-mixed"
                )


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
    for name, number in at_least_one.items():
        if number < 1:
            raise RecipeError(f"{name} is {number}, expected at least 1")
    written, counted = getattr(network, "num_subjects", None), len(batches.subjects)
    if isinstance(written, int) and written != counted:
        raise RecipeError(
            f"{type(network).__name__}: num_subjects is {written}, but there are {counted} training subjects; "
            f"write num_subjects: {counted}"
        )


def _check_options(clip_norm: float | None, ema_decay: float | None, validate_every: int | None, seed: int) -> None:
    if clip_norm is not None and not clip_norm > 0:
        raise RecipeError(f"clip_norm is {clip_norm}, expected more than 0, or none")
    if ema_decay is not None and not 0 < ema_decay < 1:
        raise RecipeError(f"ema_decay is {ema_decay}, expected between 0 and 1, say 0.999, or none")
    if validate_every is not None and validate_every < 1:
        raise RecipeError(f"validate_every is {validate_every}, expected at least 1, or none")
    if seed < 0:
        raise RecipeError(f"seed is {seed}, expected at least 0")


def _launch(accelerator: str, devices: int | str, nodes: int, precision: Precision) -> Fabric:
    if precision not in get_args(Precision):
        raise RecipeError(f"precision is {precision!r}, expected one of {', '.join(get_args(Precision))}")
    try:
        fabric = Fabric(accelerator=accelerator, devices=devices, num_nodes=nodes, precision=precision)
    except (ValueError, RuntimeError, TypeError) as error:
        raise RecipeError(f"accelerator {accelerator!r} with devices {devices!r}: {error}") from error
    if precision == "16-mixed" and fabric.device.type == "cpu":
        raise RecipeError("precision 16-mixed needs a GPU; use bf16-mixed or 32-true on a CPU")
    fabric.launch()
    return fabric


def _restore(learner: Learner, checkpoints: CheckpointFolder, seed: int) -> int:
    with agreed(learner.fabric):
        state = checkpoints.load_newest()
        start = learner.restore(state, seed) if state else 0
    if any(int(other) != start for other in everybodys(learner.fabric, torch.tensor(start))):
        raise TrainingError(f"{checkpoints.folder}: processes see different checkpoints; expected one shared folder")
    return start


def _audience(
    stack: contextlib.ExitStack,
    fabric: Fabric,
    folder: RunFolder,
    listeners: Sequence[Listener],
    steps: int,
    start: int,
    precision: str,
) -> tuple[ProgressBar, list[Listener]]:
    """The progress bar, and everybody who listens: in the first process only, each closed at the end."""
    bar = ProgressBar(steps, start, visible=fabric.is_global_zero)
    stack.callback(bar.close)
    if not fabric.is_global_zero:
        return bar, []
    folder.note_versions(start, device=str(fabric.device), processes=fabric.world_size, precision=precision)
    hear: list[Listener] = [MetricsFile(folder.metrics, start), bar, *listeners]
    for listener in hear:
        if listener is not bar and hasattr(listener, "close"):
            stack.callback(listener.close)
    return bar, hear


def _feed(batches: Batches, fabric: Fabric, start: int, stop: int) -> Generator[ClipBatch, None, None]:
    """This process's slices of the global batches, made ahead of time."""
    part, parts = fabric.global_rank, fabric.world_size
    for i, batch in enumerate(prefetched(cast(TrainingBatches, batches), start, stop, part, parts)):
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

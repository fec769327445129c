"""Training: one loop for one process or many, on CPU or GPU, that resumes exactly where it was stopped."""

import contextlib
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

import torch

from walkprint.core.batch import ClipBatch
from walkprint.core.described import describe
from walkprint.core.errors import RecipeError, TrainingError
from walkprint.data.loading import TrainingBatches, prefetched
from walkprint.data.resident import placed
from walkprint.losses.base import Loss
from walkprint.losses.weighted import WeightedLosses
from walkprint.networks.base import Network
from walkprint.training.checkpoint import save_network
from walkprint.training.learner import Learner, MakeOptimizer, MakeScheduler
from walkprint.training.listeners import Listener
from walkprint.training.loop import Log, Loop, launch, open_listeners
from walkprint.training.memory import check_memory
from walkprint.training.processes import agreed, gather
from walkprint.training.random_state import seed_all
from walkprint.training.run import RunFolder
from walkprint.training.saving import Saving

if TYPE_CHECKING:
    from lightning_fabric import Fabric

Validate = Callable[[Network, int], Mapping[str, float]]


class Batches(Protocol):
    """What training is fed with: `TrainingBatches`, or anything of that shape."""

    @property
    def subjects(self) -> Sequence[str]:
        """Names of the training subjects; the class index is the position."""

    def batch(self, step: int, rank: int = 0, processes: int = 1) -> ClipBatch:
        """A pure function: the global batch of a step, or one of `processes` equal contiguous slices of it."""


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
    optimizer: MakeOptimizer,
    loop: Loop,
    run: str | Path | RunFolder,
    *,
    scheduler: MakeScheduler | None = None,
    validate: Validate | None = None,
    listeners: Sequence[Listener] = (),
) -> FitResult:
    """Train a network.

    With several processes each takes its slice of every batch, and the losses see the whole: N processes learn what
    one would learn (with batch normalization, synchronized on GPUs, not on CPUs). The first process writes the run
    folder and calls `validate` and the listeners. Several nodes need a run folder that all of them see; start the same
    command on each, with `NODE_RANK`, `MASTER_ADDR` and `MASTER_PORT` set, or under torchrun or Slurm.

    Killed at any moment and called again with the same arguments, it goes on from the newest checkpoint; on a CPU with
    the same number of threads the weights come out bit for bit as if nothing had happened. SIGTERM, SIGINT, SIGHUP and
    SIGUSR1 let it finish and save the step. With more steps than before a finished run is trained on.

    Args:
        network: trained in place; its initial weights are the caller's business.
        losses: by name; their sum is minimized, or the weighted sum of `WeightedLosses`.
        batches: where clips come from.
        optimizer: called with the parameters, e.g. `partial(torch.optim.SGD, lr=0.1)`.
        loop: how long, where and how exactly.
        run: the run folder; a `RunFolder` brings its own record of the settings.
        scheduler: called with the optimizer, e.g. `MultiStep([20000, 40000])`; stepped once a step.
        validate: called with the network in evaluation mode and the number of finished steps; gives numbers by name.
        listeners: called with every log line, besides `metrics.csv` and the progress bar; see `Listener`.

    Raises:
        RecipeError: settings do not fit together, the run began with others, a step does not fit into memory, or a
            network that needs the order of frames is given generated ones without order.
        CheckpointError: no checkpoint of the run can be read.
        DataError: the run began with other data.
        TrainingError: a loss or gradient is not finite, or another process is using the run folder.
        Stopped: a signal asked for it; all is saved.
    """
    losses = losses if isinstance(losses, WeightedLosses) else WeightedLosses(losses)
    _check(network, batches)
    folder, steps = RunFolder.of(run), loop.steps
    record = folder.record
    if record is None:
        record = _described(network, losses, batches, optimizer, scheduler, loop)
    fabric = launch(loop)
    with contextlib.ExitStack() as stack:
        saving = Saving(stack, fabric, folder, loop, record, batches)
        if fabric.is_global_zero and fabric.device.type == "cpu":
            check_memory(network, batches.batch(0), fabric.autocast())
        seed_all(loop.seed, fabric.global_rank)
        learner = Learner(fabric, network, losses, optimizer, scheduler, loop)
        log, numbers = Log(check_gradient=learner.scaler is None), dict[str, float]()
        start = _restore(learner, saving, log, loop.seed)
        bar, opened = open_listeners(stack, fabric, folder, listeners, loop, start)
        every = loop.accumulate
        source = placed(batches, loop.resident, fabric.device) if isinstance(batches, TrainingBatches) else batches
        feed = stack.enter_context(contextlib.closing(_feed(source, fabric, start * every, steps * every)))
        stack.enter_context(saving.listening())
        for step in range(start + 1, steps + 1):
            log.add(step, learner.learn([next(feed) for _ in range(every)]))
            bar.advance(step)
            last = step == steps
            planned = last or step % loop.checkpoint_every == 0
            validate_now = validate and (last or (loop.validate_every and step % loop.validate_every == 0))
            if planned or validate_now or step % loop.log_every == 0:
                numbers = log.take() | {"learning_rate": learner.optimizer.param_groups[0]["lr"]}
                if validate and validate_now:
                    numbers |= _validated(fabric, learner, validate, step)
                for listener in opened:
                    listener(step, numbers)
            if saving.due(step) or planned:
                saving.save(learner.state(step), log)
        if fabric.is_global_zero:
            save_network(folder.network, learner.best)
        fabric.barrier()
    return FitResult(learner.best.eval(), max(start, steps), numbers, folder, fabric.is_global_zero)


def _described(
    network: Network,
    losses: WeightedLosses,
    batches: Batches,
    optimizer: MakeOptimizer,
    scheduler: MakeScheduler | None,
    loop: Loop,
) -> dict[str, Any]:
    """The record of a run whose caller gave none: what decides what is learned, but for the number of steps."""
    record = {"network": describe(network), "losses": describe(dict(losses)), "loss_weights": losses.weights}
    if isinstance(batches, TrainingBatches):
        store = batches.store
        record["data"] = {"root": str(store.path)}
        record["frames"], record["sampler"] = describe(batches.chooser), describe(batches.sampler)
        record["augmentations"] = describe(batches.augmentations)
    record |= {"optimizer": describe(optimizer), "scheduler": describe(scheduler)}
    names = ("accumulate", "clip_norm", "ema_decay", "precision", "channels_last", "seed")
    return record | {name: getattr(loop, name) for name in names}


def _check(network: Network, batches: Batches) -> None:
    written, counted = getattr(network, "num_subjects", None), len(batches.subjects)
    if isinstance(written, int) and written != counted:
        raise RecipeError(
            f"{type(network).__name__}: num_subjects is {written}, but there are {counted} training subjects; "
            f"write num_subjects: {counted}"
        )
    if network.ordered and isinstance(batches, TrainingBatches) and not batches.store.ordered:
        raise RecipeError(
            f"{type(network).__name__} needs the order of frames, but {batches.store.path} holds takes without order, "
            f"generated by {batches.store.meta['generated']['name']}: choose a network of sets, or an ordered generator"
        )


def _restore(learner: Learner, saving: Saving, log: Log, seed: int) -> int:
    with agreed(learner.fabric):
        state = saving.load(log)
        start = learner.restore(state, seed) if state else 0
    if any(int(other) != start for other in gather(learner.fabric, torch.tensor(start))):
        raise TrainingError(f"{saving.folder}: processes see different checkpoints; expected one shared folder")
    return start


def _feed(batches: Batches, fabric: "Fabric", start: int, stop: int) -> Generator[ClipBatch, None, None]:
    """This process's slices of the global batches, made ahead of time."""
    rank, processes = fabric.global_rank, fabric.world_size
    for i, batch in enumerate(
        prefetched(cast(TrainingBatches, batches), start, stop, rank, processes, device=fabric.device)
    ):
        if i == 0 and processes > 1:
            sizes = [int(size) for size in gather(fabric, torch.tensor(len(batch)))]
            if len(set(sizes)) > 1:
                raise RecipeError(
                    f"a batch of {sum(sizes)} clips cannot be shared evenly by {processes} processes; "
                    "choose subjects and clips per batch so that it can"
                )
        yield batch


def _validated(fabric: "Fabric", learner: Learner, validate: Validate, step: int) -> dict[str, float]:
    numbers: Mapping[str, float] = {}
    if fabric.is_global_zero:
        learner.network.eval()
        with torch.no_grad():
            numbers = validate(learner.best, step)
        learner.train_mode()
    fabric.barrier()
    return {f"validation/{name}": float(value) for name, value in numbers.items()}

"""Training a generator: one loop for all of them, which carries out their stages and phases and resumes exactly."""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from walkprint.core.described import describe
from walkprint.core.errors import RecipeError
from walkprint.generation.base import GenerativeModel
from walkprint.generation.batches import FrameBatches
from walkprint.generation.fingerprint import check_recordings, fingerprint
from walkprint.generation.monitor import DiversityMonitor
from walkprint.training.checkpoint import CONFIG_NAME, read_config, save_network
from walkprint.training.generator_learner import GeneratorLearner
from walkprint.training.listeners import Listener
from walkprint.training.loop import Log, Loop, launch, open_listeners
from walkprint.training.run import RunFolder
from walkprint.training.saving import Saving

_IN_ONE_PROCESS = {"devices": 1, "nodes": 1, "accumulate": 1, "validate_every": None}


@dataclass(frozen=True, slots=True, eq=False)
class GeneratorResult:
    """What training gives.

    Attributes:
        model: trained, its weights averaged where that was asked for, in evaluation mode, on the training device.
        step: how many steps are finished; more than were asked for when the run had more before.
        numbers: those of the last log line; empty when the run was finished before.
        run: its folder, for `load_generator`.
    """

    model: GenerativeModel
    step: int
    numbers: Mapping[str, float]
    run: RunFolder


def fit_generator(
    model: GenerativeModel,
    batches: FrameBatches,
    loop: Loop,
    run: str | Path | RunFolder,
    *,
    watch: DiversityMonitor | None = None,
    listeners: Sequence[Listener] = (),
) -> GeneratorResult:
    """Train a generator, in one process.

    Each stage begins with fresh optimizers, and with the average of the weights of the stage before. Killed at any
    moment and called again with the same arguments, it goes on from the newest checkpoint; on a CPU with the same
    number of threads the weights come out bit for bit as if nothing had happened. SIGTERM, SIGINT, SIGHUP and SIGUSR1
    let it finish and save the step.

    Args:
        model: trained in place; its first weights are the caller's business.
        batches: where frames come from.
        loop: how long (all stages together) and how exactly; an `ema_decay` follows faster in the first steps of a
            stage. `devices`, `nodes`, `accumulate` and `validate_every` stay as they are.
        run: the run folder; a `RunFolder` brings its own record of the settings.
        watch: what looks after diversity and labels in the last stage; the usual one when None. It judges in its
            second half, and what it finds is logged beside the losses.
        listeners: called with every log line, besides `metrics.csv` and the progress bar.

    Raises:
        RecipeError: a setting of the loop is not for generators, or the run began with other settings.
        CheckpointError: no checkpoint of the run can be read.
        DataError: the run began with other recordings than those in the store.
        TrainingError: a loss or gradient is not finite, the generator collapsed, or another process uses the folder.
        Stopped: a signal asked for it; all is saved.
    """
    _check(loop)
    folder, steps, watch = RunFolder.of(run), loop.steps, watch or DiversityMonitor()
    record = _described(model, batches, loop) if folder.record is None else folder.record
    fabric = launch(loop)
    with contextlib.ExitStack() as stack:
        saving = Saving(stack, fabric, folder, loop, record, batches)
        learner = GeneratorLearner(fabric, model, batches, loop)
        log, numbers = Log(check_gradient=True), dict[str, float]()
        state = saving.load(log)
        recordings = _recordings(state, folder, batches)
        start = learner.restore(state) if state else 0
        bar, opened = open_listeners(stack, fabric, folder, listeners, loop, start)
        stack.enter_context(saving.listening())
        for step in range(start + 1, steps + 1):
            log.add(step, learner.learn(step))
            bar.advance(step)
            watched = learner.progress_of_last(step) > 0 and (step % watch.every == 0 or step == steps)
            planned = step % loop.checkpoint_every == 0 or step == steps
            if planned or watched or step % loop.log_every == 0:
                numbers = log.take()
                if watched:
                    seen = watch.measure(learner.best, batches, step)
                    numbers |= seen
                for listener in opened:
                    listener(step, numbers)
                if learner.progress_of_last(step) > 0.5 and watched:
                    watch.check(seen, step)
            if saving.due(step) or planned:
                saving.save({**learner.state(step), "recordings": recordings}, log)
        learner.best.recordings = recordings
        save_network(folder.generator, learner.best, {"recordings": dict(recordings)})
    return GeneratorResult(learner.best.eval(), max(start, steps), numbers, folder)


def _recordings(state: Mapping[str, Any] | None, folder: RunFolder, batches: FrameBatches) -> Mapping[str, str]:
    """The fingerprint of what the run began with, which the store must agree with; empty where none was kept.

    It is taken once, before the first step: taken later, it could be that of other people in a newer store.
    """
    if state is None:
        return fingerprint(batches.store, batches.keys, batches.source_condition)
    if "recordings" in state:
        known: Mapping[str, str] = state["recordings"]
    else:  # a checkpoint of before they were kept there
        finished = (folder.generator / CONFIG_NAME).exists()
        known = read_config(folder.generator).get("recordings", {}) if finished else {}
    check_recordings(batches.store, known, f"the generator in {folder.path}")
    return known


def _check(loop: Loop) -> None:
    for name, usual in _IN_ONE_PROCESS.items():
        if getattr(loop, name) != usual:
            raise RecipeError(f"{name} is {getattr(loop, name)!r}, expected {usual!r}: not for training a generator")
    if loop.precision == "16-mixed":
        raise RecipeError("precision is 16-mixed, expected 32-true or bf16-mixed: generators use no gradient scaler")


def _described(model: GenerativeModel, batches: FrameBatches, loop: Loop) -> dict[str, Any]:
    """The record of a run whose caller gave none: what decides what is learned, but for the number of steps."""
    store = batches.store
    record = {
        "generator": describe(model),
        "data": {"root": str(store.path)},
        "batch_size": batches.batch_size,
    }
    names = ("clip_norm", "ema_decay", "precision", "channels_last", "seed")
    return record | {name: getattr(loop, name) for name in names}

"""Training a generator: one loop for all of them, which carries out their stages and phases and resumes exactly."""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from walkprint.core.errors import CheckpointError, RecipeError
from walkprint.generation.base import GenerativeModel
from walkprint.generation.batches import FrameBatches
from walkprint.generation.build import build_generator
from walkprint.generation.fingerprint import check_recordings, fingerprint
from walkprint.generation.monitor import DiversityMonitor
from walkprint.training.checkpoint import CONFIG_NAME, CheckpointFolder, load_weights, read_config, save_network
from walkprint.training.generator_learner import GeneratorLearner
from walkprint.training.listeners import Listener
from walkprint.training.loop import Log, Precision, audience, check_at_least_one, check_options, launch
from walkprint.training.run import RunFolder

GENERATOR_NAME = RunFolder("").generator.name


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
    *,
    steps: int,
    run: str | Path | RunFolder,
    recipe: Mapping[str, Any],
    seed: int = 0,
    accelerator: str = "auto",
    precision: Precision = "32-true",
    channels_last: bool = False,
    ema_decay: float | None = 0.999,
    clip_norm: float | None = None,
    log_every: int = 10,
    checkpoint_every: int = 500,
    keep: int = 2,
    watch: DiversityMonitor | None = None,
    listeners: Sequence[Listener] = (),
    resume: bool = True,
) -> GeneratorResult:
    """Train a generator, in one process.

    Each stage begins with fresh optimizers, and with the average of the weights of the stage before. Killed at any
    moment and called again with the same arguments, it goes on from the newest checkpoint; on a CPU with the same
    number of threads the weights come out bit for bit as if nothing had happened.

    Args:
        model: trained in place; its first weights are the caller's business.
        batches: where frames come from.
        steps: how many steps in all stages together, those before a resume included.
        run: the run folder.
        recipe: the resolved settings as plain data; its `generator` entry goes beside the finished weights.
        seed: of everything random but the batches.
        accelerator: "auto", "cpu" or "cuda".
        precision: 32-true or bf16-mixed.
        channels_last: keep convolution weights in that memory order, which is often faster.
        ema_decay: of an exponential moving average of the weights, which is what is saved; it follows faster in the
            first steps of a stage. None saves the weights themselves.
        clip_norm: largest norm of each phase's gradient.
        log_every: steps between log lines.
        checkpoint_every: steps between checkpoints; the last step always has one.
        keep: how many checkpoints stay.
        watch: what looks after diversity and labels in the last stage; the usual one when None. It judges in its
            second half, and what it finds is logged beside the losses.
        listeners: called with every log line, besides `metrics.csv` and the progress bar.
        resume: go on with what is in the run folder; False deletes it and begins anew.

    Raises:
        RecipeError: a setting is out of range, or the run began with another recipe.
        CheckpointError: no checkpoint of the run can be read.
        DataError: the run began with other recordings than those in the store.
        TrainingError: a loss or gradient is not finite, the generator collapsed, or another process uses the folder.
    """
    check_at_least_one(steps=steps, log_every=log_every, checkpoint_every=checkpoint_every)
    check_options(clip_norm, ema_decay, seed)
    if precision == "16-mixed":
        raise RecipeError("precision is 16-mixed, expected 32-true or bf16-mixed: generators use no gradient scaler")
    folder, watch = run if isinstance(run, RunFolder) else RunFolder(run), watch or DiversityMonitor()
    fabric = launch(accelerator, 1, 1, precision)
    with contextlib.ExitStack() as stack:
        stack.enter_context(folder.lock())
        folder.begin(recipe, resume)
        learner = GeneratorLearner(
            fabric,
            model,
            batches,
            steps,
            seed=seed,
            clip_norm=clip_norm,
            ema_decay=ema_decay,
            channels_last=channels_last,
        )
        checkpoints = CheckpointFolder(folder.checkpoints, keep)
        state = checkpoints.load_newest()
        recordings = _recordings(state, folder, batches)
        start = learner.restore(state) if state else 0
        bar, hear = audience(stack, fabric, folder, listeners, steps, start, precision)
        log, numbers = Log(check_gradient=True), dict[str, float]()
        for step in range(start + 1, steps + 1):
            log.add(step, learner.learn(step))
            bar.advance(step)
            watched = learner.progress_of_last(step) > 0 and (step % watch.every == 0 or step == steps)
            save_now = step % checkpoint_every == 0 or step == steps
            if not (save_now or watched or step % log_every == 0):
                continue
            numbers = log.take()
            if watched:
                seen = watch.measure(learner.best, batches, step)
                numbers |= seen
            for listener in hear:
                listener(step, numbers)
            if learner.progress_of_last(step) > 0.5 and watched:
                watch.judge(seen, step)
            if save_now:
                checkpoints.save(step, {**learner.state(step), "recordings": recordings})
        learner.best.recordings = recordings
        save_network(folder.generator, learner.best, _config(learner.best, recipe))
    return GeneratorResult(learner.best.eval(), max(start, steps), numbers, folder)


def _recordings(state: Mapping[str, Any] | None, folder: RunFolder, batches: FrameBatches) -> Mapping[str, str]:
    """The fingerprint of what the run began with, which the store must agree with; empty where none was kept.

    It is taken once, before the first step: taken later, it could be that of other people whom the store holds by now.
    """
    if state is None:
        return fingerprint(batches.store, batches.keys, batches.source)
    if "recordings" in state:
        known: Mapping[str, str] = state["recordings"]
    else:  # a checkpoint of before they were kept there
        finished = (folder.generator / CONFIG_NAME).exists()
        known = read_config(folder.generator).get("recordings", {}) if finished else {}
    check_recordings(batches.store, known, f"the generator in {folder.path}")
    return known


def load_generator(run: str | Path) -> GenerativeModel:
    """The generator that `fit_generator` left in a run folder, in evaluation mode, on the CPU.

    Raises:
        CheckpointError: the training is not finished, or a file is damaged.
        RecipeError: the generator's class or a setting of it is unknown.
    """
    folder = RunFolder(run).generator
    if not folder.is_dir():
        raise CheckpointError(f"{run}: {_what_else(RunFolder(run))}")
    config = read_config(folder)
    model = build_generator(config)
    load_weights(model, folder)
    model.recordings = config.get("recordings", {})  # none before they were kept
    return model.eval()


def _what_else(run: RunFolder) -> str:
    """What a folder is that holds no generator, and what to do."""
    if run.network.is_dir():
        return "holds a recognizer; expected the run folder of a generator"
    if run.recipe.is_file():
        return f"its generator is not finished; go on with: walkprint train-generator --run {run.path}"
    return "holds no generator; expected the run folder of walkprint train-generator"


def _config(model: GenerativeModel, recipe: Mapping[str, Any]) -> dict[str, Any]:
    """The recipe's entry with the names that came from the data, and beside it which data that were."""
    entry = recipe.get("generator", {})
    names = {"subjects": model.names.subjects, "conditions": model.names.conditions, "views": model.names.views}
    settings = {**entry.get("init_args", {}), **{name: list(one) for name, one in names.items()}}
    kind = type(model)
    return {
        "class_path": f"{kind.__module__}.{kind.__qualname__}",
        "init_args": {**settings, "source": model.source},
        "recordings": dict(model.recordings),
    }

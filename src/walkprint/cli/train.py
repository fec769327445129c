"""`walkprint train`: a network by a recipe; the same command goes on with a run that was stopped."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from walkprint.core.bounds import Count
from walkprint.core.progress import progress
from walkprint.core.summary import Summary, counted
from walkprint.recipes.library import find_recipe

if TYPE_CHECKING:
    from walkprint.training.listeners import Listener


def train(
    recipe: str | None = None,
    *,
    run: Path,
    init: str | None = None,
    set: dict[str, Any] | None = None,
    accelerator: str = "auto",
    devices: str = "1",
    nodes: Count = 1,
    resident: Literal["auto", "device", "host"] = "auto",
    compile: bool = False,
    track: list[Literal["tensorboard", "wandb", "mlflow"]] = [],  # noqa: B006 - never changed
    fresh: bool = False,
) -> Summary | None:
    """Train a network by a recipe, or resume a run.

    Args:
        recipe: a YAML file or a bundled recipe; `walkprint recipes` lists those. Without it, the run is resumed.
        run: folder of the run.
        init: start from the weights of this network: a folder, a checkpoint's file, or the name of a bundled network.
        set: settings that replace those of the recipe, e.g. schedule.steps=200 data.root=stores/mine; `walkprint
            explain Recipe` lists them, `walkprint explain GaitSet` those of a class.
        accelerator: auto, cpu or cuda.
        devices: processes on this machine, or auto.
        nodes: number of machines; run the same command on each.
        resident: where the training frames are kept: device, host, or auto, which is the GPU if they fit.
        compile: have torch compile the network, for long trainings on a GPU.
        track: also send the numbers to these trackers; each needs the extra of its name.
        fresh: delete the run in the folder and start again.

    Example:
        walkprint train walkers/gaitset_narrow --run runs/first --set schedule.steps=200
    """
    source = find_recipe(recipe, run)
    from walkprint.recipes.recipe import load_recipe
    from walkprint.recipes.training import train as train_by
    from walkprint.training.trackers import tracker

    loaded = load_recipe(source, set)
    with progress("training", bar=False) as on_progress:
        listeners: list[Listener] = [lambda step, numbers: on_progress(step, loaded.schedule.steps)]
        result = train_by(
            loaded,
            run,
            init=init,
            accelerator=accelerator,
            devices=int(devices) if devices.isdigit() else devices,
            nodes=nodes,
            resident=resident,
            compile=compile,
            listeners=[*listeners, *(tracker(name, run) for name in track)],
            resume=not fresh,
        )
    if not result.first:  # of several processes only the first has something to report
        return None
    loss = f", loss {result.numbers['loss']:.4g}" if "loss" in result.numbers else ""
    ending = loss if result.numbers else "; it was finished before, so nothing was left to do"
    return Summary(
        {"run": str(run), "step": result.step, "numbers": dict(result.numbers)},
        f"{run}: {counted(result.step, 'step')}{ending}",
    )

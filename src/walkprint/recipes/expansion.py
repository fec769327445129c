"""From a store and a generator to a store that holds more in one call; `walkprint expand`."""

import shutil
from pathlib import Path
from typing import Any

from walkprint.core.bounds import Count, Seed
from walkprint.core.engine import HERE, Machines
from walkprint.core.errors import ArgumentError, DataError
from walkprint.core.files import check_there
from walkprint.core.progress import progress
from walkprint.core.summary import Summary
from walkprint.recipes.settings import settings_of


def expand_to_store(
    *,
    data: Path | str | None = None,
    set: dict[str, Any] | None = None,
    run: Path | str | None = None,
    expander: str | None = None,
    wanted: dict[str, Count],
    out: Path | str,
    seed: Seed = 0,
    device: str = "cpu",
    bf16: bool = False,
    cover: bool = False,
    machines: Machines = HERE,
    sheet: Path | str | None = None,
) -> Summary:
    """Add generated takes of a rare condition to a data set.

    Writes a new store with every sequence of the data set and generated takes of its training subjects. They come from
    a trained generator or from a simpler method. If it is stopped, the same command resumes it.

    Args:
        data: folder of a store; by default the one that the generator was trained on.
        set: settings of data and expander, e.g. data.train=40 expander.p=0.1.
        run: folder of a finished run of a generator.
        expander: DrapedCoat, Copying, NoiseInjection, MorphologicalCoat, Rerendering or your own by its dotted path;
            without --run, DrapedCoat by default, which needs no training.
        wanted: number of takes that each training subject is to have, recordings included, e.g. cl=6.
        out: folder of the new store.
        seed: seed of everything random.
        device: where the generator runs: cpu or cuda.
        bf16: generate in bfloat16, often twice as fast.
        cover: overlay each generated frame on its source frame; for coats.
        machines: where work is done, on CPUs; by default in one process that uses all cores.
        sheet: also write a PNG of real and generated takes.

    Example:
        walkprint expand --data stores/mine --wanted cl=2 --out stores/mine-with-coats
        walkprint expand --run runs/coats --wanted cl=6 --cover --out stores/walkers-expanded
    """
    if (run is None and data is None) or (run is not None and expander is not None):
        raise ArgumentError("give `data`, or `run` without `expander`")
    if run is None and (bf16 or cover):
        idle = " and ".join(["`bf16`"] * bf16 + ["`cover`"] * cover)
        raise ArgumentError(f"{idle}: only for a generator's `run`; leave out without it")
    expander = expander if run is not None else expander or "DrapedCoat"
    machines.check_cpu(device)
    check_there(data, run)
    settings = settings_of(set, *(name for name, given in (("data", data), ("expander", expander)) if given))
    from walkprint.core.device import usable_device
    from walkprint.data.packed import Packed
    from walkprint.data.store import Store
    from walkprint.evaluation.frame_measures import expansion_lines, generated_frames, lost_frames
    from walkprint.evaluation.sheets import save_generated_sheet
    from walkprint.generation.expand import expand as expand_by
    from walkprint.generation.expander import Expander, GeneratorExpander
    from walkprint.recipes.classes import build
    from walkprint.recipes.trained import dataset_of, load_generator

    usable = usable_device(device)
    dataset = dataset_of(run or "") if data is None else build(Packed, {"root": str(data), **settings[0]})
    made_by: Expander = (
        build(Expander, {"class_path": expander, "init_args": settings[1]})
        if run is None
        else GeneratorExpander(load_generator(run).to(usable), bf16=bf16, cover=cover)
    )
    with progress("generating") as on_progress:
        path = expand_by(
            dataset, made_by, wanted=wanted, out=out, seed=seed,
            workers=machines.workers, engine=machines.chosen, progress=on_progress,
        )  # fmt: skip
    store = Store.open(path)
    dropped = lost_frames(store)
    if not store.generated:  # a store that only looks filled would be trained on
        shutil.rmtree(path)
        raise DataError(
            f"{path}: nothing is left of what was generated "
            f"({'; '.join(f'{count} frames, {reason}' for reason, count in dropped.items())}), so no store was made: "
            "look at what the generator draws, or train it longer"
        )
    text = expansion_lines(store)
    if sheet is not None:
        save_generated_sheet(store, Path(sheet))
        text.append(f"{sheet}: for some subjects, rows of the source, of what was made from it, of a real take")
    numbers = {
        "path": str(path), "sequences": len(store.generated), "dropped": dropped, **store.meta["generated"],
        "frames": generated_frames(store), "sheet": sheet and str(sheet),
    }  # fmt: skip
    return Summary(numbers, "\n".join(text))

"""`walkprint expand`: more takes of a rare condition, by a trained generator or by something simpler."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from walkprint.cli.progress import progress
from walkprint.cli.settings import check_there, settings_of
from walkprint.cli.values import UsageError
from walkprint.cli.verb import Summary
from walkprint.core.errors import DataError

if TYPE_CHECKING:
    from walkprint.data.store import Store


def expand(
    *,
    data: Path,
    set: dict[str, Any] | None = None,
    run: Path | None = None,
    expander: str | None = None,
    wanted: dict[str, int],
    out: Path,
    seed: int = 0,
    device: str = "cpu",
    bf16: bool = False,
    cover: bool = False,
    sheet: Path | None = None,
) -> Summary:
    """Add generated takes of a rare condition to a data set.

    Writes a store that holds the data set's every sequence, and generated takes of its training subjects: by the
    generator of a run, or by something simpler. Stopped and called again, it goes on.

    Args:
        data: folder of a store.
        set: settings of data and expander, e.g. data.train=40 expander.p=0.1.
        run: folder of a generator's finished run.
        expander: Copying, NoiseInjection, MorphologicalCoat or your own by its dotted path, instead of --run.
        wanted: takes that each training subject gets, those recorded included, e.g. cl=6.
        out: folder of the store.
        seed: of everything random.
        device: where the generator runs: cpu or cuda.
        bf16: generate in bfloat16, often twice as fast.
        cover: lay what is generated over its source: for coats.
        sheet: also write a PNG of real and generated takes.

    Example:
        walkprint expand --data stores/walkers --run runs/coats --wanted cl=6 --cover --out stores/walkers-expanded
    """
    if (run is None) == (expander is None):
        raise UsageError("give either --run or --expander")
    idle = [name for name, given in (("--bf16", bf16), ("--cover", cover)) if given]
    if expander is not None and idle:
        raise UsageError(f"{' and '.join(idle)}: only for a generator's --run; leave out with --expander")
    for path in [data] if run is None else [data, run]:
        check_there(path)
    packed, *settings = settings_of(set, "data", *(["expander"] if expander else []))
    from walkprint.core.device import usable_device
    from walkprint.data.packed import Packed
    from walkprint.data.store import Store
    from walkprint.generation.expand import expand as expand_by
    from walkprint.generation.expander import Expander, GeneratorExpander
    from walkprint.recipes.classes import build
    from walkprint.recipes.trained import load_generator

    usable = usable_device(device)
    dataset = build(Packed, {"root": str(data), **packed})
    made_by: Expander
    if run is None:
        made_by = build(Expander, {"class_path": expander, "init_args": settings[0]})
    else:
        made_by = GeneratorExpander(load_generator(run).to(usable), bf16=bf16, cover=cover)
    with progress("generating") as tell:
        path = expand_by(dataset, made_by, wanted=wanted, out=out, seed=seed, progress=tell)
    store = Store.open(path)
    if not store.generated:  # a store that only looks filled would be trained on
        lost = "; ".join(f"{count} frames, {reason}" for reason, count in _lost(store).items())
        shutil.rmtree(path)
        raise DataError(
            f"{path}: nothing is left of what was generated ({lost}), so no store was made: look at what the generator "
            "draws, or train it longer"
        )
    return _summary(store, sheet)


def _lost(store: "Store") -> dict[str, int]:
    """Why generated frames were left out -> how many."""
    return {reason: count for reason, count in store.meta["dropped"].items() if reason.startswith("generated: ")}


def _summary(store: "Store", sheet: Path | None) -> Summary:
    from walkprint.evaluation.frame_measures import area_lines
    from walkprint.evaluation.sheets import save_generated_sheet

    made_by = store.meta["generated"]
    frames = sum(int(store.lengths[store.index(key)]) for key in store.generated)
    dropped = _lost(store)
    order = "" if store.ordered else "; without order of frames: only for networks of sets"
    recorded = len(store.keys) - len(store.generated)
    text = [
        f"{store.path}: {recorded} recorded sequences and {len(store.generated)} generated, of {frames} frames, by "
        f"{made_by['name']}{order}"
    ]
    text += area_lines(store)
    text += [f"left out: {count} frames, {reason}" for reason, count in dropped.items()]
    text += [f"nothing to start from: {one}" for one in made_by["missing"]]
    if sheet is not None:
        save_generated_sheet(store, sheet)
        text.append(f"{sheet}: for some subjects, rows of the source, of what was made from it, of a real take")
    numbers = {
        "path": str(store.path), "sequences": len(store.generated), "frames": frames, "dropped": dropped, **made_by,
        "sheet": str(sheet) if sheet is not None else None,
    }  # fmt: skip
    return Summary(numbers, "\n".join(text))

"""`walkprint expand`: more takes of a rare condition, by a trained generator or by something simpler."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from walkprint.cli.words import BadWordsError, Summary, new_parser, parse, progress, spelled_out, store_first
from walkprint.core.device import usable_device
from walkprint.core.errors import DataError
from walkprint.core.sequence import SequenceKey
from walkprint.data.packed import Packed
from walkprint.data.store import Store
from walkprint.evaluation.sheets import save_generated_sheet
from walkprint.generation.expand import expand
from walkprint.generation.expander import Expander, GeneratorExpander
from walkprint.recipes.classes import import_families, instantiate
from walkprint.recipes.trained import load_generator

EXAMPLE = (
    "walkprint expand --data stores/walkers --run runs/generator --wanted '{cl: 6}' "
    "--cover --out stores/walkers-expanded"
)
_OF_GENERATORS = ("bf16", "cover")
_LOOKED_AT = 100
_LEAST_GAIN = 0.02


def main(words: Sequence[str]) -> Summary:
    """Carry out the words after `expand`."""
    import_families("generation")
    parser = new_parser(
        "expand",
        "Write a store that holds a data set's every sequence and generated takes of its training subjects: by the "
        "generator of a run, or by --expander Copying, NoiseInjection, MorphologicalCoat or your own by its dotted "
        "path. Stopped and called again, it goes on.",
        EXAMPLE,
    )
    parser.add_argument("--data", type=Packed, required=True, help="Folder of a store.")
    parser.add_argument("--run", type=Path | None, default=None, help="Folder of a generator's finished run.")
    parser.add_argument("--expander", type=Expander | None, default=None, help="Something simpler, instead of --run.")
    parser.add_argument("--wanted", type=dict[str, int], required=True, help="Takes a training subject shall have.")
    parser.add_argument("--out", type=Path, required=True, help="Folder of the store to be.")
    parser.add_argument("--seed", type=int, default=0, help="Of everything random.")
    parser.add_argument("--device", type=str, default="cpu", help="Where the generator runs: cpu or cuda.")
    parser.add_argument("--bf16", type=bool, default=False, help="Generate in bf16, often twice as fast.")
    parser.add_argument("--cover", type=bool, default=False, help="Lay what is generated over its source: for coats.")
    parser.add_argument("--sheet", type=Path | None, default=None, help="Also write a PNG of real and generated takes.")
    settings = parse(parser, spelled_out(store_first(words), _OF_GENERATORS))
    if (settings.run is None) == (settings.expander is None):
        raise BadWordsError("give either --run or --expander")
    if settings.expander and (idle := [f"--{name}" for name in _OF_GENERATORS if settings[name]]):
        raise BadWordsError(f"{' and '.join(idle)}: only for a generator's --run; leave out with --expander")
    device = usable_device(settings.device)
    built = instantiate(parser, settings)
    expander = built["expander"]
    if expander is None:
        model = load_generator(settings.run).to(device)
        expander = GeneratorExpander(model, bf16=settings.bf16, cover=settings.cover)
    with progress("generating") as tell:
        out = expand(
            built["data"], expander, wanted=settings.wanted, out=settings.out, seed=settings.seed, progress=tell
        )
    store = Store.open(out)
    if not store.generated:  # a store that only looks filled would be trained on
        lost = "; ".join(f"{count} frames, {reason}" for reason, count in _lost(store).items())
        shutil.rmtree(out)
        raise DataError(
            f"{out}: nothing is left of what was generated ({lost}), so no store was made: look at what the generator "
            "draws, or train it longer"
        )
    return _summary(store, settings.sheet)


def _lost(store: Store) -> dict[str, int]:
    """Why generated frames were left out -> how many."""
    return {reason: count for reason, count in store.meta["dropped"].items() if reason.startswith("generated: ")}


def _summary(store: Store, sheet: Path | None) -> Summary:
    made_by = store.meta["generated"]
    frames = sum(int(store.lengths[store.index(key)]) for key in store.generated)
    dropped = _lost(store)
    order = "" if store.ordered else "; without order of frames: only for networks of sets"
    recorded = len(store.keys) - len(store.generated)
    text = [
        f"{store.path}: {recorded} recorded sequences and {len(store.generated)} generated, of {frames} frames, by "
        f"{made_by['name']}{order}"
    ]
    if broader := _broader(store):
        text += broader
    text += [f"left out: {count} frames, {reason}" for reason, count in dropped.items()]
    text += [f"nothing to start from: {one}" for one in made_by["missing"]]
    if sheet is not None:
        save_generated_sheet(store, sheet)
        text.append(f"{sheet}: for some subjects, rows of the source, of what was made from it, of a real take")
    numbers = {
        "path": str(store.path),
        "sequences": len(store.generated),
        "frames": frames,
        "dropped": dropped,
        **made_by,
        "sheet": str(sheet) if sheet is not None else None,
    }
    return Summary(numbers, "\n".join(text))


def _broader(store: Store) -> list[str]:
    """How much more of the picture generated takes fill than those they were made from, and recorded ones likewise."""
    made = sorted(
        key for key, line in store.generated.items() if not line["source"].startswith(f"{key.subject}/{key.condition}-")
    )
    if not made:
        return []

    def area(keys: Sequence[SequenceKey]) -> float:
        return float(np.mean([store.read(key).frames.mean() for key in keys[:: max(1, len(keys) // _LOOKED_AT)]]))

    sources = [SequenceKey.parse(store.generated[key]["source"]) for key in made]
    gain = area(made) / max(area(sources), 1e-9) - 1
    known = [key for key in store.keys if key not in store.generated]
    wanted, before = ({key.condition for key in keys} for keys in (made, sources))
    like = [key for key in known if key.condition in wanted]
    wearers = {key.subject for key in like}
    usual = [key for key in known if key.condition in before and key.subject in wearers]
    beside = (
        f"; that of recorded ones by {100 * (area(like) / max(area(usual), 1e-9) - 1):+.0f} %" if like and usual else ""
    )
    lines = [f"their area differs from that of their sources by {100 * gain:+.0f} %{beside}"]
    if abs(gain) < _LEAST_GAIN and beside:
        lines.append("warning: they hardly differ from their sources; look at --sheet, and train the generator longer")
    return lines

"""Expand a data set: every recording byte for byte, and generated takes of its training subjects.

A generated take is made from one take of the same subject, in every view that the take was recorded from. If more takes
are wanted than there are sources, the sources are used in turn. Test subjects are never touched.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from walkprint.core.engine import Engine, map_over, one_unless_asked
from walkprint.core.errors import DataError, RecipeError
from walkprint.core.progress import Progress
from walkprint.core.sequence import Clip, SequenceKey
from walkprint.data.packed import Packed
from walkprint.data.store import Store
from walkprint.data.writing import StoreWriter
from walkprint.generation.expander import Expander, Frames


@dataclass(frozen=True, slots=True)
class Expansion:
    """What an expansion will make.

    Attributes:
        takes: keys of each generated sequence and of the recording it is made from, in order.
        missing: "subject/condition" that has no recording to start from.
    """

    takes: tuple[tuple[SequenceKey, SequenceKey], ...]
    missing: tuple[str, ...]


def plan(dataset: Packed, source_condition: str | None, wanted: Mapping[str, int], seed: int = 0) -> Expansion:
    """List the takes to make so that every training subject has the wanted number.

    Args:
        dataset: a packed data set.
        source_condition: of the takes to start from; None for the wanted condition itself.
        wanted: condition -> takes per training subject, recorded ones included.
        seed: decides which source comes first.

    Raises:
        DataError: the data set already holds generated takes, or a test subject would be touched.
        RecipeError: a number is below 1, or a condition has no name.
    """
    if dataset.store().generated:
        raise DataError(f"{dataset.store().path}: already holds generated takes; expand the original store instead")
    for condition, count in wanted.items():
        if not condition or count < 1:
            raise RecipeError(f"wanted: {count} takes of {condition!r}; expected at least 1 of a named condition")
    by_take: dict[tuple[str, str], dict[str, list[SequenceKey]]] = {}
    for key in sorted(dataset.keys("train")):
        by_take.setdefault((key.subject, key.condition), {}).setdefault(key.take, []).append(key)
    takes, missing = list[tuple[SequenceKey, SequenceKey]](), list[str]()
    for subject in sorted({subject for subject, _ in by_take}):
        for condition, count in wanted.items():
            there = by_take.get((subject, condition), {})
            begins = condition if source_condition is None else source_condition
            sources = by_take.get((subject, begins), {})
            if count > len(there) and not sources:
                missing.append(f"{subject}/{condition}")
                continue
            order = _chance(seed, f"{subject}/{condition}").permutation(sorted(sources)).tolist()
            for i, name in enumerate(_new_names(there, count - len(there))):
                takes += [
                    (SequenceKey(subject, condition, name, one.view), one) for one in sources[order[i % len(order)]]
                ]
    refuse_test_subjects(dataset, [key for key, _ in takes])
    return Expansion(tuple(takes), tuple(missing))


def refuse_test_subjects(dataset: Packed, keys: Sequence[SequenceKey]) -> None:
    """Refuse to generate takes of test subjects.

    Raises:
        DataError: names the first five of them.
    """
    touched = sorted({key.subject for key in keys} & set(dataset.subjects("test")))
    if touched:
        raise DataError(
            f"{dataset.root}: {', '.join(touched[:5])} would be generated, but belong to the test; generated "
            "takes of test subjects would make every figure worthless"
        )


def expand(
    dataset: Packed,
    expander: Expander,
    *,
    wanted: Mapping[str, int],
    out: str | Path,
    seed: int = 0,
    workers: int | None = None,
    engine: Engine = None,
    progress: Progress | None = None,
) -> Path:
    """Write a store with every sequence of a data set, byte for byte, and generated takes of its training subjects.

    The new store opens as the old one did. Under "generated", its `meta.json` says what made the takes; its
    `generated.jsonl` names the recording that each was made from. An interrupted call continues if it is repeated with
    the same settings.

    Args:
        dataset: a packed data set.
        expander: makes the takes.
        wanted: condition -> takes per training subject, recorded ones included, e.g. {"cl": 6}.
        seed: of everything random.
        out: folder of the new store; must not exist.
        workers: processes that make takes; this one alone when None.
        engine: what runs them, see `map_over`; a cluster's machines read the data set at the same place.
        progress: called with (sequences made, sequences to make).

    Returns:
        The folder.

    Raises:
        DataError: the folder exists, there is nothing to make or nothing to make it from, the data set already holds
            generated takes, test subjects would be touched, or the expander refuses the data set.
        RecipeError: a setting is out of range.
    """
    if seed < 0:
        raise RecipeError(f"expand: seed is {seed}, expected at least 0")
    store = dataset.store()
    planned = plan(dataset, expander.source_condition, wanted, seed)
    expander.check(dataset, wanted, [key for key, _ in planned.takes])
    if not planned.takes:
        raise DataError(
            f"{store.path}: nothing to make: {_why_nothing(dataset, expander.source_condition, planned, wanted)}"
        )
    made_by = {**expander.description(), "seed": seed, "wanted": dict(wanted), "missing": list(planned.missing)}
    with _writer_beside(dataset, out, made_by) as writer:
        for key in store.keys:
            if key not in writer.done:
                writer.copy(store, key)
        rest = [take for take in planned.takes if take[0] not in writer.done]
        count = one_unless_asked(workers, engine)
        with closing(map_over(rest, partial(_make, expander, store, seed), engine, workers=count)) as takes:
            for done, ((key, source), take) in enumerate(
                zip(rest, takes, strict=True), len(planned.takes) - len(rest) + 1
            ):
                _write(writer, key, source, take, made_by)
                if progress is not None:
                    progress(done, len(planned.takes))
    return writer.path


def _writer_beside(dataset: Packed, out: str | Path, made_by: Mapping[str, Any]) -> StoreWriter:
    meta = dataset.store().meta
    seen = {"dropped": meta.get("dropped", {}), "doubtful": meta.get("doubtful", {}), "empty": meta.get("empty", [])}
    further = {**seen, "generated": dict(made_by)}
    return dataset.writer(out, further=further, inputs=dataset.store().fingerprint)


_Take = tuple[Frames, Counter[str], float | None]  # frames, reason -> number of dropped ones, rate in Hz


def _make(expander: Expander, store: Store, seed: int, take: tuple[SequenceKey, SequenceKey]) -> _Take:
    wanted, source = take
    clip = store.read(source)
    rng = _chance(seed, f"{wanted.subject}/{wanted.recording}")
    return *expander.make(clip, wanted, rng), clip.frame_rate_hz


def _write(writer: StoreWriter, key: SequenceKey, source: SequenceKey, take: _Take, made_by: Mapping[str, Any]) -> None:
    frames, dropped, rate_hz = take
    if not len(frames):
        writer.skip(key, dropped)
        return
    origin = {
        "source": str(source),
        "generator": f"{made_by['name']} {made_by['digest']}",
        "seed": made_by["seed"],
        "dropped": sum(dropped.values()),
    }
    writer.add(Clip(frames, key, rate_hz), dropped, origin)


def _why_nothing(dataset: Packed, source_condition: str | None, planned: Expansion, wanted: Mapping[str, int]) -> str:
    """Why there is no take to make."""
    if not planned.missing:
        return f"every training subject already has the wanted takes ({dict(wanted)}); want more"
    known = ", ".join(sorted({key.condition for key in dataset.keys("train")}))
    more = f" and {len(planned.missing) - 3} more" if len(planned.missing) > 3 else ""
    return (
        f"no {source_condition or 'recorded take'} to start from for {', '.join(planned.missing[:3])}{more}; "
        f"training subjects have takes of {known}"
    )


def _new_names(there: Mapping[str, Any], count: int) -> list[str]:
    """Names of new takes: the next numbers, as wide as the others."""
    numbers = [int(name) for name in there if name.isdecimal()]
    width = max([2, *(len(name) for name in there if name.isdecimal())])
    first = max(numbers, default=0) + 1
    return [f"{number:0{width}d}" for number in range(first, first + count)]


def _chance(seed: int, name: str) -> np.random.Generator:
    """Random numbers that depend only on the seed and the name."""
    return np.random.default_rng([seed, *hashlib.sha256(name.encode()).digest()[:8]])

"""A data set with generated takes added: every recording byte for byte, and more takes of the training subjects.

A generated take is made from one take of the same subject, from every view that take was seen from; where more are
wanted than there are sources, the sources come in turn. Test subjects are never touched.
"""

import hashlib
import warnings
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from walkprint.core.digest import weights_digest
from walkprint.core.errors import DataError, RecipeError
from walkprint.core.sequence import Clip, SequenceKey
from walkprint.core.spelling import nearest
from walkprint.data.base import GaitDataset
from walkprint.data.store import Store
from walkprint.data.writing import StoreWriter
from walkprint.generation.base import GenerativeModel
from walkprint.generation.batches import SIZE_PX
from walkprint.generation.cleaning import clean_frames
from walkprint.generation.recordings import check_recordings

Frames = NDArray[np.uint8]
Progress = Callable[[int, int], None]


class Expander(ABC):
    """Makes takes of a rare condition.

    Attributes:
        ordered: whether the frames of a made take follow each other as those of a walk do.
        source: the condition of the takes that it starts from; None for the wanted condition itself.
    """

    ordered: bool
    source: str | None

    @abstractmethod
    def make(self, source: Clip, wanted: SequenceKey, rng: np.random.Generator) -> tuple[Frames, Counter[str]]:
        """Make one sequence.

        Args:
            source: a recording of the same subject from the same view.
            wanted: what shall be shown.
            rng: where chance comes from; it begins alike for all views of a take, so that they show one and the same.

        Returns:
            uint8 (time, channel, height, width), time perhaps 0, and why frames were left out -> how many.
        """

    @property
    def name(self) -> str:
        """What the store calls it."""
        return type(self).__name__

    @property
    def digest(self) -> str:
        """Twelve hexadecimal digits that tell its settings or weights from others."""
        settings = repr((self.name, sorted(vars(self).items())))
        return hashlib.sha256(settings.encode()).hexdigest()[:12]


class GeneratorExpander(Expander):
    """Frame by frame from a take of the generator's source condition, so that gait phase and order survive.

    Args:
        model: a trained generator.
        bf16: compute in bf16, which is about twice as fast where the processor knows it.
        cover: lay each generated frame over the frame that it was made from, pixel by pixel the brighter of the two.
            Right where the condition only adds to a silhouette, as a coat over the same clothes or a bag does: what
            is seen of the person then stays sharp and his own. Wrong where it may take away.

    Raises:
        RecipeError: `cover`, but the generator's frames do not follow those that they are made from.
    """

    def __init__(self, model: GenerativeModel, *, bf16: bool = False, cover: bool = False) -> None:
        if cover and not model.ordered:
            raise RecipeError(
                f"cover: frames by {type(model).__name__} do not follow their sources, so they cannot be laid over them"
            )
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.model, self.bf16, self.cover = model.eval(), bf16, cover
        self.ordered, self.source = model.ordered, model.source

    @property
    def name(self) -> str:
        """See `Expander`."""
        return type(self.model).__name__

    @property
    def digest(self) -> str:
        """See `Expander`: of the weights."""
        return weights_digest(self.model)

    def make(self, source: Clip, wanted: SequenceKey, rng: np.random.Generator) -> tuple[Frames, Counter[str]]:
        """See `Expander`.

        Raises:
            DataError: the generator does not know the wanted subject, condition or view, or frames of this size.
        """
        width = source.frames.shape[-1]
        if source.frames.shape[1:3] != (1, SIZE_PX) or width < SIZE_PX:
            raise DataError(
                f"{source.key}: frames are {source.frames.shape[1:]} (channel, height, width), expected 1 x {SIZE_PX} "
                f"x {SIZE_PX} or wider: prepare the data at that size"
            )
        left = (width - SIZE_PX) // 2
        frames = torch.from_numpy(np.ascontiguousarray(source.frames[..., left : left + SIZE_PX]))
        labels = self.model.names.labels([wanted] * len(frames))
        chance = torch.Generator().manual_seed(int(rng.integers(2**63)))
        device = next(self.model.parameters()).device.type
        with torch.autocast(device, dtype=torch.bfloat16, enabled=self.bf16):
            gray = self.model.sample(frames, labels, chance)
        if self.cover:
            gray = torch.maximum(gray, frames)
        cleaned, dropped = clean_frames(gray[:, 0].numpy(), SIZE_PX)
        return np.pad(cleaned, ((0, 0), (0, 0), (0, 0), (left, width - SIZE_PX - left))), dropped


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be made.

    Attributes:
        takes: the key of each generated sequence and of the recording it is made from, in the order of making.
        missing: "subject/condition" where takes are wanted but there is nothing to make them from.
    """

    takes: tuple[tuple[SequenceKey, SequenceKey], ...]
    missing: tuple[str, ...]


def plan(dataset: GaitDataset, source: str | None, wanted: Mapping[str, int], seed: int = 0) -> Plan:
    """Which takes have to be made so that every training subject has as many as are wanted.

    Args:
        dataset: on a packed store.
        source: condition of the takes to start from; None for the wanted condition itself.
        wanted: takes of each condition that a training subject shall have, those recorded included.
        seed: which source comes first.

    Raises:
        DataError: the data set holds generated takes already, or something would be made of a test subject.
        RecipeError: a number is below 1, or a condition has no name.
    """
    if dataset.store().generated:
        raise DataError(f"{dataset.store().path}: holds generated takes already; expand the original store instead")
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
            sources = by_take.get((subject, source or condition), {})
            if count > len(there) and not sources:
                missing.append(f"{subject}/{condition}")
                continue
            order = _chance(seed, f"{subject}/{condition}").permutation(sorted(sources)).tolist()
            for i, name in enumerate(_new_names(there, count - len(there))):
                takes += [
                    (SequenceKey(subject, condition, name, one.view), one) for one in sources[order[i % len(order)]]
                ]
    refuse_test_subjects(dataset, [key for key, _ in takes])
    return Plan(tuple(takes), tuple(missing))


def refuse_test_subjects(dataset: GaitDataset, keys: Sequence[SequenceKey]) -> None:
    """See that nothing is generated of anybody who tests.

    Raises:
        DataError: something is.
    """
    touched = sorted({key.subject for key in keys} & set(dataset.subjects("test")))
    if touched:
        raise DataError(
            f"{type(dataset).__name__}: {', '.join(touched[:5])} would be generated, but belong to the test; generated "
            "takes of test subjects would make every figure worthless"
        )


def expand(
    dataset: GaitDataset,
    expander: Expander,
    *,
    wanted: Mapping[str, int],
    out: str | Path,
    seed: int = 0,
    progress: Progress | None = None,
) -> Path:
    """Write a store of every sequence of a data set, byte for byte, and of generated takes of its training subjects.

    The new store can be opened as the old one could. Its `meta.json` says under "generated" what made the takes, its
    `generated.jsonl` from which recording each one was made. Stopped at any moment and started again with the same
    settings, it continues where it was.

    Args:
        dataset: on a packed store.
        expander: makes the takes.
        wanted: takes of each condition that a training subject shall have, those recorded included, say {"cl": 6}.
        seed: of everything random.
        out: folder of the store to be; must not exist.
        progress: told (sequences made, sequences to be made).

    Returns:
        The folder.

    Raises:
        DataError: the place is taken, there is nothing to make, the data set holds generated takes already, test
            subjects would be touched, there is nothing to make a condition of, or the generator was trained on other
            recordings.
        RecipeError: a setting is out of range.
    """
    if seed < 0:
        raise RecipeError(f"expand: seed is {seed}, expected at least 0")
    store = dataset.store()
    what = plan(dataset, expander.source, wanted, seed)
    if isinstance(expander, GeneratorExpander):
        _check_generator(dataset, expander.model, [key for key, _ in what.takes])
    else:
        _check_conditions(store, expander.source, wanted)
    if not what.takes:
        raise DataError(f"{store.path}: nothing to make: {_why_nothing(dataset, expander.source, what, wanted)}")
    made_by = {
        "name": expander.name,
        "digest": expander.digest,
        "ordered": expander.ordered,
        "bf16": isinstance(expander, GeneratorExpander) and expander.bf16,
        "cover": isinstance(expander, GeneratorExpander) and expander.cover,
        "seed": seed,
        "wanted": dict(wanted),
        "missing": list(what.missing),
    }
    with _writer_beside(store, out, made_by) as writer:
        for key in store.keys:
            if key not in writer.done:
                writer.copy(store, key)
        for done, (key, source) in enumerate(what.takes, 1):
            if key not in writer.done:
                _write(writer, store.read(source), key, expander, made_by)
            if progress is not None:
                progress(done, len(what.takes))
    return writer.path


def _writer_beside(store: Store, out: str | Path, made_by: Mapping[str, Any]) -> StoreWriter:
    meta = store.meta
    further = {"dropped": meta.get("dropped", {}), "empty": meta.get("empty", []), "generated": dict(made_by)}
    return StoreWriter(
        out,
        bits=meta["bits"],
        compression=meta["compression"],
        dataset=meta["dataset"],
        settings=meta["settings"],
        further=further,
        inputs=store.digest,
    )


def _write(writer: StoreWriter, source: Clip, key: SequenceKey, expander: Expander, made_by: Mapping[str, Any]) -> None:
    frames, dropped = expander.make(source, key, _chance(made_by["seed"], f"{key.subject}/{key.recording}"))
    if not len(frames):
        writer.skip(key, dropped)
        return
    origin = {
        "source": str(source.key),
        "generator": f"{made_by['name']} {made_by['digest']}",
        "seed": made_by["seed"],
        "dropped": sum(dropped.values()),
    }
    writer.add(Clip(frames, key, source.frame_rate_hz), dropped, origin)


def _check_generator(dataset: GaitDataset, model: GenerativeModel, keys: Sequence[SequenceKey]) -> None:
    """What a generator learned from test subjects must not reach the training set either; nor that of other people."""
    seen = sorted(set(model.names.subjects) & set(dataset.subjects("test")))
    if seen:
        raise DataError(
            f"{type(model).__name__}: was trained on {', '.join(seen[:5])}, who belong to the test of "
            f"{type(dataset).__name__}; train it on the training subjects of the same split"
        )
    model.names.labels(keys)
    check_recordings(dataset.store(), model.recordings, type(model).__name__)


def _check_conditions(store: Store, source: str | None, wanted: Mapping[str, int]) -> None:
    """A condition that nobody was recorded in can be made only of another one; perhaps it is misspelt even so."""
    known = sorted({key.condition for key in store.keys})
    for condition in wanted:
        if condition in known:
            continue
        advice = nearest(condition, known)
        if source is None:
            raise DataError(
                f"{store.path}: wanted is {condition!r}, expected one of {', '.join(known)}"
                + (advice or ", which there are takes of")
            )
        warnings.warn(
            f"nobody was recorded in {condition!r}: a new condition, made of {source!r} alone{advice}", stacklevel=3
        )


def _why_nothing(dataset: GaitDataset, source: str | None, what: Plan, wanted: Mapping[str, int]) -> str:
    """Why there is no take to make."""
    if not what.missing:
        return f"every training subject has the takes that are wanted already ({dict(wanted)}); want more"
    known = ", ".join(sorted({key.condition for key in dataset.keys("train")}))
    more = f" and {len(what.missing) - 3} more" if len(what.missing) > 3 else ""
    return (
        f"no {source or 'recorded take'} to start from for {', '.join(what.missing[:3])}{more}; "
        f"training subjects have takes of {known}"
    )


def _new_names(there: Mapping[str, Any], count: int) -> list[str]:
    """Names of further takes: the next numbers, as wide as the others."""
    numbers = [int(name) for name in there if name.isdecimal()]
    width = max([2, *(len(name) for name in there if name.isdecimal())])
    first = max(numbers, default=0) + 1
    return [f"{number:0{width}d}" for number in range(first, first + count)]


def _chance(seed: int, name: str) -> np.random.Generator:
    """Random numbers that depend on the seed and the name alone."""
    return np.random.default_rng([seed, *hashlib.sha256(name.encode()).digest()[:8]])

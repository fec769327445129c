"""How good generated takes are, by frames; each figure beside the same one between recordings.

- `ssim_quality`: does a frame look like one that was recorded? Structural similarity to the nearest frame of the
  recordings with the same subject, condition and view, whatever its phase of gait.
- `ssim_diversity`: do takes differ? Structural similarity of random frames of two takes with equal labels; far above
  that between recordings is a collapse.
- `ssim_novelty`: is it a mere copy? Structural similarity to the nearest frame of the whole training set seen from the
  same view, sources included; 1 is a copy.
- `temporal_smoothness`: do frames follow each other as in a walk? Mean change from frame to frame.
- `condition_reached`: does a frozen classifier of frames recognize the condition?

Source: G. Mariani et al., "BAGAN: Data Augmentation with Balancing GAN", 2018, for similarity within a class and to the
nearest real picture, each beside that of real pictures.
Deviations: quality and novelty differ in where the nearest picture is searched. Quality does not hold the phase of gait
fixed, since masks do not show it and generators without order have none; recordings hold every phase, so the nearest
frame of all is mostly near in phase as well. On rendered walkers, where phase is known, it is on average 0.02 to 0.07
of a cycle away from the side (72 to 108 degrees) and 0.05 to 0.09 obliquely, where chance gives 0.125; half a cycle
counts as none, since left and right leg look almost the same in a mask. From the front, the nearest frame of a
thickened one is no nearer than by chance.
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from walkprint.core.errors import DataError
from walkprint.core.sequence import SequenceKey
from walkprint.data.store import Store
from walkprint.evaluation.similarity import ssim, ssim_of_all

Gray = NDArray[np.uint8]
Keys = Sequence[SequenceKey]
Classify = Callable[[Gray], Sequence[str]]
"""From frames, uint8 (frame, 1, height, width), to the name of each one's condition."""

Item = TypeVar("Item")
Group = TypeVar("Group", bound=Hashable)
_CANDIDATES = 8
_LOOKED_AT = 100  # sequences of each kind, whose areas are compared
_LEAST_GAIN = 0.02


class NothingToCompareError(DataError):
    """There are no takes that a measure could compare."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure.

    Attributes:
        generated: of generated takes; None where there is nothing to compare them with.
        real: the same of recordings, which is what to aim at; None where there are too few of them.
        note: which subjects the two sides show if not the same or not all; or why there is no figure.
    """

    generated: float | None
    real: float | None
    note: str = ""


def recordings_like(store: Store, generated: Keys | None = None) -> list[SequenceKey]:
    """The recordings of the subjects and conditions that generated takes show; of all in the store when None.

    Raises:
        DataError: the store holds no generated take.
    """
    if not store.generated:
        raise DataError(f"{store.path}: holds no generated take; expand it first")
    labels = {_subject_condition(key) for key in (store.generated if generated is None else generated)}
    return [key for key in store.keys if _subject_condition(key) in labels and key not in store.generated]


def expansion_lines(store: Store) -> list[str]:
    """What an expanded store holds, and what an expansion could not make, in words."""
    made_by = store.meta["generated"]
    order = "" if store.ordered else "; without order of frames: only for networks of sets"
    return [
        f"{store.path}: {len(store.keys) - len(store.generated)} recorded sequences and {len(store.generated)} "
        f"generated, of {generated_frames(store)} frames, by {made_by['name']}{order}",
        *_area_lines(store),
        *(f"left out: {count} frames, {reason}" for reason, count in lost_frames(store).items()),
        *(f"nothing to start from: {one}" for one in made_by["missing"]),
    ]


def generated_frames(store: Store) -> int:
    """How many frames the generated takes of an expanded store have."""
    return sum(int(store.lengths[store.index(key)]) for key in store.generated)


def lost_frames(store: Store) -> dict[str, int]:
    """Why generated frames of an expanded store were left out -> how many."""
    return {reason: count for reason, count in store.meta["dropped"].items() if reason.startswith("generated: ")}


def _area_lines(store: Store) -> list[str]:
    """How much more of the picture generated takes fill than their sources do, and recorded ones likewise, in words.

    Empty when all of them were made from takes of their own condition.
    """
    made = sorted(key for key in store.generated if _subject_condition(store.source(key)) != _subject_condition(key))
    if not made:
        return []

    def area(keys: Keys) -> float:
        return float(np.mean([store.read(key).frames.mean() for key in keys[:: max(1, len(keys) // _LOOKED_AT)]]))

    sources = [store.source(key) for key in made]
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
        lines.append("warning: they hardly differ from their sources; look at them, and train the generator longer")
    return lines


def measure_frames(
    store: Store,
    *,
    generated: Keys | None = None,
    training: Keys | None = None,
    frames: int = 1000,
    pairs: int = 1000,
    seed: int = 0,
) -> dict[str, Measure]:
    """The measures that need nothing but an expanded store: the three similarities and the smoothness.

    Both sides of a measure show the same people: the subjects recorded in the generated condition. If these have too
    few generated takes, all generated takes are compared with all recordings of the condition, and the note says so. If
    that is impossible too, there is no figure, and the note says why.

    Args:
        store: an expanded store.
        generated: which takes; all when None.
        training: the training sequences, which a generator could have copied; the recordings of all subjects with
            generated takes when None. Generated takes among them are ignored.
        frames, pairs: how many are drawn.
        seed: of the draws.

    Raises:
        DataError: the store holds no generated take.
    """
    own = recordings_like(store, generated)
    made = list(store.generated) if generated is None else list(generated)
    subjects, conditions = {key.subject for key in made}, {key.condition for key in made}
    if training is None:
        training = [key for key in store.keys if key.subject in subjects]
    known = [key for key in training if key not in store.generated]
    recorded = {_subject_condition(key) for key in own}
    same_people = [key for key in made if _subject_condition(key) in recorded], own
    all_people = made, [key for key in known if key.condition in conditions]
    ways: dict[str, Callable[[Keys, Keys], Measure]] = {
        "quality": partial(ssim_quality, store, frames=frames, seed=seed),
        "diversity": partial(ssim_diversity, store, pairs=pairs, seed=seed),
        "novelty": partial(ssim_novelty, store, training=known, frames=frames, seed=seed),
        "smoothness": partial(temporal_smoothness, store),
    }
    return {name: _first_possible(way, same_people, all_people) for name, way in ways.items()}


def _first_possible(way: Callable[[Keys, Keys], Measure], *sides: tuple[Keys, Keys]) -> Measure:
    """The measure of the first pair of sides that allows one; the last holds all generated takes."""
    count = len({key.subject for key in sides[-1][0]})
    for generated, real in sides:
        try:
            found = way(generated, real)
        except NothingToCompareError as error:
            why = str(error)
            continue
        shown, recorded = ({key.subject for key in keys} for keys in (generated, real))
        if shown == recorded and len(shown) == count:
            return found
        note = f"generated of {len(shown)} subjects, recordings of {len(recorded)}"
        if shown == recorded:
            note = f"of the {len(shown)} of {count} subjects who were recorded so"
        return replace(found, note=note)
    return Measure(None, None, why)


def ssim_quality(store: Store, generated: Keys, real: Keys, *, frames: int = 1000, seed: int = 0) -> Measure:
    """Structural similarity to the nearest recorded frame of the same subject, condition and view; more is better.

    Args:
        store: holds both.
        generated: generated sequences.
        real: recordings to compare with; of recordings, the nearest frame of another one is taken.
        frames: so many frames are drawn.
        seed: of that draw.

    Raises:
        NothingToCompareError: no generated sequence has a recording to compare with.
    """
    by_label = grouped(real, _label)

    def mean(keys: Keys) -> float | None:
        nearest = [
            ssim_of_all(some, _frames(store, others)).max(axis=1)
            for key, some in drawn_frames(store, keys, frames, seed)
            if (others := [one for one in by_label.get(_label(key), []) if one != key])
        ]
        return float(np.concatenate(nearest).mean()) if nearest else None

    return measured(
        "quality",
        mean(generated),
        mean(real),
        "no subject of a generated take was recorded in its condition and view",
    )


def ssim_diversity(store: Store, generated: Keys, real: Keys, *, pairs: int = 1000, seed: int = 0) -> Measure:
    """Structural similarity of frames of two takes of one subject, condition and view; as near the real one as it can.

    Args:
        store: holds both.
        generated, real: sequences.
        pairs: how many pairs are drawn; every subject, condition and view is equally likely.
        seed: of that draw.

    Raises:
        NothingToCompareError: no subject, condition and view has two generated takes.
    """

    def mean(keys: Keys) -> float | None:
        groups = [group for group in grouped(keys, _label).values() if len(group) > 1]
        if not groups:
            return None
        rng = np.random.default_rng(seed)
        sides: tuple[list[Gray], list[Gray]] = ([], [])
        for number in rng.integers(len(groups), size=pairs).tolist():
            two = rng.permutation(len(groups[number]))[:2].tolist()
            for side, place in zip(sides, two, strict=True):
                row = store.index(groups[number][place])
                side.append(store.gather([row], [[rng.integers(store.lengths[row])]])[0, 0, 0])
        return float(ssim(np.stack(sides[0]), np.stack(sides[1])).mean())

    return measured(
        "diversity", mean(generated), mean(real), "no two generated takes of one subject, condition and view"
    )


def ssim_novelty(
    store: Store, generated: Keys, real: Keys, training: Keys, *, frames: int = 1000, seed: int = 0
) -> Measure:
    """Structural similarity to the nearest frame of the training set from the same view; 1 is a copy.

    Of the eight frames with the least squared difference of pixels, the most similar one is the nearest.

    Args:
        store: holds all.
        generated, real: sequences.
        training: what a generator could have copied; of a recording, its own frames do not count.
        frames: so many frames are drawn.
        seed: of that draw.

    Raises:
        NothingToCompareError: no generated sequence has a training sequence of its view.
    """
    by_view = grouped(training, lambda key: key.view)

    def mean(keys: Keys) -> float | None:
        drawn = grouped(drawn_frames(store, keys, frames, seed), lambda one: one[0].view)
        nearest = [nearest_of_all(store, some, pool) for view, some in drawn.items() if (pool := by_view.get(view, []))]
        found = np.concatenate(nearest) if nearest else np.empty(0)
        found = found[np.isfinite(found)]
        return float(found.mean()) if len(found) else None

    return measured(
        "novelty", mean(generated), mean(real), "no training subject was recorded from the views of the generated takes"
    )


def condition_reached(store: Store, generated: Keys, real: Keys, classify: Classify) -> Measure:
    """In what share of the sequences do most frames show their condition to a frozen classifier?

    Args:
        store: holds both.
        generated, real: sequences.
        classify: trained on recordings, preferably others than these.
    """

    def share(keys: Keys) -> float | None:
        reached = []
        for key in keys:
            names = list(classify(store.read(key).frames))
            reached.append(max(sorted(set(names)), key=names.count) == key.condition)
        return float(np.mean(reached)) if reached else None

    return measured("condition", share(generated), share(real), "no generated take")


def temporal_smoothness(store: Store, generated: Keys, real: Keys) -> Measure:
    """Mean change of a pixel from frame to frame, 0 to 1; as near the real one as it can.

    Args:
        store: holds both.
        generated, real: sequences; those of a single frame are passed over.
    """

    def mean(keys: Keys) -> float | None:
        clips = (store.read(key).frames.astype(np.int16) for key in keys)
        changes = [np.abs(np.diff(frames, axis=0)).mean() / 255 for frames in clips if len(frames) > 1]
        return float(np.mean(changes)) if changes else None

    return measured("smoothness", mean(generated), mean(real), "no generated take of two frames")


def measured(name: str, generated: float | None, real: float | None, lacking: str) -> Measure:
    """A measure, once it is sure that there is one.

    Raises:
        NothingToCompareError: there is none of generated takes, because of what is lacking.
    """
    if generated is None:
        raise NothingToCompareError(f"{name}: {lacking}")
    return Measure(generated, real)


def _subject_condition(key: SequenceKey) -> tuple[str, str]:
    return key.subject, key.condition


def _label(key: SequenceKey) -> tuple[str, str, str]:
    return key.subject, key.condition, key.view


def grouped(items: Iterable[Item], group: Callable[[Item], Group]) -> dict[Group, list[Item]]:
    """Items by what `group` says of them, in their order."""
    groups: dict[Group, list[Item]] = {}
    for item in items:
        groups.setdefault(group(item), []).append(item)
    return groups


def _frames(store: Store, keys: Keys) -> Gray:
    """All frames of some sequences, uint8 (frame, height, width)."""
    return np.concatenate([store.read(key).frames[:, 0] for key in keys])


def drawn_frames(store: Store, keys: Keys, frames: int, seed: int) -> list[tuple[SequenceKey, Gray]]:
    """Some frames of some sequences, uint8 (frame, height, width), drawn at random, all sequences equally likely."""
    rng = np.random.default_rng(seed)
    counts = np.bincount(rng.integers(len(keys), size=frames), minlength=len(keys)) if keys else np.empty(0, int)
    drawn = []
    for key, count in zip(keys, counts, strict=True):
        row = store.index(key)
        if count:
            positions = rng.integers(store.lengths[row], size=(1, count))
            drawn.append((key, store.gather([row], positions)[0, :, 0]))
    return drawn


def nearest_of_all(store: Store, drawn: Sequence[tuple[SequenceKey | None, Gray]], pool: Keys) -> NDArray[np.float32]:
    """Similarity of each drawn frame to the nearest frame of a pool, those of the sequence beside it left out."""
    frames = np.concatenate([some for _, some in drawn])
    owners = np.concatenate([np.full(len(some), -1 if key is None else store.index(key)) for key, some in drawn])
    flat = frames.reshape(len(frames), -1).astype(np.float32) / 255
    places = np.empty((len(frames), 0, 2), np.int64)
    apart = np.empty((len(frames), 0), np.float32)
    for key in pool:
        row = store.index(key)
        other = store.read(key).frames.reshape(int(store.lengths[row]), -1).astype(np.float32) / 255
        distance = np.square(other).sum(axis=1) - 2 * flat @ other.T
        distance[owners == row] = np.inf
        here = np.stack([np.full(len(other), row), np.arange(len(other))], axis=1)
        apart = np.concatenate([apart, distance], axis=1)
        places = np.concatenate([places, np.broadcast_to(here, (len(frames), *here.shape))], axis=1)
        best = np.argsort(apart, axis=1, kind="stable")[:, :_CANDIDATES]
        apart, places = np.take_along_axis(apart, best, axis=1), np.take_along_axis(places, best[..., None], axis=1)
    candidates = store.gather(places[..., 0].reshape(-1), places[..., 1].reshape(-1, 1))[:, 0, 0]
    similar = ssim(np.repeat(frames, places.shape[1], axis=0), candidates).reshape(apart.shape)
    return np.asarray(np.where(np.isfinite(apart), similar, -np.inf).max(axis=1), np.float32)

"""What is checked before walks are enrolled under a name."""

from collections.abc import Callable, Sequence
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from walkprint.core.embedding import unit_parts
from walkprint.core.errors import DataError
from walkprint.core.summary import counted
from walkprint.gallery.known import Known
from walkprint.recognizer.sources import Walk
from walkprint.recognizer.verdict import Verdict, flat

_SAME = 1 - 1e-5  # mean cosine of one walk embedded twice, and stored as float16 once
_LEAST_ODDS = 2.5  # log odds; rendered people's own walks in one direction have 3.9 or more, 30 frames each
_Floats = NDArray[np.float32]
_Scores = NDArray[np.float64]
Embedded = tuple[Walk, _Floats]
Warn = Callable[[str], object]


def refuse_two_at_a_time(walks: Sequence[Walk], name: str) -> None:
    """Refuse walks of different tracks that overlap in time: one of the two is somebody else.

    Raises:
        DataError: two people are seen at a time.
    """
    timed = sorted((walk for walk in walks if walk.end_s > 0), key=lambda walk: (walk.input, walk.start_s))
    for before, after in pairwise(timed):
        if before.input == after.input and before.track != after.track and after.start_s < before.end_s:
            raise DataError(
                f"{name}: two people are seen at {after.start_s:.1f} s; expected one person alone: cut the video"
            )


def without_known(found: Sequence[Embedded], name: str, gallery: Known, warn: Warn) -> list[Embedded]:
    """The walks that are not enrolled yet, each once: the same source with the same embedding is the same walk.

    Args:
        found: walks with their embeddings, float32 (part, feature).
        name: under which they are to be enrolled.
        gallery: where they may be enrolled already.
        warn: called with a line about walks that are left out.

    Raises:
        DataError: a walk is enrolled under another name, or none is new.
    """
    new: list[Embedded] = []
    known: dict[str, list[tuple[str, _Floats]]] = {}
    for walk, vectors in found:
        if walk.input and walk.input not in known:
            stored = gallery.templates_of(walk.input)
            names = gallery.names(sorted(set(stored.people)))
            known[walk.input] = [(names[one], other) for one, other in zip(stored.people, stored.vectors, strict=True)]
        here = known.setdefault(walk.input, [])
        same = {one for one, other in here if walk.input and _same(other, vectors)}
        for other in same - {name}:
            raise DataError(
                f"{name}: the walk at {walk.start_s:.1f} s is enrolled already, as {other}; enroll another source of "
                f"{name}, or forget {other} first"
            )
        if not same:
            new.append((walk, vectors))
            here.append((name, vectors))
    if not new:
        raise DataError(f"{name}: found no new walk, {counted(len(found), 'walk')} known; enroll another source")
    if len(new) < len(found):
        warn(f"{name}: left out {counted(len(found) - len(new), 'walk')} enrolled already")
    return new


def warn_of_two(found: Sequence[Embedded], name: str, odds: Callable[[_Floats], _Scores], warn: Warn) -> None:
    """Warn of two walks of one source in one direction that are less similar than one person's.

    Walks in different directions are not compared: even one person's differ as much as two people's.

    Args:
        found: walks with their embeddings, float32 (part, feature).
        name: under which they are to be enrolled.
        odds: see `verdict.log_odds`; called only if two walks can be compared.
        warn: called with a line about the two walks that are least similar.
    """
    walks = [walk for walk, _ in found]
    pairs = [
        (i, j)
        for i, j in combinations(range(len(walks)), 2)
        if walks[i].view and (walks[i].view, walks[i].input) == (walks[j].view, walks[j].input)
    ]
    if not pairs:
        return
    found_odds = odds(np.stack([vectors for _, vectors in found]))
    least = min(pairs, key=lambda pair: found_odds[pair])
    if found_odds[least] < _LEAST_ODDS:
        first, second = sorted(walks[at].start_s for at in least)
        warn(
            f"{name}: the walks at {first:.1f} s and {second:.1f} s look like two people; expected one person alone: "
            f"check the source, and forget {name} if there are two"
        )


def warn_of_another(
    found: Sequence[Embedded], name: str, judge: Verdict, gallery: Known, threshold: float, warn: Warn
) -> None:
    """Warn of the walk that is most like another known person: more than like this one, or enough to be named.

    Args:
        found: new walks with their embeddings, float32 (part, feature).
        name: under which they are to be enrolled.
        judge: of the gallery without them.
        gallery: knows the names.
        threshold: the score from which a walk is named.
        warn: called with the line.
    """
    people, scores = judge.compare(np.stack([one for _, one in found]), [walk.view for walk, _ in found])
    names = gallery.names(people)
    mine = np.array([names.get(one) == name for one in people])
    if mine.all():
        return
    own, others = scores[:, mine].max(axis=1, initial=-np.inf), np.where(mine, -np.inf, scores)
    excess = others.max(axis=1) - (own if mine.any() else threshold)
    at = int(excess.argmax())
    if excess[at] > 0:
        other, start_s = names[people[int(others[at].argmax())]], found[at][0].start_s
        than = f"for {name} {own[at]:.2f}" if mine.any() else f"threshold {threshold:.2f}"
        score = f"the walk at {start_s:.1f} s scores {others[at].max():.2f} for {other}, {than}"
        warn(f"{name}: {score}; check that it shows {name}, or forget {name}")


def _same(one: _Floats, other: _Floats) -> bool:
    first, second = flat(unit_parts(np.stack([one, other])))
    return bool(first @ second > _SAME)

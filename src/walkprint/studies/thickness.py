"""How thick generated coats are, beside those that rendering without noise shows on the very same steps."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from walkprint.data.packed import Packed
from walkprint.data.walkers import Variety
from walkprint.evaluation.coat_measures import thickness_apart_px, thickness_histogram, thickness_px
from walkprint.generation.rerendering import Rerendering
from walkprint.studies.grid import Numbers

_LOOKED_AT = 60


def bodies_of(people: Mapping[str, Any]) -> Rerendering:
    """What renders these people again; `people` holds the arguments of `Walkers`."""
    return Rerendering(seed=people["seed"], variety=Variety(**people.get("variety", {})))


def coat_thickness(people: Packed, bodies: Rerendering) -> Numbers:
    """Thickness of generated coats over their sources, and of rendered ones over bodies without any noise.

    Over at most 60 takes; those are left out whose frames cannot be matched with the steps of the walk.

    Args:
        people: rendered, with generated takes.
        bodies: renders these people again.

    Returns:
        "generated" and "known" -> histogram, "mean" -> both means in pixels, "apart" -> distance in pixels; nothing
        where frames do not follow those of normal walking.
    """
    store = people.store()
    takes = [(key, store.source(key)) for key in sorted(store.generated)]
    takes = [pair for pair in takes if pair[1].condition == bodies.source_condition] if store.ordered else []
    made, known = list[NDArray[np.int64]](), list[NDArray[np.int64]]()
    rendered = int(store.meta["settings"]["frames"])
    for at in np.random.default_rng(0).permutation(len(takes))[:_LOOKED_AT].tolist():  # all views
        key, source = takes[at]
        normal, frames = store.read(source), store.read(key).frames
        steps = bodies.steps(normal, rendered)
        if steps is None or len(frames) != len(normal):
            continue
        usual, dressed = bodies.perfect(source, rendered, frames.shape[2])
        if len(usual) == len(dressed) == rendered:
            made.append(thickness_px(frames, normal.frames))
            known.append(thickness_px(dressed[steps], usual[steps]))
    if not made:
        return {}
    found, right = np.concatenate(made), np.concatenate(known)
    return {
        "generated": thickness_histogram(found),
        "known": thickness_histogram(right),
        "mean": [float(found.mean()), float(right.mean())],
        "apart": thickness_apart_px(found, right),
    }

"""Measures of generated coats: are frames memorized, and how thick are the coats, row by row.

Source: none; the share of memorized frames follows the customary search for the nearest training picture, held against
that of new recordings.
Deviations: none.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from walkprint.core.errors import DataError
from walkprint.core.sequence import SequenceKey
from walkprint.data.store import Store
from walkprint.evaluation.frame_measures import Gray, Keys, Measure, drawn_frames, grouped, measured, nearest_of_all

THICKNESS_EDGES_PX = (-1, 1, 3, 5, 9)
"""Between the bins of a histogram of thickness: below -1, -1 to 0, 1 to 2, 3 to 4, 5 to 8, 9 and more."""
_PERSON = 127
_BODY = (8 / 64, 56 / 64)
_STRANGE = 0.95


def memorized(
    store: Store, generated: Keys, learned: Keys, new: tuple[Store, Keys], *, frames: int = 500, seed: int = 0
) -> Measure:
    """Share of generated frames nearer to what was learned than 95 % of the frames of new recordings are.

    Nearest by structural similarity, among the sequences of the same view that the generator learned from; a take of
    another condition that a frame was made from does not count. Of new recordings the share is 5 % by definition.

    Args:
        store: holds generated takes and what was learned.
        generated: generated sequences.
        learned: recordings that the generator was trained on, of all its conditions.
        new: recordings, and the store that holds them, of what the generated takes show: the same people, condition
            and views; the generator has seen none of them.
        frames: so many frames are drawn of either.
        seed: of that draw.

    Raises:
        DataError: a new recording is among those that were learned.
        NothingToCompareError: no view has generated takes, new recordings and learned ones.
    """
    if known := sorted(set(new[1]) & set(learned)):
        raise DataError(f"memorized: {known[0]} was learned, so it is no new recording; leave it out of either")
    pools = grouped(learned, lambda key: key.view)

    def nearest(where: Store, keys: Keys, origins: Mapping[SequenceKey, SequenceKey]) -> dict[str, NDArray[np.float32]]:
        drawn = drawn_frames(where, [key for key in keys if key.view in pools], frames, seed)
        return {
            view: nearest_of_all(store, [(origins.get(key), one) for key, one in some], pools[view])
            for view, some in grouped(drawn, lambda one: one[0].view).items()
        }

    origins = {key: origin for key in generated if (origin := store.source(key)).condition != key.condition}
    made, usual = nearest(store, generated, origins), nearest(*new, {})
    near = [made[view] > np.quantile(usual[view], _STRANGE) for view in sorted(made) if view in usual]
    share = float(np.concatenate(near).mean()) if near else None
    return measured("memorized", share, 1 - _STRANGE, "no view has generated takes, new recordings and learned ones")


def thickness_px(dressed: Gray, normal: Gray) -> NDArray[np.int64]:
    """How many pixels wider a person is in a coat, row by row from the neck to the shins.

    Args:
        dressed, normal: uint8 (frame, channel, height, width), frame by frame the same step.

    Returns:
        (frame, row); negative where the person became narrower.
    """
    height = dressed.shape[2]
    rows = slice(round(_BODY[0] * height), round(_BODY[1] * height))
    widths = [(one[:, 0, rows] > _PERSON).sum(axis=2) for one in (dressed, normal)]
    return np.asarray(widths[0] - widths[1], np.int64)


def thickness_histogram(thickness: NDArray[np.int64]) -> list[float]:
    """Share of rows in each bin of `THICKNESS_EDGES_PX`; they sum to 1."""
    bins = np.digitize(thickness.reshape(-1), THICKNESS_EDGES_PX)
    counts = np.bincount(bins, minlength=len(THICKNESS_EDGES_PX) + 1)
    return [float(count) for count in counts / max(thickness.size, 1)]


def thickness_apart_px(first: NDArray[np.int64], second: NDArray[np.int64]) -> float:
    """Wasserstein distance of two distributions of thickness, in pixels."""
    shares = np.linspace(0, 1, 1001)
    quantiles = [np.quantile(one.reshape(-1), shares, method="inverted_cdf") for one in (first, second)]
    return float(np.abs(quantiles[0].astype(float) - quantiles[1]).mean())

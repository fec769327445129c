"""From ranks to figures: the customary averages over gallery views and probe views, and resampling by subject.

A cell is a probe view and a gallery view. A figure of a cell is the mean over its probes; of a probe view, the mean
over its cells; of a probe set, the mean over its probe views. Cells without a counting probe are left out of them.
Beside it stands the pooled figure, in which every probe weighs the same.

The intervals come from drawing the probes' subjects again, with replacement, gallery and network staying as they are:
sequences of one person are not independent, so subjects are the unit. They are percentile intervals, and say nothing
about other trainings or other galleries.

Source: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from walkprint.evaluation.ranking import NOT_COUNTED, UNMATCHED, Ranks
from walkprint.evaluation.report import Figure

MEAN_ROW = -2
"""Of `Estimates.points` and `draws`: the mean over probe views."""
_Floats = NDArray[np.float64]


def draw_weights(subjects: int, resamples: int, seed: int) -> _Floats:
    """How often each subject is drawn, (resample, subject); (0, subject) where there are fewer than two subjects."""
    if subjects < 2:
        return np.zeros((0, subjects))
    chances = np.full(subjects, 1 / subjects)
    return np.random.default_rng(seed).multinomial(subjects, chances, size=resamples).astype(np.float64)


def to_figures(names: Sequence[str], points: _Floats, draws: _Floats) -> dict[str, Figure]:
    """Name points (figure,) and give them the central 95 % of their draws (resample, figure)."""
    lows = highs = np.full(len(points), np.nan)
    if len(draws):
        holes = np.isnan(draws).any()  # then the percentiles cost a hundred times more
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            lows, highs = (np.nanpercentile if holes else np.percentile)(draws, (2.5, 97.5), axis=0)
    return {
        name: Figure(float(value), *((None, None) if np.isnan(low) else (float(low), float(high))))
        for name, value, low, high in zip(names, points, lows, highs, strict=True)
    }


@dataclass(frozen=True, slots=True, eq=False)
class Estimates:
    """Figures of one probe set.

    Attributes:
        views: the probe views, sorted.
        points: (view + 2, figure): one row per probe view, then mean, then pooled.
        draws: (view + 2, resample, figure), the same of resampled subjects.
        matrix: (view, cell, figure), NaN where no probe counts.
        probes: (view,), how many probes there are.
        unmatched: (view,), how many of them have no right sequence in any cell.
        searches, searches_unmatched: pairs of a probe and a cell with counting items, and those without a right one.
    """

    views: tuple[str, ...]
    points: _Floats
    draws: _Floats
    matrix: _Floats
    probes: NDArray[np.int64]
    unmatched: NDArray[np.int64]
    searches: int
    searches_unmatched: int


def estimate(
    ranks: Ranks,
    views: Sequence[str],
    subjects: NDArray[np.int64],
    weights: _Floats,
    *,
    at: Sequence[int],
    unmatched_is_miss: bool,
) -> Estimates:
    """Average the ranks of one probe set.

    Args:
        ranks: (probe, cell).
        views: of each probe.
        subjects: of each probe, its column in `weights`.
        weights: (resample, subject), see `draw_weights`.
        at: the k of each rank-k.
        unmatched_is_miss: count searches without a right item as errors instead of leaving them out.

    Returns:
        Figures in the order rank-k for each k, mAP, mINP.
    """
    first = ranks.first
    lost = (first < 0).all(axis=1)
    searches = int((first != NOT_COUNTED).sum())
    searches_unmatched = int((first == UNMATCHED).sum())
    if unmatched_is_miss:
        without_pairs = (first == NOT_COUNTED).all(axis=1, keepdims=True)
        counted = (first != NOT_COUNTED) | without_pairs
    else:
        counted = first >= 0
    values = np.stack(
        [*((first >= 0) & (first < k) for k in at), ranks.average_precision, ranks.inverse_penalty], axis=2
    ).astype(np.float64)
    names, view_of = np.unique(np.asarray(views, dtype=np.str_), return_inverse=True)
    points, draws, matrix = [], [], []
    for view in range(len(names)):
        mine = view_of == view
        sums, counts = _per_subject(values[mine], counted[mine], subjects[mine], weights.shape[1])
        matrix.append(_ratio(sums.sum(axis=0), counts.sum(axis=0)))
        points.append(_mean(matrix[-1]))
        draws.append(_mean(_ratio(_weigh(weights, sums), _weigh(weights, counts))))
    points.append(_mean(np.array(points).reshape(len(names), values.shape[2])))
    draws.append(_mean(np.array(draws).reshape(len(names), len(weights), values.shape[2]).swapaxes(0, 1)))
    own = np.where(counted[..., None], values, 0).sum(axis=1) / np.maximum(counted.sum(axis=1), 1)[:, None]
    sums, counts = _per_subject(own[:, None], counted.any(axis=1)[:, None], subjects, weights.shape[1])
    points.append(_ratio(sums.sum(axis=0), counts.sum(axis=0))[0])
    draws.append(_ratio(_weigh(weights, sums), _weigh(weights, counts))[:, 0])
    return Estimates(
        views=tuple(names.tolist()),
        points=np.stack(points),
        draws=np.stack(draws),
        matrix=np.array(matrix).reshape(len(names), first.shape[1], values.shape[2]),
        probes=np.bincount(view_of, minlength=len(names)),
        unmatched=np.bincount(view_of[lost], minlength=len(names)),
        searches=searches,
        searches_unmatched=searches_unmatched,
    )


def mean_curve(ranks: Ranks, views: Sequence[str], length: int, *, unmatched_is_miss: bool) -> _Floats:
    """Cumulative matches at rank 1 to `length`, averaged as rank-k is."""
    no_subjects = np.zeros(len(views), dtype=np.int64)
    return estimate(
        ranks, views, no_subjects, np.zeros((0, 1)), at=range(1, length + 1), unmatched_is_miss=unmatched_is_miss
    ).points[MEAN_ROW, :length]


def _per_subject(
    values: _Floats, counted: NDArray[np.bool_], subjects: NDArray[np.int64], count: int
) -> tuple[_Floats, _Floats]:
    """Sums (subject, cell, figure) and counts (subject, cell, 1) of values (probe, cell, figure)."""
    sums, counts = np.zeros((count, *values.shape[1:])), np.zeros((count, values.shape[1], 1))
    np.add.at(sums, subjects, np.where(counted[..., None], values, 0))
    np.add.at(counts, subjects, counted[..., None].astype(np.float64))
    return sums, counts


def _weigh(weights: _Floats, per_subject: _Floats) -> _Floats:
    """(resample, cell, figure)."""
    return (weights @ per_subject.reshape(len(per_subject), -1)).reshape(len(weights), *per_subject.shape[1:])


def _ratio(sums: _Floats, counts: _Floats) -> _Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(counts > 0, sums / counts, np.nan))


def _mean(values: _Floats) -> _Floats:
    """Mean over the last axis but one of what is not NaN; NaN where nothing is."""
    known = ~np.isnan(values)
    return _ratio(np.where(known, values, 0).sum(axis=-2), known.sum(axis=-2))

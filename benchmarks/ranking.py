"""Rank-k, mAP and mINP of 1,000 probes against 5,369 gallery items, against sorting every row; the same numbers."""

import argparse

import numpy as np
from measure import compare, peak_memory_mb, report

from walkprint.evaluation.ranking import rank

PROBES, GALLERY, SUBJECTS = 1000, 5369, 1000


def data(probes: int = PROBES) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    # No two alike in a row: sorting breaks ties by position, we count them as errors.
    distances = rng.permuted(np.tile(np.arange(GALLERY, dtype=np.float32), (probes, 1)), axis=1)
    return distances, rng.integers(0, SUBJECTS, probes), rng.integers(0, SUBJECTS, GALLERY)


def textbook(distances: np.ndarray, probes: np.ndarray, gallery: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Sort each row, walk through the matches, as evaluation scripts commonly do."""
    order = np.argsort(distances, axis=1, kind="stable")
    matches = (gallery[order] == probes[:, None]).astype(np.int32)
    curves, precisions, penalties = [], [], []
    for row in matches:
        if not row.any():
            continue
        cumulative = row.cumsum()
        last = np.flatnonzero(row).max()
        penalties.append(cumulative[last] / (last + 1))
        curves.append(np.minimum(cumulative, 1)[:20])
        so_far = [count / (place + 1) for place, count in enumerate(cumulative)]
        precisions.append((np.asarray(so_far) * row).sum() / row.sum())
    return np.mean(curves, axis=0), float(np.mean(precisions)), float(np.mean(penalties))


def fast(distances: np.ndarray, probes: np.ndarray, gallery: np.ndarray) -> tuple[np.ndarray, float, float]:
    ranks = rank(distances, probes, gallery)
    found = ranks.first[:, 0] >= 0
    curve = (ranks.first[found] <= np.arange(20)).mean(axis=0)
    return curve, float(ranks.average_precision[found].mean()), float(ranks.inverse_penalty[found].mean())


PEAK = """
import sys; sys.path[:0] = ["benchmarks"]
import ranking
call = getattr(ranking, sys.argv[1])
call(*ranking.data(2))
inputs = ranking.data()
mark()
call(*inputs)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    inputs = data()
    for ours, theirs in zip(fast(*inputs), textbook(*inputs), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)
    result = compare(lambda: fast(*inputs), lambda: textbook(*inputs), rounds)
    row = {
        "probes": PROBES,
        "gallery": GALLERY,
        **result,
        "pairs_per_s": PROBES * GALLERY / result["fast_s"],
        "fast_peak_mb": peak_memory_mb(PEAK, "fast"),
        "plain_peak_mb": peak_memory_mb(PEAK, "textbook"),
    }
    report("ranking: rank-k, mAP, mINP", [row])


if __name__ == "__main__":
    main()

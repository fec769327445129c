"""The CASIA-B table (3,300 probes, 2,200 gallery items, 16 parts of 256), against 363 blocks; the same numbers."""

import argparse

import numpy as np
from measure import compare, peak_memory_mb, report

from walkprint.core.embedding import EmbeddingSet
from walkprint.core.protocol import Protocol, Selection
from walkprint.core.sequence import SequenceKey
from walkprint.evaluation import Scoring, identify

VIEWS = [f"{18 * i:03d}" for i in range(11)]
PROBES = {
    "NM": Selection(conditions=("nm",), takes=("05", "06")),
    "BG": Selection(conditions=("bg",)),
    "CL": Selection(conditions=("cl",)),
}
GALLERY = Selection(conditions=("nm",), takes=("01", "02", "03", "04"))
PROTOCOL = Protocol("CASIA-B", GALLERY, PROBES, exclude=frozenset({"view"}))


def data(subjects: int = 50, parts: int = 16, features: int = 256) -> EmbeddingSet:
    rng = np.random.default_rng(0)
    takes = [("nm", f"{i:02d}") for i in range(1, 7)] + [(name, f"{i:02d}") for name in ("bg", "cl") for i in (1, 2)]
    keys = [SequenceKey(f"{s:03d}", *take, view) for s in range(subjects) for take in takes for view in VIEWS]
    people = rng.standard_normal((subjects, parts, features), dtype=np.float32)
    vectors = rng.standard_normal((len(keys), parts, features), dtype=np.float32) * np.float32(4)
    vectors += np.repeat(people, len(keys) // subjects, axis=0)
    return EmbeddingSet(vectors, keys, "noise")


def textbook(embeddings: EmbeddingSet) -> list[float]:
    """Every block of probe set, probe view and gallery view on its own, a matrix product per part, and a sort."""
    columns = [
        np.array([getattr(key, name) for key in embeddings.keys]) for name in ("subject", "condition", "take", "view")
    ]
    subject, condition, take, view = columns
    known = (condition == "nm") & (take < "05")
    sought = {"NM": (condition == "nm") & (take > "04"), "BG": condition == "bg", "CL": condition == "cl"}
    means = []
    for probes in sought.values():
        table = np.full((11, 11), np.nan)
        for row, probe_view in enumerate(VIEWS):
            for column, gallery_view in enumerate(VIEWS):
                p, g = probes & (view == probe_view), known & (view == gallery_view)
                distances = block(embeddings.vectors[p], embeddings.vectors[g])
                nearest = np.argsort(distances, axis=1)[:, 0]
                if row != column:
                    table[row, column] = (subject[g][nearest] == subject[p]).mean()
        means.append(float(np.nanmean(table, axis=1).mean()))
    return means


def block(probes: np.ndarray, gallery: np.ndarray) -> np.ndarray:
    total = np.zeros((len(probes), len(gallery)), np.float32)
    for part in range(probes.shape[1]):
        p, g = probes[:, part], gallery[:, part]
        squares = (p**2).sum(axis=1)[:, None] + (g**2).sum(axis=1) - 2 * p @ g.T
        total += np.sqrt(np.maximum(squares, 0))
    return total / probes.shape[1]


def fast(embeddings: EmbeddingSet, resamples: int = 0) -> list[float]:
    table = identify(embeddings, PROTOCOL, ranks=(1,), scoring=Scoring(resamples=resamples))
    return [table.figure(name).value for name in PROBES]


PEAK = """
import sys; sys.path[:0] = ["benchmarks"]
import identify
call = getattr(identify, sys.argv[1])
call(identify.data(3))
inputs = identify.data()
mark()
call(inputs)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    embeddings = data()
    pairs = 3300 * 2200
    ours, theirs = fast(embeddings), textbook(embeddings)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)
    plain = compare(lambda: fast(embeddings), lambda: textbook(embeddings), rounds)
    full = compare(lambda: fast(embeddings, 1000), lambda: textbook(embeddings), 1)
    row = {
        "rank-1": " ".join(f"{100 * value:.2f}" for value in ours),
        **plain,
        "pairs_per_s": pairs / plain["fast_s"],
        "gflops": 2 * pairs * 16 * 256 / plain["fast_s"] / 1e9,
        "with_intervals_s": full["fast_s"],
        "fast_peak_mb": peak_memory_mb(PEAK, "fast"),
        "plain_peak_mb": peak_memory_mb(PEAK, "textbook"),
    }
    report("identify: CASIA-B table with rank-1, mAP, mINP and CMC", [row])


if __name__ == "__main__":
    main()

"""Distances between part embeddings: the mean over parts of one distance per part, at the speed of matrix products.

Euclidean distances go through `|p - g|² = |p|² + |g|² - 2 p·g`, parts outermost, one matrix product per part and tile
and one pass that adds the norms, takes the root and accumulates. The shortcut loses digits where two vectors are close
compared to their length, so (1) both sides are first moved by the mean of the gallery, which changes no distance, and
(2) pairs that are still close are computed from their differences. Every distance is within 1e-5 of its true value,
relatively, and identical vectors are at distance 0 exactly.
"""

from collections.abc import Iterator
from typing import Any, Literal, get_args

import numba
import numpy as np
from numpy.typing import NDArray

from walkprint.core.errors import DataError

Metric = Literal["euclidean", "cosine"]
METRICS: tuple[Metric, ...] = get_args(Metric)

_Floats = NDArray[np.float32]
_PAIRS_PER_BLOCK = 1 << 24
_TILE_ROWS, _TILE_COLUMNS = 192, 2304
_CLOSE = np.float32(0.02)


def part_distances(probes: _Floats, gallery: _Floats, metric: Metric = "euclidean") -> _Floats:
    """Distance of every probe to every gallery item.

    Args:
        probes: float32 (probe, part, feature).
        gallery: float32 (gallery, part, feature).
        metric: "euclidean", from 0; or "cosine", 1 - cosine, from 0 to 2, where a vector of zeros is at 1 from all.

    Returns:
        float32 (probe, gallery): the mean over parts.

    Raises:
        DataError: the shapes do not fit, a number is not finite or too large to square, or the metric is unknown.
    """
    result = np.empty((len(probes), len(gallery)), np.float32)
    for start, block in distance_blocks(probes, gallery, metric):
        result[start : start + len(block)] = block
    return result


def distance_blocks(
    probes: _Floats, gallery: _Floats, metric: Metric = "euclidean", *, pairs_per_block: int = _PAIRS_PER_BLOCK
) -> Iterator[tuple[int, _Floats]]:
    """The rows of `part_distances` in blocks, so that the whole table need not fit into memory.

    Args:
        probes, gallery, metric: as in `part_distances`.
        pairs_per_block: how many distances a block holds at most (one row at least).

    Yields:
        The first row of a block, and the block (row, gallery); it is overwritten by the next one.

    Raises:
        DataError: as `part_distances`.
    """
    _check(probes, gallery, metric)
    if not len(probes) or not len(gallery):
        return
    prepare, fill = (_centered, _fill_euclidean) if metric == "euclidean" else (_normalized, _fill_cosine)
    origin = gallery.mean(axis=0, dtype=np.float64).astype(np.float32)
    known = prepare(gallery, origin)
    rows = max(1, pairs_per_block // len(gallery))
    block = np.empty((min(rows, len(probes)), len(gallery)), np.float32)
    for start in range(0, len(probes), rows):
        sought = prepare(probes[start : start + rows], origin)
        part_of_block = block[: min(rows, len(probes) - start)]
        fill(sought, known, part_of_block)
        yield start, part_of_block


def _check(probes: _Floats, gallery: _Floats, metric: str) -> None:
    if metric not in METRICS:
        raise DataError(f"distances: metric is {metric!r}; expected {' or '.join(METRICS)}")
    for name, vectors in (("probes", probes), ("gallery", gallery)):
        if vectors.ndim != 3 or vectors.dtype != np.float32:
            raise DataError(
                f"distances: {name} are {vectors.dtype} {vectors.shape}, expected float32 (n, part, feature)"
            )
        if not vectors.shape[1] * vectors.shape[2]:
            raise DataError(f"distances: {name} have shape {vectors.shape}; expected at least one part and feature")
        # A sum of squares catches NaN, infinity and numbers that overflow, in one pass and without a copy.
        if not np.isfinite(np.vdot(vectors, vectors)):
            raise DataError(
                f"distances: {name} hold numbers that are not finite or too large to square; embed them again"
            )
    if probes.shape[1:] != gallery.shape[1:]:
        raise DataError(
            f"distances: probes are {probes.shape[1:]}, gallery {gallery.shape[1:]} (part, feature); "
            "both must come from the same network"
        )


def _centered(vectors: _Floats, origin: _Floats) -> _Floats:
    """(part, n, feature), moved by the origin."""
    moved = np.empty((vectors.shape[1], vectors.shape[0], vectors.shape[2]), np.float32)
    np.subtract(vectors.transpose(1, 0, 2), origin[:, None], out=moved)
    return moved


def _fill_euclidean(probes: _Floats, gallery: _Floats, out: _Floats) -> None:
    out[:] = 0
    parts = len(gallery)
    scratch = np.empty(_TILE_ROWS * min(_TILE_COLUMNS, gallery.shape[1]), np.float32)
    for part in range(parts):
        probe_norms = np.einsum("nf,nf->n", probes[part], probes[part])
        gallery_norms = np.einsum("nf,nf->n", gallery[part], gallery[part])
        for row in range(0, out.shape[0], _TILE_ROWS):
            for column in range(0, out.shape[1], _TILE_COLUMNS):
                rows, columns = slice(row, row + _TILE_ROWS), slice(column, column + _TILE_COLUMNS)
                tile = out[rows, columns]
                products = scratch[: tile.size].reshape(tile.shape)
                np.matmul(probes[part][rows], gallery[part][columns].T, out=products)
                _add_roots(
                    products, probes[part][rows], gallery[part][columns], probe_norms[rows],
                    gallery_norms[columns], np.float32(1 / parts), tile,
                )  # fmt: skip


def _normalized(vectors: _Floats, origin: _Floats) -> _Floats:
    """(n, part x feature), every part of length 1 or, where it is zero, 0; an origin would change angles."""
    del origin
    largest = np.abs(vectors).max(axis=2, keepdims=True)
    scaled = vectors / np.where(largest > 0, largest, np.float32(1))
    lengths = np.linalg.norm(scaled, axis=2, keepdims=True)
    scaled /= np.where(lengths > 0, lengths, np.float32(1))
    return np.asarray(scaled.reshape(len(vectors), -1) / np.float32(np.sqrt(vectors.shape[1])), np.float32)


def _fill_cosine(probes: _Floats, gallery: _Floats, out: _Floats) -> None:
    np.matmul(probes, gallery.T, out=out)
    np.subtract(np.float32(1), out, out=out)
    np.clip(out, 0, 2, out=out)


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"nnan", "nsz", "contract", "reassoc"})
def _add_roots(
    products: Any, probes: Any, gallery: Any, probe_norms: Any, gallery_norms: Any, weight: Any, total: Any
) -> None:
    """Turn products (row, column) into distances, and add them, times `weight`, to `total`."""
    for i in range(products.shape[0]):
        line = products[i]
        own = probe_norms[i]
        closest = np.float32(1)
        for j in range(line.shape[0]):
            norms = own + gallery_norms[j]
            square = norms - np.float32(2) * line[j]
            closest = min(closest, square - _CLOSE * norms)
            line[j] = np.sqrt(max(square, np.float32(0)))
        if closest <= 0:
            _refine(line, probes[i], gallery, own, gallery_norms)
        for j in range(line.shape[0]):
            total[i, j] += weight * line[j]


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"nnan", "nsz", "contract", "reassoc"})
def _refine(line: Any, probe: Any, gallery: Any, own: Any, gallery_norms: Any) -> None:
    """Replace the distances of close pairs by those of their differences."""
    for j in range(line.shape[0]):
        if line[j] * line[j] <= np.float32(2) * _CLOSE * (own + gallery_norms[j]):
            square = np.float32(0)
            for k in range(probe.shape[0]):
                difference = probe[k] - gallery[j, k]
                square += difference * difference
            line[j] = np.sqrt(square)

"""Distances between part embeddings: the mean over parts of one distance per part, at the speed of matrix products.

Euclidean distances go through `|p - g|² = |p|² + |g|² - 2 p·g`, parts outermost, one matrix product per part and tile
and one pass that adds the norms, takes the root and accumulates. The shortcut loses digits where two vectors are close
compared to their length, so (1) both sides are first moved by the mean of the gallery, which changes no distance, and
(2) pairs that are still close are computed from their differences. Every distance is within 1e-5 of its true value,
relatively (cosine: within 1e-6), and identical vectors are at Euclidean distance 0 exactly.
"""

from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from walkprint.core.compiled import compiled
from walkprint.core.errors import DataError
from walkprint.core.memory import give_back

Metric = Literal["euclidean", "cosine"]
METRICS: tuple[Metric, ...] = get_args(Metric)

_Floats = NDArray[np.float32]
_PAIRS_PER_BLOCK, _MOST_PAIRS_PER_BLOCK = 1 << 21, 1 << 24
_MOST_ROWS_PER_BLOCK, _ROWS_AT_ONCE = 192, 1024  # of probes against a large gallery; of a gallery that is prepared
_TILE_ROWS, _TILE_COLUMNS = 384, 2304
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
    known = KnownVectors(gallery, metric)
    result = np.empty((len(probes), len(gallery)), np.float32)
    for start in range(0, max(len(probes), 1), known.rows_per_block):
        rows = slice(start, start + known.rows_per_block)
        known.distances(probes[rows], out=result[rows])
    return result


class KnownVectors:
    """A gallery prepared once, to be compared with probes a block at a time, so that no whole table is needed.

    Args:
        gallery: float32 (gallery, part, feature); copied.
        metric: as in `part_distances`.
        rows: int64, those that are meant, in this order; all when None.

    Attributes:
        rows_per_block: so many probes at once keep a block at about two million distances; more with a large gallery,
            where matrix products of few rows are slow.

    Raises:
        DataError: as `part_distances`.
    """

    def __init__(self, gallery: _Floats, metric: Metric = "euclidean", rows: NDArray[np.int64] | None = None) -> None:
        if metric not in METRICS:
            raise DataError(f"distances: metric is {metric!r}; expected {' or '.join(METRICS)}")
        rows = np.arange(len(gallery)) if rows is None else rows
        self.metric, self.count, self.shape = metric, len(rows), gallery.shape[1:]
        rows_of = [size // max(self.count, 1) for size in (_PAIRS_PER_BLOCK, _MOST_PAIRS_PER_BLOCK)]
        self.rows_per_block = max(1, rows_of[0], min(rows_of[1], _MOST_ROWS_PER_BLOCK))
        pieces = [rows[start : start + _ROWS_AT_ONCE] for start in range(0, max(self.count, 1), _ROWS_AT_ONCE)]
        total = np.zeros((1, *self.shape))
        for piece in pieces:  # added up row by row, as `mean` does over all at once
            vectors = gallery[piece]
            _check("gallery", vectors)
            total = np.add.reduce(np.concatenate([total, vectors]), axis=0)[None]
            give_back(gallery)
        self._origin = (total[0] / max(self.count, 1)).astype(np.float32)
        parts, features = self.shape
        by_part = metric == "euclidean"
        self._prepared = np.empty((parts, self.count, features) if by_part else (self.count, parts * features), "f4")
        for i, piece in enumerate(pieces):
            place = slice(i * _ROWS_AT_ONCE, i * _ROWS_AT_ONCE + len(piece))
            self._prepared[(slice(None), place) if by_part else place] = self._prepare(gallery[piece])
            give_back(gallery)
        self._norms = [np.einsum("nf,nf->n", part, part) for part in self._prepared] if by_part else []

    def distances(self, probes: _Floats, out: _Floats | None = None, columns: slice | None = None) -> _Floats:
        """Distances of probes, (probe, part, feature), to all: (probe, gallery), written to `out` where it is given.

        Of the gallery, `columns` are filled; the others may be, or be 0.

        Raises:
            DataError: as `part_distances`.
        """
        _check("probes", probes)
        if probes.shape[1:] != self.shape:
            raise DataError(
                f"distances: probes are {probes.shape[1:]}, gallery {self.shape} (part, feature); "
                "both must come from the same network"
            )
        if out is None:
            out = np.empty((len(probes), self.count), np.float32)
        if out.size and self.metric == "euclidean":
            _fill_euclidean(self._prepare(probes), self._prepared, self._norms, out, columns or slice(0, self.count))
        elif out.size:
            _fill_cosine(self._prepare(probes), self._prepared, out)
        return out

    def _prepare(self, vectors: _Floats) -> _Floats:
        return _centered(vectors, self._origin) if self.metric == "euclidean" else _normalized(vectors)


def _check(name: str, vectors: _Floats) -> None:
    if vectors.ndim != 3 or vectors.dtype != np.float32:
        raise DataError(f"distances: {name} are {vectors.dtype} {vectors.shape}, expected float32 (n, part, feature)")
    if not vectors.shape[1] * vectors.shape[2]:
        raise DataError(f"distances: {name} have shape {vectors.shape}; expected at least one part and feature")
    # A sum of squares catches NaN, infinity and numbers that overflow, in one pass and without a copy.
    if not np.isfinite(np.vdot(vectors, vectors)):
        raise DataError(f"distances: {name} hold numbers that are not finite or too large to square; embed them again")


def _centered(vectors: _Floats, origin: _Floats) -> _Floats:
    """(part, n, feature), moved by the origin."""
    moved = np.empty((vectors.shape[1], vectors.shape[0], vectors.shape[2]), np.float32)
    np.subtract(vectors.transpose(1, 0, 2), origin[:, None], out=moved)
    return moved


def _fill_euclidean(probes: _Floats, gallery: _Floats, norms: list[_Floats], out: _Floats, needed: slice) -> None:
    out[:] = 0
    parts = len(gallery)
    scratch = np.empty(_TILE_ROWS * min(_TILE_COLUMNS, gallery.shape[1]), np.float32)
    for part in range(parts):
        probe_norms = np.einsum("nf,nf->n", probes[part], probes[part])
        for row in range(0, out.shape[0], _TILE_ROWS):
            for column in range(needed.start - needed.start % _TILE_COLUMNS, needed.stop, _TILE_COLUMNS):
                rows, columns = slice(row, row + _TILE_ROWS), slice(column, column + _TILE_COLUMNS)
                tile = out[rows, columns]
                products = scratch[: tile.size].reshape(tile.shape)
                np.matmul(probes[part][rows], gallery[part][columns].T, out=products)
                _add_roots(
                    products, probes[part][rows], gallery[part][columns], probe_norms[rows],
                    norms[part][columns], np.float32(1 / parts), tile,
                )  # fmt: skip


def _normalized(vectors: _Floats) -> _Floats:
    """(n, part x feature), every part of length 1 or, where it is zero, 0."""
    largest = np.abs(vectors).max(axis=2, keepdims=True)
    scaled = vectors / np.where(largest > 0, largest, np.float32(1))
    lengths = np.linalg.norm(scaled, axis=2, keepdims=True)
    scaled /= np.where(lengths > 0, lengths, np.float32(1))
    scaled /= np.float32(np.sqrt(vectors.shape[1]))
    return np.asarray(scaled.reshape(len(vectors), vectors.shape[1] * vectors.shape[2]), np.float32)


def _fill_cosine(probes: _Floats, gallery: _Floats, out: _Floats) -> None:
    np.matmul(probes, gallery.T, out=out)
    np.subtract(np.float32(1), out, out=out)
    np.clip(out, 0, 2, out=out)


@compiled(nogil=True, error_model="numpy", fastmath={"nnan", "nsz", "contract", "reassoc"})
def _add_roots(
    products: Any, probes: Any, gallery: Any, probe_norms: Any, gallery_norms: Any, weight: Any, total: Any
) -> None:
    """Turn products (row, column) into distances, and add them, times `weight`, to `total`."""
    for i in range(products.shape[0]):
        line = products[i]
        own = probe_norms[i]
        close = np.int32(0)  # counted, as the least of floats would keep this loop from being vectorized
        for j in range(line.shape[0]):
            norms = own + gallery_norms[j]
            square = norms - np.float32(2) * line[j]
            close += np.int32(square - _CLOSE * norms <= np.float32(0))
            line[j] = np.sqrt(max(square, np.float32(0)))
        if close > 0:
            _refine(line, probes[i], gallery, own, gallery_norms)
        for j in range(line.shape[0]):
            total[i, j] += weight * line[j]


@compiled(nogil=True, error_model="numpy", fastmath={"nnan", "nsz", "contract", "reassoc"})
def _refine(line: Any, probe: Any, gallery: Any, own: Any, gallery_norms: Any) -> None:
    """Replace the distances of close pairs by those of their differences."""
    for j in range(line.shape[0]):
        if line[j] * line[j] <= np.float32(2) * _CLOSE * (own + gallery_norms[j]):
            square = np.float32(0)
            for k in range(probe.shape[0]):
                difference = probe[k] - gallery[j, k]
                square += difference * difference
            line[j] = np.sqrt(square)

"""Sign codes: one bit a number, to find the walks of a large gallery whose vectors may be nearest.

Two vectors whose bits differ in few places have a small angle between them. A look at 448 bits leaves some
thousand walks, a look at all bits those that are worth an exact comparison.

Source: M. Charikar, "Similarity Estimation Techniques from Rounding Algorithms", STOC 2002.
Deviations: the signs of the numbers themselves instead of random projections, interleaved so that the first bits see
every part; two looks.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from walkprint.core.compiled import compiled

_WORDS, _BLOCK, _KEPT, _COUNTED = 7, 256, 20, 20_000
_ONE, _TWO, _EIGHT, _EVEN_BYTES = (np.uint64(one) for one in (1, 2, 8, 0x00FF00FF00FF00FF))
_Words = NDArray[np.uint64]


def encode(vectors: NDArray[np.float32]) -> _Words:
    """The signs of vectors: float32 (walk, part, feature) -> uint64 (walk, word), at least 7 words."""
    signs = vectors.transpose(0, 2, 1).reshape(len(vectors), -1) >= 0
    width = 64 * max(_WORDS, -(-signs.shape[1] // 64))
    padded = np.pad(signs, ((0, 0), (0, width - signs.shape[1])))
    return np.packbits(padded, axis=1, bitorder="little").view(np.uint64)


class Codes:
    """The codes of many walks in memory.

    Args:
        words: uint64 (walk, word), as `encode` makes them; copied.
    """

    def __init__(self, words: _Words) -> None:
        words = words if words.shape[1] else np.zeros((len(words), _WORDS), np.uint64)
        self._first, self._rest = np.ascontiguousarray(words[:, :_WORDS].T), np.ascontiguousarray(words[:, _WORDS:])

    def __len__(self) -> int:
        """How many walks there are."""
        return len(self._rest)

    def propose(self, probes: NDArray[np.float32], most: int = 200) -> NDArray[np.int64]:
        """The walks whose codes are nearest.

        Args:
            probes: float32 (probe, part, feature).
            most: how many for each probe.

        Returns:
            Their positions, (probe, most), nearest first; fewer columns where there are fewer walks.
        """
        words, most, count = encode(probes), min(most, len(self)), len(self)
        distances = np.empty((len(words), count), np.uint8)
        _first_look(self._first, words[:, :_WORDS].copy(), distances)
        found, rows, totals = np.empty((len(words), most), np.int64), *np.empty((2, count), np.int64)
        step = max(1, count // _COUNTED)
        for number, word in enumerate(words):
            reached = step * np.cumsum(np.bincount(distances[number, ::step]))
            limit = np.searchsorted(reached, min(_KEPT * most, count - step + 1))
            kept = _second_look(distances[number], limit, word[_WORDS:], self._rest, rows, totals)
            found[number] = rows[np.argsort(totals[:kept], kind="stable")[:most]]
        return found


@compiled(nogil=True)
def _first_look(known: Any, probes: Any, distances: Any) -> None:
    """Differing bits, at most 255, of every walk, (word, walk), and probe, (probe, word)."""
    for start in range(0, known.shape[1], _BLOCK):
        stop = min(start + _BLOCK, known.shape[1])
        for i in range(probes.shape[0]):
            p = probes[i]
            for j in range(start, stop):
                ones, c1 = _add(known[0, j] ^ p[0], known[1, j] ^ p[1], known[2, j] ^ p[2])
                other, c2 = _add(known[3, j] ^ p[3], known[4, j] ^ p[4], known[5, j] ^ p[5])
                ones, c3 = _add(ones, other, known[6, j] ^ p[6])
                twos, fours = _add(c1, c2, c3)
                total = _bytes(ones) + (_bytes(twos) << _ONE) + (_bytes(fours) << _TWO)
                total = (total & _EVEN_BYTES) + ((total >> _EIGHT) & _EVEN_BYTES)
                total += total >> np.uint64(32)
                distances[i, j] = min((total + (total >> np.uint64(16))) & np.uint64(0xFFFF), np.uint64(255))


@compiled(nogil=True, inline="always")
def _add(a: Any, b: Any, c: Any) -> Any:
    """Sum and carry of three bits, for 64 places at once."""
    half = a ^ b
    return half ^ c, (a & b) | (half & c)


@compiled(nogil=True, inline="always")
def _bytes(bits: Any) -> Any:
    """How many bits are set in each byte."""
    bits = bits - ((bits >> _ONE) & np.uint64(0x5555555555555555))
    bits = (bits & np.uint64(0x3333333333333333)) + ((bits >> _TWO) & np.uint64(0x3333333333333333))
    return (bits + (bits >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)


@compiled(nogil=True)
def _second_look(distances: Any, limit: Any, probe: Any, known: Any, rows: Any, totals: Any) -> Any:
    """The rows within a limit of the first look, and their differing bits in all; returns how many."""
    count = 0
    for row in range(distances.shape[0]):
        if distances[row] <= limit:
            rows[count] = row
            count += 1
    for n in range(count):
        totals[n] = distances[rows[n]]
        for word in range(probe.shape[0]):
            totals[n] += (_bytes(known[rows[n], word] ^ probe[word]) * np.uint64(0x0101010101010101)) >> np.uint64(56)
    return count

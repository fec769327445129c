"""Embeddings with their keys: aligned, selectable, saved without pickle."""

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from walkprint.core.errors import DataError
from walkprint.core.files import replacing
from walkprint.core.protocol import FIELD_NAMES, Selection
from walkprint.core.sequence import SequenceKey


@dataclass(frozen=True, slots=True, eq=False)
class EmbeddingSet:
    """Vectors of many sequences.

    Attributes:
        vectors: float32 (sequence, part, feature).
        keys: one per sequence.
        source: what made them (network and digest of its weights); sets of different sources must not be compared.

    Raises:
        DataError: keys and vectors do not agree, or a vector is not finite.
    """

    vectors: NDArray[np.float32]
    keys: Sequence[SequenceKey]
    source: str = ""

    def __post_init__(self) -> None:
        if self.vectors.ndim != 3 or self.vectors.dtype != np.float32:
            raise DataError(
                f"embeddings are {self.vectors.dtype} {self.vectors.shape}, expected float32 (sequence, part, feature)"
            )
        if len(self.keys) != len(self.vectors):
            raise DataError(f"embeddings: {len(self.keys)} keys for {len(self.vectors)} vectors")
        if not np.isfinite(self.vectors).all():
            bad = int(np.argmin(np.isfinite(self.vectors).all(axis=(1, 2))))
            raise DataError(f"embeddings: the vector of {self.keys[bad]} is not finite; train or embed again")

    def __len__(self) -> int:
        """How many sequences it holds."""
        return len(self.keys)

    def take(self, positions: Sequence[int]) -> "EmbeddingSet":
        """The sequences at `positions`, in that order."""
        index = np.asarray(positions, dtype=np.int64)
        return EmbeddingSet(self.vectors[index], [self.keys[i] for i in index], self.source)

    def select(self, selection: Selection) -> "EmbeddingSet":
        """The sequences that `selection` admits."""
        return self.take(selection.among(self.keys))

    def normalized(self) -> "EmbeddingSet":
        """Every part of every sequence at unit length, so that all parts have the same weight in a mean; zeros stay."""
        lengths = np.linalg.norm(self.vectors, axis=2, keepdims=True)
        vectors = np.divide(self.vectors, lengths, out=np.zeros_like(self.vectors), where=lengths > 0)
        return EmbeddingSet(vectors, self.keys, f"{self.source}, parts of unit length")

    def save(self, path: str | Path) -> None:
        """Write one .npz file, atomically."""
        names = {name: np.array([getattr(key, name) for key in self.keys], dtype=np.str_) for name in FIELD_NAMES}
        with replacing(path) as temporary, temporary.open("wb") as file:
            np.savez(file, vectors=self.vectors, source=np.array(self.source), **names)  # type: ignore[arg-type]

    @classmethod
    def load(cls, path: str | Path) -> "EmbeddingSet":
        """Read what `save` wrote.

        Raises:
            DataError: the file is missing, damaged, or no embedding file.
        """
        path = Path(path)
        try:
            with np.load(path, allow_pickle=False) as file:
                columns = [file[name].tolist() for name in FIELD_NAMES]
                keys = [SequenceKey(*values) for values in zip(*columns, strict=True)]
                return cls(file["vectors"], keys, str(file["source"]))
        except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise DataError(f"{path}: no embeddings of ours ({error}); make them with `embed`") from error


def pieces(frames: int, most: int | None) -> list[range]:
    """A sequence's frames in order, in as few pieces as there can be of at most `most` frames, of nearly equal length.

    Args:
        frames: length of the sequence.
        most: None for one piece.
    """
    count = 1 if most is None else max(-(-frames // most), 1)
    bounds = [frames * i // count for i in range(count + 1)]
    return [range(first, last) for first, last in pairwise(bounds)]


def mean_of_pieces(vectors: Sequence[NDArray[np.float32]], frames: Sequence[int]) -> NDArray[np.float32]:
    """The embedding of a walk whose pieces were embedded: their mean, weighted by frames.

    Args:
        vectors: float32 (part, feature) of each piece; one piece comes back as it is.
        frames: of each piece.
    """
    if len(vectors) == 1:
        return vectors[0]
    order = np.lexsort((range(len(frames)), frames))  # the same sum in whatever order pieces of several lengths come
    mean = np.average(np.stack([vectors[i] for i in order]), axis=0, weights=np.array(frames)[order])
    return np.asarray(mean, np.float32)

"""Embeddings with their keys: aligned, selectable, saved without pickle."""

import mmap
import zipfile
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from walkprint.core.arrays import read_arrays, read_header
from walkprint.core.errors import DataError
from walkprint.core.files import replacing
from walkprint.core.memory import give_back
from walkprint.core.protocol import FIELD_NAMES, Selection
from walkprint.core.sequence import SequenceKey

_MAPPED_FROM_BYTES, _PIECE_BYTES = 1 << 28, 1 << 26


def unit_parts(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Every part, (..., feature), at unit length; zeros stay."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0))


@dataclass(frozen=True, slots=True, eq=False)
class EmbeddingSet:
    """Vectors of many sequences.

    Attributes:
        vectors: float32 (sequence, part, feature).
        keys: one per sequence.
        source: what made them (network and digest of its weights); sets of different sources must not be compared.
        data: what is known of the frames they were made from, for reports: how many, left out, doubtful.

    Raises:
        DataError: keys and vectors do not agree, or a vector is not finite.
    """

    vectors: NDArray[np.float32]
    keys: Sequence[SequenceKey]
    source: str = ""
    data: str = ""

    def __post_init__(self) -> None:
        if self.vectors.ndim != 3 or self.vectors.dtype != np.float32:
            raise DataError(
                f"embeddings are {self.vectors.dtype} {self.vectors.shape}, expected float32 (sequence, part, feature)"
            )
        if len(self.keys) != len(self.vectors):
            raise DataError(f"embeddings: {len(self.keys)} keys for {len(self.vectors)} vectors")
        step = max(_PIECE_BYTES // max(self.vectors[:1].nbytes, 1), 1)
        for start in range(0, len(self.keys), step):
            finite = np.isfinite(self.vectors[start : start + step]).all(axis=(1, 2))
            if not finite.all():
                bad = self.keys[start + int(np.argmin(finite))]
                raise DataError(f"embeddings: the vector of {bad} is not finite; train or embed again")
            self.release()

    def __len__(self) -> int:
        """How many sequences it holds."""
        return len(self.keys)

    def take(self, positions: Sequence[int]) -> "EmbeddingSet":
        """The sequences at `positions`, in that order."""
        index = np.asarray(positions, dtype=np.int64)
        return EmbeddingSet(self.vectors[index], [self.keys[i] for i in index], self.source, self.data)

    def select(self, selection: Selection) -> "EmbeddingSet":
        """The sequences that `selection` admits."""
        return self.take(selection.among(self.keys))

    def normalized(self) -> "EmbeddingSet":
        """Every part of every sequence at unit length, so that all parts have the same weight in a mean; zeros stay."""
        return EmbeddingSet(unit_parts(self.vectors), self.keys, f"{self.source}, parts of unit length", self.data)

    def release(self) -> None:
        """Give back the memory of vectors that can be read from their file again."""
        give_back(self.vectors)

    def save(self, path: str | Path) -> None:
        """Write one .npz file, atomically."""
        names = {name: np.array([getattr(key, name) for key in self.keys], dtype=np.str_) for name in FIELD_NAMES}
        with replacing(path) as temporary, temporary.open("wb") as file:
            about = {"source": np.array(self.source), "data": np.array(self.data)}
            np.savez(file, vectors=self.vectors, **about, **names)  # type: ignore[arg-type]

    @classmethod
    def load(cls, path: str | Path) -> "EmbeddingSet":
        """Read what `save` wrote; vectors of 256 MiB and more stay in the file, read-only, until they are used.

        Raises:
            DataError: the file is missing, damaged, or no embedding file.
        """
        path = Path(path)
        try:
            vectors = _mapped(path) if path.stat().st_size >= _MAPPED_FROM_BYTES else None
            file = read_arrays(path, [*FIELD_NAMES, "source", *(["vectors"] if vectors is None else [])], ["data"])
            columns = [file[name].tolist() for name in FIELD_NAMES]
            keys = [SequenceKey(*values) for values in zip(*columns, strict=True)]
            data = str(file.get("data", ""))  # older files have none
            loaded = cls(file["vectors"] if vectors is None else vectors, keys, str(file["source"]), data)
            if len(set(keys)) < len(keys):
                twice = next(key for key, count in Counter(keys).items() if count > 1)
                raise DataError(f"{path}: sequence {twice} is there twice; embed again")
            loaded.release()
            return loaded
        except (OSError, KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
            raise DataError(f"{path}: no embeddings that can be read ({error}); make them with `embed`") from error


def _mapped(path: Path) -> NDArray[np.float32] | None:
    """The vectors where they lie in an uncompressed .npz file, whose checksum is compared; None if they are compressed.

    Raises:
        ValueError: the checksum or the size is another one.
    """
    with zipfile.ZipFile(path) as archive:
        entry = archive.getinfo("vectors.npy")
    if entry.compress_type != zipfile.ZIP_STORED:
        return None
    with path.open("rb") as file:
        file.seek(entry.header_offset + 26)
        start = file.tell() + 4 + sum(np.frombuffer(file.read(4), "<u2").tolist())  # behind its name and extra field
        file.seek(start)
        shape, by_columns, kind = read_header(file)
        offset = file.tell()
        whole = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    found, stop = 0, start + entry.file_size
    for place in range(start, stop, _PIECE_BYTES):
        found = zlib.crc32(memoryview(whole)[place : min(place + _PIECE_BYTES, stop)], found)
        give_back(np.frombuffer(whole, np.uint8))
    count = int(np.prod(shape))
    if found != entry.CRC or by_columns or kind != np.float32 or offset + 4 * count != stop or len(whole) < stop:
        raise ValueError("the vectors are damaged")
    return np.frombuffer(whole, np.float32, count, offset).reshape(shape)


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

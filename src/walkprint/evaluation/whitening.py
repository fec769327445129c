"""Whitening: weighs the directions of an embedding by how little they vary within a person.

Source: Hatch, Kajarekar, Stolcke, "Within-class covariance normalization for SVM-based speaker recognition",
Interspeech 2006.
Deviations: one matrix per body part, on parts of unit length; the covariance is drawn toward a multiple of the identity
instead of being smoothed by principal components; the symmetric root instead of Cholesky's.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray

from walkprint.core.arrays_file import read_arrays
from walkprint.core.digest import arrays_digest
from walkprint.core.embedding import EmbeddingSet, unit_parts
from walkprint.core.errors import DataError, ProtocolError
from walkprint.core.files import write_atomically

WHITENING_NAME = "whitening.safetensors"
_KIND = "walkprint whitening 2"
_WHOLE = "walkprint whitening 1"
"""Of an earlier version: whole matrices instead of their lower triangles."""
_EXPECTED = "expected a file that `Whitening.save` wrote"
_ROUNDING = 1e-4
"""How far a root may be from symmetric, as a part of its largest entry."""
_Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Whitening:
    """What a network's embeddings are whitened with.

    Attributes:
        mean: float32 (part, feature), mean of the unit parts it was learned on: the origin where no site is known.
        root: float32 (part, feature, feature), the inverse root of each part's covariance within people, symmetric. Its
            scale does not matter, because parts are brought to unit length afterwards; `learn` makes its largest entry
            1.
        source: the network that made the embeddings it was learned on, as `EmbeddingSet.source`.

    Raises:
        DataError: mean and root do not fit each other, hold numbers that are not finite, or a root is far from
            symmetric; one that is nearly so is made symmetric.
    """

    mean: _Floats
    root: _Floats
    source: str = ""

    def __post_init__(self) -> None:
        if self.mean.ndim != 2 or self.root.shape != (*self.mean.shape, self.mean.shape[1]):
            raise DataError(
                f"whitening: mean {self.mean.shape}, root {self.root.shape}; expected (part, feature) and (part, "
                "feature, feature)"
            )
        if not (np.isfinite(self.mean).all() and np.isfinite(self.root).all()):
            raise DataError("whitening: a number is not finite; learn it again")
        turned = self.root.transpose(0, 2, 1)
        if not np.array_equal(self.root, turned):
            off = np.abs(self.root - turned).max(axis=(1, 2)) / np.abs(self.root).max(axis=(1, 2))
            if off.max() > _ROUNDING:
                raise DataError(
                    f"whitening: root {off.argmax()} is not symmetric (up to {off.max():.1g} of its largest entry); "
                    "expected the symmetric root that `Whitening.learn` finds"
                )
            object.__setattr__(self, "root", (self.root + turned) / 2)

    def __str__(self) -> str:
        return f"whitening {self.digest}"

    @cached_property
    def digest(self) -> str:
        """Twelve hexadecimal digits, the same for the same numbers in half precision, as they are stored."""
        return arrays_digest({"mean": self.mean.astype(np.float16), "root": self.root.astype(np.float16)})

    @classmethod
    def learn(cls, embeddings: EmbeddingSet, shrinkage: float = 0.3) -> "Whitening":
        """Learn from people outside the training set; a few hundred with several sequences each.

        Args:
            embeddings: of these people; the keys name the subjects.
            shrinkage: from 0 to 1, how far each covariance is drawn toward a multiple of the identity.

        Raises:
            DataError: the shrinkage is out of range, fewer than two subjects have two sequences, or a part does not
                vary within people.
        """
        if not 0 <= shrinkage <= 1:
            raise DataError(f"whitening: shrinkage is {shrinkage}; expected a number from 0 to 1")
        unit = unit_parts(embeddings.vectors).astype(np.float64)
        _, subject, counts = np.unique(
            [key.subject for key in embeddings.keys], return_inverse=True, return_counts=True
        )
        if (counts > 1).sum() < 2:
            raise DataError(
                f"whitening: {int((counts > 1).sum())} of {len(counts)} subjects have two sequences; expected at least "
                "two, better some hundred"
            )
        sums = np.zeros((len(counts), *unit.shape[1:]))
        np.add.at(sums, subject, unit)
        rest = (unit - (sums / counts[:, None, None])[subject]).transpose(1, 0, 2)
        covariance = rest.transpose(0, 2, 1) @ rest / len(unit)
        level = np.trace(covariance, axis1=1, axis2=2) / covariance.shape[-1]
        covariance = (1 - shrinkage) * covariance
        covariance += shrinkage * level[:, None, None] * np.eye(covariance.shape[-1])
        values, axes = np.linalg.eigh(covariance)
        if (values[:, 0] <= 1e-12 * level).any():
            part = int(np.argmin(values[:, 0] - 1e-12 * level))
            raise DataError(
                f"whitening: part {part} varies in too few directions within people; use more sequences or more "
                f"shrinkage than {shrinkage}"
            )
        root = (axes / np.sqrt(values)[:, None]) @ axes.transpose(0, 2, 1)
        root = (root + root.transpose(0, 2, 1)) / 2  # rounding leaves it not quite symmetric
        root /= np.abs(root).max(axis=(1, 2), keepdims=True)
        return cls(unit.mean(axis=0).astype(np.float32), root.astype(np.float32), embeddings.source)

    def check(self, embeddings: EmbeddingSet) -> None:
        """Refuse embeddings of another network.

        Raises:
            ProtocolError: the embeddings are another network's.
        """
        if embeddings.source != self.source or embeddings.vectors.shape[1:] != self.mean.shape:
            parts, features = self.mean.shape
            raise ProtocolError(
                f"whitening: learned for {self.source or 'an unknown source'} ({parts} parts of {features}), the "
                f"embeddings are by {embeddings.source or 'an unknown source'} {embeddings.vectors.shape[1:]}; use the "
                "whitening of the network that made them"
            )

    def save(self, path: str | Path) -> None:
        """Write one safetensors file in half precision, of each root the lower triangle, atomically."""
        halves = {"mean": self.mean.astype(np.float16), "triangle": self.root.astype(np.float16)[_lower(self.mean)]}
        stored = {name: np.ascontiguousarray(one) for name, one in halves.items()}  # or strides are lost
        write_atomically(path, safetensors.numpy.save(stored, {"kind": _KIND, "source": self.source}))

    @classmethod
    def load(cls, path: str | Path) -> "Whitening":
        """Read what `save` wrote.

        Raises:
            DataError: the file is missing, damaged, or holds something else.
        """
        arrays, metadata = read_arrays(path, DataError, _EXPECTED)
        known = {_KIND: {"mean", "triangle"}, _WHOLE: {"mean", "root"}}.get(metadata.get("kind", ""))
        if set(arrays) != known or arrays["mean"].ndim != 2:
            raise DataError(f"{path}: not a whitening; {_EXPECTED}")
        mean = arrays["mean"].astype(np.float32)
        root = _whole(arrays["triangle"], mean, path) if "triangle" in arrays else arrays["root"]
        try:
            return cls(mean, root.astype(np.float32), metadata.get("source", ""))
        except DataError as error:
            raise DataError(f"{path}: {error}") from error


def _lower(mean: _Floats) -> tuple[Any, ...]:
    """Where the lower triangles are in (part, feature, feature), row by row."""
    return (slice(None), *np.tril_indices(mean.shape[1]))


def _whole(triangle: NDArray[Any], mean: _Floats, path: str | Path) -> NDArray[Any]:
    parts, features = mean.shape
    if triangle.shape != (parts, features * (features + 1) // 2):
        raise DataError(f"{path}: {parts} parts of {features} and triangles {triangle.shape}; {_EXPECTED}")
    root = np.empty((parts, features, features), triangle.dtype)
    root[_lower(mean)] = triangle
    root.transpose(0, 2, 1)[_lower(mean)] = triangle
    return root


def moved(vectors: _Floats, origin: _Floats, root: _Floats | None) -> _Floats:
    """Unit parts seen from an origin, whitened where a root is given, at unit length again.

    Args:
        vectors: float32 (sequence, part, feature).
        origin: float32 (part, feature) or (sequence, part, feature).
        root: float32 (part, feature, feature).
    """
    unit = unit_parts(vectors) - origin
    if root is not None:
        unit = np.ascontiguousarray((unit.transpose(1, 0, 2) @ root).transpose(1, 0, 2))
    return unit_parts(unit)

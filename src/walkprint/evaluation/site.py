"""Site calibration: what every clip of one camera shares, learned from unlabeled clips of passers-by.

A camera, its segmenter and the direction of walking shift the embeddings of all people by about the same amount. The
mean of a few clips of whoever passes that camera estimates the shift; subtracting it leaves the person. Unlike
centering it needs nothing of the probes, so single probes can be scored.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray

from walkprint.core.arrays_file import read_arrays
from walkprint.core.digest import arrays_digest
from walkprint.core.embedding import EmbeddingSet, unit_parts
from walkprint.core.errors import DataError, ProtocolError
from walkprint.core.files import write_atomically
from walkprint.core.sequence import SequenceKey

FEWEST_CLIPS, CLIPS_PER_VIEW = 5, 10
ANY_VIEW = "/any"  # no view is called so: keys hold no "/"
_KIND = "walkprint site 1"
_SKETCH_LENGTH, _SAME = 16, 2e-3
_Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Site:
    """The mean embedding of the passers-by of one camera.

    Attributes:
        means: view -> float32 (part, feature), mean of the unit parts of its clips, for each view with ten clips or
            more; and `ANY_VIEW` -> the mean over all clips, for every other view.
        clips: view -> how many clips it had.
        sketches: float32 (clip, 16), a few numbers of each clip by which it is recognized; no embedding.
        keys: the clips.
        source: the network that made the embeddings, as `EmbeddingSet.source`.
    """

    means: Mapping[str, _Floats]
    clips: Mapping[str, int]
    sketches: _Floats
    keys: Sequence[SequenceKey]
    source: str

    @classmethod
    def learn(cls, passersby: EmbeddingSet) -> "Site":
        """Learn from clips of whoever passes; who they are is not used.

        Raises:
            DataError: fewer than five clips.
        """
        if len(passersby) < FEWEST_CLIPS:
            raise DataError(
                f"site: found {len(passersby)} clips of passers-by; expected at least {FEWEST_CLIPS}, better "
                f"{CLIPS_PER_VIEW} for each direction of walking; record more"
            )
        unit, views = unit_parts(passersby.vectors), np.array([key.view for key in passersby.keys])
        clips = Counter(views.tolist())
        means = {ANY_VIEW: _mean(unit)}
        means |= {view: _mean(unit[views == view]) for view in sorted(clips) if clips[view] >= CLIPS_PER_VIEW}
        return cls(means, dict(sorted(clips.items())), _sketches(unit), list(passersby.keys), passersby.source)

    def __len__(self) -> int:
        """How many clips it was learned from."""
        return len(self.keys)

    def __str__(self) -> str:
        return f"site of {len(self)} clips {self.digest}"

    @cached_property
    def digest(self) -> str:
        """Twelve hexadecimal digits, the same for the same site."""
        return arrays_digest(self._arrays(), self._text())

    def origins(self, keys: Sequence[SequenceKey]) -> _Floats:
        """The mean that each sequence is seen from, float32 (sequence, part, feature)."""
        views = list(self.means)
        table = np.stack([self.means[view] for view in views])
        places = [views.index(key.view if key.view in self.means else ANY_VIEW) for key in keys]
        return np.asarray(table[places])

    def check(self, embeddings: EmbeddingSet) -> None:
        """Refuse embeddings of another network.

        Raises:
            ProtocolError: the embeddings are another network's.
        """
        shape = self.means[ANY_VIEW].shape
        if embeddings.source != self.source or embeddings.vectors.shape[1:] != shape:
            raise ProtocolError(
                f"site: learned from embeddings by {self.source or 'an unknown source'} {shape}, these are by "
                f"{embeddings.source or 'an unknown source'} {embeddings.vectors.shape[1:]}; calibrate the site again "
                "with the network that made them"
            )

    def refuse_own_clips(self, probes: EmbeddingSet) -> None:
        """Refuse probes that the site was learned from, whatever their keys.

        Raises:
            ProtocolError: some probes are among its clips.
        """
        found = _sketches(unit_parts(probes.vectors))
        for i, sketch in enumerate(found):
            same = np.flatnonzero((np.abs(self.sketches - sketch) < _SAME).all(axis=1))
            if len(same):
                raise ProtocolError(
                    f"site: probe {probes.keys[i]} is among the clips it was learned from (as {self.keys[same[0]]}); "
                    "calibrate with other clips, or leave these probes out"
                )

    def save(self, path: str | Path) -> None:
        """Write one `.site` file (safetensors inside), atomically."""
        metadata = {"kind": _KIND, "about": self._text(), "digest": self.digest}
        write_atomically(path, safetensors.numpy.save(self._arrays(), metadata))

    @classmethod
    def load(cls, path: str | Path) -> "Site":
        """Read what `save` wrote, and verify its digest.

        Raises:
            DataError: the file is missing, damaged, or not a site.
        """
        arrays, metadata = read_arrays(path, DataError, "expected the file of a calibrated site")
        if metadata.get("kind") != _KIND:
            raise DataError(f"{path}: not a site; expected the file of a calibrated site")
        if metadata.get("digest") != arrays_digest(arrays, metadata.get("about", "")):
            raise DataError(f"{path}: damaged, its digest does not agree; calibrate the site again")
        try:
            about = json.loads(metadata["about"])
            return cls(
                dict(zip(about["views"], arrays["means"], strict=True)), about["clips"], arrays["sketches"],
                [SequenceKey(*fields) for fields in about["keys"]], about["source"],
            )  # fmt: skip
        except (KeyError, ValueError, TypeError) as error:
            raise DataError(f"{path}: damaged ({error!r}); calibrate the site again") from error

    def _arrays(self) -> dict[str, _Floats]:
        return {"means": np.stack(list(self.means.values())), "sketches": self.sketches}

    def _text(self) -> str:
        keys = [[key.subject, key.condition, key.take, key.view] for key in self.keys]
        about = {"views": list(self.means), "clips": dict(self.clips), "keys": keys, "source": self.source}
        return json.dumps(about)


def _mean(unit: _Floats) -> _Floats:
    return np.asarray(unit.mean(axis=0, dtype=np.float64), np.float32)


def _sketches(unit: _Floats) -> _Floats:
    """The lowest cosine coefficients of each sequence's unit parts, laid end to end: (sequence, 16).

    Two clips of one person differ by some hundredths in most of them; one clip embedded twice, even in mixed precision,
    by less than a thousandth.
    """
    flat = unit.reshape(len(unit), -1)
    places = (np.arange(flat.shape[1]) + 0.5) * (np.pi / flat.shape[1])
    waves = np.cos(np.outer(np.arange(1, _SKETCH_LENGTH + 1), places)) * np.sqrt(2 / flat.shape[1])
    return np.asarray(flat.astype(np.float64) @ waves.T, np.float32)

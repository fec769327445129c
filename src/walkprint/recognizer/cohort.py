"""Rendered strangers: people who are in no gallery, by which scores are normalized and thresholds are set.

Vectors are kept as they are compared: whitened, parts at unit length. Those that come with a network have two bits a
number (Lloyd-Max levels of a normal distribution), which shrinks every cosine by the same factor; it is undone here.
"""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from walkprint.core.errors import DataError
from walkprint.core.files import write_atomically
from walkprint.core.progress import Progress, progress
from walkprint.data.walkers import Walkers
from walkprint.data.walkers.people import Variety

SEED, PEOPLE, FEWER, FRAMES = 4242, 1000, 200, 24
BUNDLED = Path(__file__).parent / "strangers"
_VIEWS = ("065", "075", "085", "090", "095", "105", "115", "245", "255", "265", "270", "275", "285", "295")
_KIND = "walkprint cohort 1"
_LEVELS = np.array([-1.5104, -0.4528, 0.4528, 1.5104], np.float32)
_EDGE, _SHRINK = 0.9816, 0.93944
_Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Cohort:
    """Walks of rendered strangers.

    Attributes:
        vectors: float32 (walk, part, feature), as they are compared.
        subjects: (walk,), number of the person.
        source: network and scoring that they are for.
    """

    vectors: _Floats
    subjects: NDArray[np.int64]
    source: str

    def save(self, path: str | Path, *, small: bool = False) -> None:
        """Write one safetensors file, atomically: two bits a number if small, else sixteen."""
        vectors = two_bits(self.vectors) if small else self.vectors.astype(np.float16)
        arrays = {"vectors": vectors, "subjects": self.subjects.astype(np.int64)}
        write_atomically(path, safetensors.numpy.save(arrays, {"kind": _KIND, "source": self.source}))

    @classmethod
    def load(cls, path: str | Path) -> "Cohort":
        """Read what `save` wrote.

        Raises:
            DataError: the file is missing, damaged, or holds something else.
        """
        try:
            with safe_open(path, framework="numpy") as file:
                metadata = file.metadata() or {}
                vectors, subjects = file.get_tensor("vectors"), file.get_tensor("subjects")
        except (OSError, SafetensorError) as error:
            raise DataError(f"{path}: no strangers can be read ({error}); delete the file: it is made again") from error
        if metadata.get("kind") != _KIND:
            raise DataError(f"{path}: holds no strangers; delete the file: it is made again")
        vectors = _from_two_bits(vectors) if vectors.dtype == np.uint8 else vectors.astype(np.float32)
        return cls(vectors, subjects, metadata.get("source", ""))


def rendered(people: int = PEOPLE, frames: int = FRAMES) -> Walkers:
    """Strangers of the population that the bundled networks know, but other people: two walks, one in other clothes."""
    return Walkers(
        subjects=people, train=0, seed=SEED, views=_VIEWS, takes={"nm": 1, "cl": 1}, views_per_take=1, one_side=True,
        frames=frames, variety=Variety(fresh_clothes=True, mixed=0.3),
    )  # fmt: skip


def make(
    embed: Callable[[NDArray[np.uint8]], _Floats],
    source: str,
    *,
    people: int = PEOPLE,
    on_progress: Progress = lambda *_: None,
) -> Cohort:
    """Render strangers and embed them.

    Args:
        embed: uint8 (time, 1, 64, 64) -> float32 (part, feature), as it is compared.
        source: network and scoring.
        people: how many.
        on_progress: called with what is done and what there is in all.
    """
    walkers = rendered(people)
    vectors, subjects = [], []
    keys = list(walkers.catalogue())
    for number, key in enumerate(keys, 1):
        on_progress(number, len(keys))
        clip = walkers.examine(key).clip
        if clip is not None and len(clip) >= FRAMES // 2:
            vectors.append(embed(clip.frames))
            subjects.append(int(key.subject))
    return Cohort(np.stack(vectors), np.array(subjects), source)


def find_or_make(embed: Callable[[NDArray[np.uint8]], _Floats], source: str) -> Cohort:
    """The strangers of a network and scoring: those of the package, or of the cache, or new ones, which are cached."""
    name = hashlib.sha256(source.encode()).hexdigest()[:16]
    for path in (BUNDLED / f"{name}.safetensors", cache_folder() / f"cohort-{name}.safetensors"):
        if path.is_file():
            found = Cohort.load(path)
            if found.source == source:
                return found
    with progress("rendering strangers, once for this network") as on_progress:
        made = make(embed, source, people=FEWER, on_progress=on_progress)
    made.save(path)
    return made


def cache_folder() -> Path:
    """Where cohorts of your own networks are kept."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "walkprint"


def two_bits(vectors: _Floats) -> NDArray[np.uint8]:
    """(walk, part, feature) -> (walk, part, feature / 4), the first number in the highest bits."""
    scaled = vectors * np.float32(np.sqrt(vectors.shape[2]))
    codes = (2 * (scaled >= 0) + (np.abs(scaled) >= _EDGE) * np.where(scaled >= 0, 1, -1) + (scaled < 0)).astype(
        np.uint8
    )
    four = codes.reshape(*vectors.shape[:2], -1, 4)
    return np.asarray(four[..., 0] << 6 | four[..., 1] << 4 | four[..., 2] << 2 | four[..., 3], np.uint8)


def _from_two_bits(packed: NDArray[np.uint8]) -> _Floats:
    codes = np.stack([packed >> shift & 3 for shift in (6, 4, 2, 0)], axis=-1)
    vectors = _LEVELS[codes.reshape(*packed.shape[:2], -1)]
    lengths = np.linalg.norm(vectors, axis=2, keepdims=True)
    return np.asarray(vectors / lengths / np.float32(_SHRINK), np.float32)

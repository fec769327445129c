"""People and walks as a gallery gives and takes them."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

import numpy as np
import zstandard
from numpy.typing import NDArray

from walkprint.core.errors import DataError
from walkprint.core.summary import counted

NEVER = "never"
"""In place of a last day: there is none any more."""
_LONGEST_NAME, _LONGEST_WALK = 200, 100_000


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is known.

    Attributes:
        id: random; the journal knows people by it alone.
        name: as it was given.
        consent: a note on it: when, how, for what.
        added: UTC, ISO 8601.
        expires: the last day on which the person is kept, ISO 8601, or None.
        walks: how many are enrolled.
        frames: of all of them.
    """

    id: str
    name: str
    consent: str
    added: str
    expires: str | None
    walks: int
    frames: int

    def __str__(self) -> str:
        return f"{self.name}  {counted(self.walks, 'walk')}, {self.frames} frames"


@dataclass(frozen=True, slots=True, eq=False)
class NewWalk:
    """A walk to enroll.

    Attributes:
        vectors: float32 (part, feature), as the network gave them.
        frames: how many it was made from.
        quality: 0 to 1.
        view: direction of walking, "" when unknown.
        input: digest of what it was taken from.
        silhouettes: uint8 (time, 1, height, width), to embed again; None to keep none.
    """

    vectors: NDArray[np.float32]
    frames: int
    quality: float = 1.0
    view: str = ""
    input: str = ""
    silhouettes: NDArray[np.uint8] | None = None


@dataclass(frozen=True, slots=True)
class KnownWalk:
    """An enrolled walk, without its numbers; fields as in `NewWalk`, `silhouettes` says whether they were kept."""

    id: str
    person: str
    added: str
    frames: int
    quality: float
    view: str
    input: str
    silhouettes: bool


@dataclass(frozen=True, slots=True, eq=False)
class Templates:
    """The embeddings of all known people.

    Attributes:
        vectors: float32 (walk, part, feature).
        people: id of the person of each walk.
        views: direction of each walk.
        names: person's id -> name.
        state: number of the gallery's state; it rises with each change.
    """

    vectors: NDArray[np.float32]
    people: Sequence[str]
    views: Sequence[str]
    names: dict[str, str]
    state: int


def check_name(name: str) -> str:
    """A name as it is kept: composed characters, no spaces around.

    Raises:
        DataError: it is empty, too long, or holds control characters.
    """
    plain = unicodedata.normalize("NFC", name).strip()
    if not plain or len(plain) > _LONGEST_NAME or any(unicodedata.category(one)[0] == "C" for one in plain):
        raise DataError(
            f"name {name[:40]!r}: expected 1 to {_LONGEST_NAME} characters, none of them a control character"
        )
    return plain


def check_day(day: str | None, also: str = "") -> str | None:
    """A day as it is kept, ISO 8601, or None.

    Args:
        day: as it was given.
        also: a word that stands for a day there, for the message.

    Raises:
        DataError: it is none, or has passed.
    """
    today = datetime.now(UTC).date()
    try:
        found = None if day is None else date.fromisoformat(str(day))
    except ValueError as error:
        other = f", or {also!r}" if also else ""
        raise DataError(f"last day {day!r}: expected a day such as 2027-12-31{other}") from error
    if found is not None and found < today:
        raise DataError(f"last day {day}: has passed; expected {today} or later")
    return None if found is None else found.isoformat()


def pack(vectors: NDArray[np.float32]) -> bytes:
    """Norms of the parts as float32, then the parts at unit length as float16.

    Raises:
        DataError: a number is not finite.
    """
    if vectors.ndim != 2 or not np.isfinite(vectors).all():
        raise DataError(f"embedding of shape {vectors.shape}: expected finite numbers (part, feature); embed it again")
    norms = np.linalg.norm(vectors, axis=1).astype(np.float32)
    unit = vectors / np.where(norms > 0, norms, 1)[:, None]
    return bytes(norms.tobytes() + unit.astype(np.float16).tobytes())


def unpack(blobs: Sequence[bytes], parts: int, features: int) -> NDArray[np.float32]:
    """What `pack` packed: float32 (walk, part, feature).

    Raises:
        DataError: a blob has another length.
    """
    norms, unit = unpack_unit(blobs, parts, features)
    return np.asarray(unit * norms[:, :, None], np.float32)


def unpack_unit(blobs: Sequence[bytes], parts: int, features: int) -> tuple[NDArray[np.float32], NDArray[np.float16]]:
    """The same as norms, float32 (walk, part), and parts at unit length, float16 (walk, part, feature).

    Raises:
        DataError: as `unpack`.
    """
    if {len(one) for one in blobs} - {parts * (4 + 2 * features)}:
        raise DataError(f"an embedding is not of {parts} parts of {features}; the gallery is damaged")
    raw = np.frombuffer(b"".join(blobs), np.uint8).reshape(len(blobs), parts * (4 + 2 * features))
    unit = raw[:, 4 * parts :].copy().view(np.float16).reshape(len(blobs), parts, features)
    return raw[:, : 4 * parts].copy().view(np.float32), unit


def pack_silhouettes(frames: NDArray[np.uint8]) -> bytes:
    """Shape as three uint32, then the frames, zstd."""
    time, _, height, width = frames.shape
    shape = np.array([time, height, width], "<u4").tobytes()
    return shape + bytes(zstandard.compress(np.ascontiguousarray(frames).tobytes(), 3))


def unpack_silhouettes(blob: bytes) -> NDArray[np.uint8]:
    """What `pack_silhouettes` packed: uint8 (time, 1, height, width).

    Raises:
        DataError: it is damaged.
    """
    try:
        time, height, width = (int(one) for one in np.frombuffer(blob[:12], "<u4"))
        if not 0 < time * height * width <= _LONGEST_WALK * 64 * 64:
            raise ValueError(f"{time} x {height} x {width}")
        frames = zstandard.ZstdDecompressor().decompress(blob[12:], max_output_size=time * height * width)
        return np.frombuffer(frames, np.uint8).reshape(time, 1, height, width).copy()
    except (ValueError, zstandard.ZstdError) as error:
        raise DataError(f"silhouettes of a walk are damaged ({error})") from error

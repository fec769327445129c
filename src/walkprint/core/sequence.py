"""Who was seen walking, how, when and from where: the key of a sequence, and the clip that was recorded."""

import re
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from walkprint.core.errors import DataError
from walkprint.core.files import UNSEEN

_FORBIDDEN = re.compile(rf"[/\\\t\n{UNSEEN}]")


@dataclass(frozen=True, order=True, slots=True)
class SequenceKey:
    """The only identity of a sequence that is used anywhere.

    Attributes:
        subject: who walks, e.g. "075".
        condition: how, e.g. "nm" (normal), "bg" (bag), "cl" (coat); "" when the benchmark does not say.
        take: which recording of that condition, e.g. "05"; digits and letters, no hyphen.
        view: from where, e.g. "090" (degrees) or "left".

    Raises:
        DataError: a field is no text, holds a path separator or a control character, or is "." or "..".
    """

    subject: str
    condition: str = ""
    take: str = ""
    view: str = ""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not isinstance(value, str) or _FORBIDDEN.search(value) or value in {".", ".."}:
                raise DataError(
                    f"sequence key: {field.name} is {value!r}; expected plain text without '/', '\\' or "
                    "control characters: rename it"
                )
        if not self.subject:
            raise DataError("sequence key: the subject is empty; every sequence needs one")
        if "-" in self.take:
            raise DataError(
                f"sequence key: take is {self.take!r}; expected no hyphen, which separates condition and take"
            )

    @property
    def recording(self) -> str:
        """Condition and take as benchmarks write them: "nm-05", "nm" without a take, "05" without a condition."""
        return "-".join(part for part in (self.condition, self.take) if part)

    def __str__(self) -> str:
        return f"{self.subject}/{self.recording}/{self.view}"

    @classmethod
    def parse(cls, text: str) -> "SequenceKey":
        """The key written as "subject/condition-take/view"; in the middle, digits alone are a take, else a condition.

        Raises:
            DataError: there are not exactly three parts.
        """
        parts = text.split("/")
        if len(parts) != 3:
            raise DataError(f"sequence key {text!r}: found {len(parts)} parts, expected subject/condition-take/view")
        subject, recording, view = parts
        condition, hyphen, take = recording.rpartition("-")
        if not hyphen:
            condition, take = ("", recording) if recording.isdigit() else (recording, "")
        return cls(subject, condition, take, view)


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """One walk as pictures, validated once at birth.

    Attributes:
        frames: uint8 (time, channel, height, width). One channel is a silhouette, 0 background to 255 person
            (soft edges are welcome); three are RGB.
        key: whose walk it is.
        frame_rate_hz: frames per second, or None when unknown.

    Raises:
        DataError: wrong type, axes or channels, no frame at all, or a frame rate that is not positive.
    """

    frames: NDArray[np.uint8]
    key: SequenceKey
    frame_rate_hz: float | None = None

    def __post_init__(self) -> None:
        frames = self.frames
        if not isinstance(frames, np.ndarray) or frames.dtype != np.uint8:
            found = getattr(frames, "dtype", type(frames).__name__)
            raise DataError(
                f"clip {self.key}: frames are {found}, expected uint8 from 0 to 255: scale and convert them"
            )
        if frames.ndim != 4 or frames.shape[1] not in (1, 3):
            raise DataError(
                f"clip {self.key}: frames have shape {frames.shape}, expected (time, channel, height, width) "
                "with 1 or 3 channels"
            )
        if min(frames.shape) == 0:
            raise DataError(f"clip {self.key}: frames have shape {frames.shape}; every axis needs at least one entry")
        if self.frame_rate_hz is not None and not self.frame_rate_hz > 0:
            raise DataError(f"clip {self.key}: frame rate is {self.frame_rate_hz} Hz, expected more than 0")

    def __len__(self) -> int:
        """How many frames it has."""
        return int(self.frames.shape[0])

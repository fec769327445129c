"""FVG, frontal-view gait: 226 people who walk towards the camera, at other speeds, with a bag, in other clothes.

Source: Z. Zhang et al., "Gait Recognition via Disentangled Representation Learning", CVPR 2019, and "On Learning
Disentangled Representations for Gait Recognition", TPAMI 2020; layout, split and protocols as in the released code.
Deviations: what the videos of the third session show is not published; they have no condition of their own. The code's
slip of taking the clutter from the first session in one place is not repeated.
"""

import random
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

from walkprint.core.bounds import SizePx
from walkprint.core.errors import DataError
from walkprint.core.protocol import Protocol, Selection
from walkprint.core.sequence import SequenceKey
from walkprint.data.base import Reading
from walkprint.data.pictures import read_pictures
from walkprint.data.tree import TreeDataset

VIEWS = ("-45", "000", "045")
_SHOWN = {
    1: ("nm", "ws", "ws", "cb"),
    2: ("nm", "ws", "cl", "cbg"),
    3: ("again", "again", "again", "again"),
}
VIDEOS = {
    session: {
        3 * row + column + 1: (shown, view) for row, shown in enumerate(rows) for column, view in enumerate(VIEWS)
    }
    for session, rows in _SHOWN.items()
}
"""Session -> number of the video -> condition and view. Which triple shows what is inferred from the protocols."""

_SUBJECTS, _TRAINING = 226, 136
_FOLDER = re.compile("([0-9]{3})_([0-9]{2})")
_SESSION = re.compile("session([123])")


def _videos(session: int, *conditions: str) -> tuple[str, ...]:
    return tuple(f"{session}{video:02d}" for video, (shown, _) in VIDEOS[session].items() if shown in conditions)


_KNOWN = ("102", "202")
_PROBES = {
    "WS": _videos(1, "ws") + _videos(2, "ws"),
    "CB": _videos(1, "cb"),
    "CL": _videos(2, "cl"),
    "CBG": _videos(2, "cbg"),
    "ALL": tuple(f"{session}{video:02d}" for session in VIDEOS for video in VIDEOS[session]),
}
FRONTAL = Protocol(
    name="fvg",
    gallery=Selection(takes=_KNOWN),
    probes={
        name: Selection(takes=tuple(take for take in takes if take not in _KNOWN)) for name, takes in _PROBES.items()
    },
    gallery_view="all",
)
PROTOCOLS: Mapping[str, Protocol] = {FRONTAL.name: FRONTAL}


class Fvg(TreeDataset):
    """FVG, from folders of cut-out frames `session1/001_02/*.png`.

    A take is session and video, e.g. "102"; conditions are nm, ws (speed), cb (bag), cl (clothes), cbg (clutter) and
    again (the third session). 136 people train, 90 test, shuffled by the seed of the released code.

    Args:
        root: the raw tree.
        color: keep RGB, size_px x half of it, as the frames are cropped; else frames are silhouettes, aligned.
        size_px: height of the frames, even.

    Raises:
        DataError: the layout or a name is not that of FVG.
    """

    LAYOUT = "FVG's session1/001_02/*.png"
    MASKS = False  # read without color, they are still pictures
    PROTOCOLS: ClassVar[Mapping[str, Protocol]] = PROTOCOLS

    def __init__(self, root: str | Path, *, color: bool = True, size_px: SizePx = 64) -> None:
        self.color = color
        super().__init__(root, size_px=size_px)

    def _admit(self, key: SequenceKey) -> None:
        if not 1 <= int(key.subject) <= _SUBJECTS:
            raise DataError(f"{self.root}: found sequence {key}, expected {self.LAYOUT}, people 001 to {_SUBJECTS}")

    @property
    def settings(self) -> Mapping[str, Any]:
        """See `GaitDataset`."""
        return {"color": self.color, "size_px": self.size_px}

    def _sequences(self) -> Iterator[tuple[SequenceKey, Path]]:
        for name, folder in self._nested(2):
            session, parts = _SESSION.fullmatch(name), _FOLDER.fullmatch(folder)
            if session is None:
                continue
            if parts is None or not 1 <= int(parts[2]) <= 12:
                raise DataError(f"{self.root / name / folder}: expected {self.LAYOUT}, videos 01 to 12")
            condition, view = VIDEOS[int(session[1])][int(parts[2])]
            yield SequenceKey(parts[1], condition, session[1] + parts[2], view), self.root / name / folder

    def _read_folder(self, folder: Path, key: SequenceKey) -> Reading:
        if not self.color:
            return super()._read_folder(folder, key)
        return read_pictures(folder, self._frame_names(folder), key, self.size_px)

    def _trains(self, subject: str) -> bool:
        return subject in training_subjects()


@cache
def training_subjects() -> frozenset[str]:
    """The people who train, shuffled as in the released code."""
    names = [f"{number:03d}" for number in range(1, _SUBJECTS + 1)]
    random.Random(1).shuffle(names)
    return frozenset(names[:_TRAINING])

"""CASIA-B in color, cut out of its videos, with the protocols that GaitNet was reported on.

Source: Z. Zhang et al., CVPR 2019 and TPAMI 2020, tables 2 to 5 as their released code evaluates them; the data are
those of `walkprint.data.casia_b`.
Deviations: the released ranking helper miscounts for some sets; figures here are counted anew.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, ClassVar

from walkprint.core.bounds import Range, SizePx
from walkprint.core.protocol import Protocol, Selection
from walkprint.core.sequence import SequenceKey
from walkprint.data.base import Reading
from walkprint.data.casia_b import IDENTICAL_VIEW_EXCLUDED, CasiaB
from walkprint.data.pictures import read_pictures

_ALL_VIEWS = tuple(f"{degrees:03d}" for degrees in range(0, 181, 18))
_MIDDLE_VIEWS = tuple(f"{degrees:03d}" for degrees in range(36, 145, 18))

COAT_FROM_THE_SIDE = Protocol(
    name="gaitnet-coat-from-the-side",
    gallery=Selection(conditions=("nm",), takes=("01",), views=("090",)),
    probes={"CL": Selection(conditions=("cl",), takes=("02",), views=("090",))},
    gallery_view="all",
)
SIDE_VIEW_GALLERY = Protocol(
    name="gaitnet-side-view-gallery",
    gallery=Selection(conditions=("nm",), takes=("01",), views=("090",)),
    probes={
        "NM": Selection(conditions=("nm",), takes=("02",), views=tuple(view for view in _ALL_VIEWS if view != "090"))
    },
    gallery_view="all",
)
ALL_VIEWS = replace(IDENTICAL_VIEW_EXCLUDED, name="gaitnet-all-views")
MIDDLE_VIEWS = Protocol(
    name="gaitnet-middle-views",
    gallery=replace(IDENTICAL_VIEW_EXCLUDED.gallery, views=_MIDDLE_VIEWS),
    probes={name: replace(IDENTICAL_VIEW_EXCLUDED.probes[name], views=_MIDDLE_VIEWS) for name in ("BG", "CL")},
    exclude=frozenset({"view"}),
    gallery_view="each",
)


class CasiaBColor(CasiaB):
    """CASIA-B in masked RGB, from folders `001/bg-01/000/*.png` of people cut out at 2:1.

    Args:
        root: the raw tree.
        train_subjects: people from 001 on that train; 74 in most tables, 34 with "gaitnet-side-view-gallery".
        size_px: height of the frames, even; they are half as wide.

    Raises:
        DataError: the layout or a name is not that of CASIA-B.
        RecipeError: the number of training subjects is out of range.
    """

    MASKS = False
    PROTOCOLS: ClassVar[Mapping[str, Protocol]] = {
        protocol.name: protocol for protocol in (ALL_VIEWS, COAT_FROM_THE_SIDE, SIDE_VIEW_GALLERY, MIDDLE_VIEWS)
    }

    def __init__(
        self, root: str | Path, *, train_subjects: Annotated[int, Range(0, 124)] = 74, size_px: SizePx = 64
    ) -> None:
        super().__init__(root, size_px=size_px)
        self.train_subjects = train_subjects

    @property
    def settings(self) -> Mapping[str, Any]:
        """See `GaitDataset`."""
        return {"size_px": self.size_px}

    def _read_folder(self, folder: Path, key: SequenceKey) -> Reading:
        return read_pictures(folder, self._frame_names(folder), key, self.size_px)

    def _trains(self, subject: str) -> bool:
        return int(subject) <= self.train_subjects

"""CASIA-B: 124 people, 11 views, normal walking, with a bag, in a coat.

Source: S. Yu, D. Tan and T. Tan, "A Framework for Evaluating the Effect of View Angle, Clothing and Carrying Condition
on Gait Recognition", ICPR 2006; splits as gathered by Z. Wu et al., "A Comprehensive Study on Cross-View Gait Based
Human Identification with Deep CNNs", TPAMI 2017 (ST, MT, LT); RCC after X. Ren et al., "Progressive Feature Learning
for Realistic Cloth-Changing Gait Recognition", arXiv 2207.11720v2.
Deviations: subject 005, whose recordings are incomplete, is kept unless asked otherwise. RCC follows what the abstract
of its source says; which people change clothes, and which views are front views, is our choice.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Literal

from walkprint.core.bounds import SizePx
from walkprint.core.errors import DataError, RecipeError
from walkprint.core.protocol import Protocol, Selection
from walkprint.core.sequence import SequenceKey
from walkprint.data.tree import TreeDataset

_TRAINING_SUBJECTS = {"ST": 24, "MT": 62, "LT": 74, "RCC": 74}
_SUBJECT = re.compile("[0-9]{3}")

IDENTICAL_VIEW_EXCLUDED = Protocol(
    name="identical-view-excluded",
    gallery=Selection(conditions=("nm",), takes=("01", "02", "03", "04")),
    probes={
        "NM": Selection(conditions=("nm",), takes=("05", "06")),
        "BG": Selection(conditions=("bg",), takes=("01", "02")),
        "CL": Selection(conditions=("cl",), takes=("01", "02")),
    },
    exclude=frozenset({"view"}),
    gallery_view="each",
)
CROSS_VIEW_GALLERY = Protocol(
    name="cross-view-gallery",
    gallery=Selection(conditions=("nm", "bg", "cl"), takes=("02",)),
    probes={
        "NM": Selection(conditions=("nm",), takes=("01",)),
        "BG": Selection(conditions=("bg",), takes=("01",)),
        "CL": Selection(conditions=("cl",), takes=("01",)),
    },
    exclude=frozenset({"subject", "view"}),
    gallery_view="all",
)


class CasiaB(TreeDataset):
    """CASIA-B, from its silhouette folders `001/bg-01/000/*.png`.

    Args:
        root: the raw tree.
        split: how many people train: "ST" 001-024, "MT" 001-062, "LT" 001-074; the others test. "RCC", realistic
            cloth-changing, is "LT" with less to learn from: normal walking of the even numbers from all views; normal
            walking and coats of the odd ones from front views alone.
        front_views: of "RCC".
        keep_005: whether subject 005, whose recordings are incomplete, takes part.
        size_px: height and width that frames are aligned to.

    Raises:
        DataError: the layout or a name is not that of CASIA-B.
        RecipeError: an unknown split, front views that are not there, or others than usual without "RCC".
    """

    LAYOUT = "CASIA-B's 001/nm-01/090/*.png"
    PROTOCOLS: ClassVar[Mapping[str, Protocol]] = {
        protocol.name: protocol for protocol in (IDENTICAL_VIEW_EXCLUDED, CROSS_VIEW_GALLERY)
    }

    def __init__(
        self,
        root: str | Path,
        *,
        split: Literal["ST", "MT", "LT", "RCC"] = "LT",
        front_views: Sequence[str] = ("000",),
        keep_005: bool = True,
        size_px: SizePx = 64,
    ) -> None:
        super().__init__(root, size_px=size_px)
        self.split, self.front_views = split, tuple(front_views)
        if split != "RCC" and self.front_views != ("000",):
            raise RecipeError(f"CasiaB: front_views is {front_views!r} with split {split!r}; only RCC has front views")
        if split == "RCC":
            views = sorted({key.view for key in self._catalogue})
            if isinstance(front_views, str) or not front_views or not set(front_views) <= set(views):
                raise RecipeError(
                    f"CasiaB: front_views is {front_views!r}, expected a list of some of {', '.join(views)}"
                )
            self._catalogue = [key for key in self._catalogue if not self._trains(key.subject) or self._realistic(key)]
        self.keep_005 = keep_005
        if not keep_005:
            self._catalogue = [key for key in self._catalogue if key.subject != "005"]

    def _admit(self, key: SequenceKey) -> None:
        if not _SUBJECT.fullmatch(key.subject) or key.condition not in {"nm", "bg", "cl"} or not key.take:
            raise DataError(
                f"{self.root}: found sequence {key}, expected {self.LAYOUT} with nm, bg or cl; "
                "read other layouts with Folder"
            )

    def _trains(self, subject: str) -> bool:
        return int(subject) <= _TRAINING_SUBJECTS[self.split]

    def _realistic(self, key: SequenceKey) -> bool:
        if int(key.subject) % 2:
            return key.condition in {"nm", "cl"} and key.view in self.front_views
        return key.condition == "nm"

"""CASIA-E: 1,014 people in three scenes, 13 directions and two heights of the camera, three conditions.

Source: C. Song, Y. Huang, W. Wang and L. Wang, "CASIA-E: A Large Comprehensive Dataset for Gait Recognition", TPAMI
2023; split and protocol are OpenGait's, with 200 people for training, not the paper's.
Deviations: none known. No licensed data was at hand: tested on a miniature.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

from walkprint.core.protocol import Protocol, Selection
from walkprint.core.sequence import SequenceKey
from walkprint.data.tree import TreeDataset

_LEFT_OUT = Selection(views=("270",))


def _walks(condition: str, *scenes: str) -> Selection:
    conditions = tuple(f"{height}-{scene}-{condition}" for scene in scenes for height in "HL")
    return Selection(conditions=conditions, takes=("1", "2"), without=_LEFT_OUT)


OTHER_SCENES = Protocol(
    name="casia-e",
    gallery=_walks("nm", "scene1"),
    probes={name.upper(): _walks(name, "scene2", "scene3", "scene3_s") for name in ("nm", "bg", "cl")},
    exclude=frozenset({"view"}),
    unmatched="miss",
)


class CasiaE(TreeDataset):
    """CASIA-E, from its unpacked people `001/H/scene1/bg/000/1/*.jpg`: height, scene, condition, view, take.

    A condition is spelled as OpenGait does, "H-scene1-bg". People 001 to 200 train. The protocol "casia-e" knows normal
    walks of the first scene and looks up those of the others, one gallery view at a time, without view 270.

    Args:
        root: the folder of people that the archives unpack to.
        size_px: height and width that frames are aligned to.

    Raises:
        DataError: another layout.
    """

    LAYOUT = "CASIA-E's 001/H/scene1/bg/000/1/*.jpg"
    SUBJECTS = "[0-9]+"
    PROTOCOLS: ClassVar[Mapping[str, Protocol]] = {OTHER_SCENES.name: OTHER_SCENES}

    def _sequences(self) -> Iterator[tuple[SequenceKey, Path]]:
        for names in self._nested(6):
            subject, height, scene, condition, view, take = names
            yield SequenceKey(subject, f"{height}-{scene}-{condition}", take, view), self.root.joinpath(*names)

    def _trains(self, subject: str) -> bool:
        return int(subject) <= 200

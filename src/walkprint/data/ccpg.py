"""CCPG: 200 people who change all of their clothes, the upper or the lower half, or take a bag, seen by ten cameras.

Source: W. Li, S. Hou, C. Zhang, C. Cao, X. Liu, Y. Huang and Y. Zhao, "An In-Depth Exploration of Person
Re-Identification and Gait Recognition in Cloth-Changing Conditions", CVPR 2023; protocols as OpenGait evaluates them.
Deviations: silhouettes only. No licensed data was at hand: tested on a miniature.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from walkprint.core.protocol import Protocol, Selection
from walkprint.core.sequence import SequenceKey
from walkprint.data.tree import TreeDataset

GAIT = Protocol(
    name="ccpg-gait",
    gallery=Selection(conditions=("U1_D1", "U2_D2", "U3_D3")),
    probes={
        "CL": Selection(conditions=("U0_D0_BG", "U0_D0")),
        "UP": Selection(conditions=("U3_D3",)),
        "DN": Selection(conditions=("U1_D0",)),
        "BG": Selection(conditions=("U0_D0_BG",)),
    },
    galleries={
        "UP": Selection(conditions=("U0_D3",)),
        "DN": Selection(conditions=("U1_D1",)),
        "BG": Selection(conditions=("U0_D0",)),
    },
    exclude=frozenset({"view"}),
    unmatched="miss",
)
REIDENTIFICATION = replace(
    GAIT, name="ccpg-reid", exclude=frozenset({"subject", "view"}), gallery_view="all", unmatched="drop"
)


class Ccpg(TreeDataset):
    """CCPG, from its silhouettes `CCPG_G_SIL/000/U0_D0_BG/00_1/*.png`: what is worn above and below, then the camera.

    A folder of a view is camera and number of the walk; the number is the take. People 000 to 099 train. Each probe set
    has its own gallery. "ccpg-gait" searches one camera at a time and leaves the probe's own out; "ccpg-reid" searches
    all cameras at once and leaves out what the probe's camera saw of the same person.

    Args:
        root: the folder CCPG_G_SIL.
        size_px: height and width that frames are aligned to.

    Raises:
        DataError: another layout.
    """

    LAYOUT = "CCPG's CCPG_G_SIL/000/U0_D0_BG/00_1/*.png"
    SUBJECTS = "[0-9]{3}"
    PROTOCOLS: ClassVar[Mapping[str, Protocol]] = {protocol.name: protocol for protocol in (GAIT, REIDENTIFICATION)}

    def _key(self, subject: str, recording: str, view: str) -> SequenceKey:
        camera, _, take = view.partition("_")
        return SequenceKey(subject, recording, take, camera)

    def _trains(self, subject: str) -> bool:
        return int(subject) < 100

"""OU-MVLP: 10,307 people, 14 views, two recordings each.

Source: N. Takemura, Y. Makihara, D. Muramatsu, T. Echigo and Y. Yagi, "Multi-view large population gait dataset and its
performance evaluation for cross-view gait recognition", IPSJ Transactions on Computer Vision and Applications, 2018;
split as in Chao et al., "GaitSet", AAAI 2019.
Deviations: none. Many people lack some recordings: "ou-mvlp" counts a search for a person that the gallery view lacks
as an error, as most published tables do, "ou-mvlp-valid-only" leaves it out. Never compare the two.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from walkprint.core.errors import DataError
from walkprint.core.protocol import Protocol, Selection
from walkprint.core.sequence import SequenceKey
from walkprint.data.tree import TreeDataset

VIEWS = tuple(f"{degrees:03d}" for degrees in (*range(0, 91, 15), *range(180, 271, 15)))
_LAST_SUBJECT = "10307"  # odd, but tests
_SUBJECT = re.compile("[0-9]{5}")
_PREFIX = "Silhouette_"

ALL_PROBES = Protocol(
    name="ou-mvlp",
    gallery=Selection(takes=("01",)),
    probes={"probe": Selection(takes=("00",))},
    exclude=frozenset({"view"}),
    gallery_view="each",
    unmatched="miss",
)
VALID_PROBES = replace(ALL_PROBES, name="ou-mvlp-valid-only", unmatched="drop")


class OuMvlp(TreeDataset):
    """OU-MVLP, from its folders `Silhouette_090-00/00001/*.png`, or the same rearranged `00001/00/090/*.png`.

    People with odd numbers train, those with even numbers and the last one test; recording 01 is the gallery, recording
    00 is looked up.

    Args:
        root: the raw tree.
        size_px: height and width that frames are aligned to.

    Raises:
        DataError: the layout or a name is not that of OU-MVLP.
    """

    LAYOUT = "OU-MVLP's Silhouette_090-00/00001/*.png or 00001/00/090/*.png"
    PROTOCOLS: ClassVar[Mapping[str, Protocol]] = {protocol.name: protocol for protocol in (ALL_PROBES, VALID_PROBES)}

    def _admit(self, key: SequenceKey) -> None:
        if not _SUBJECT.fullmatch(key.subject) or key.recording not in {"00", "01"} or key.view not in VIEWS:
            raise DataError(
                f"{self.root}: found sequence {key}, expected {self.LAYOUT} with recordings 00 and 01 and views "
                f"{', '.join(VIEWS)}; read other layouts with Folder"
            )

    def _sequences(self) -> Iterator[tuple[SequenceKey, Path]]:
        names = self._subfolders(self.root)
        if not any(name.startswith(_PREFIX) for name in names):
            yield from super()._sequences()
            return
        for name in names:
            view, hyphen, take = name.removeprefix(_PREFIX).partition("-")
            if not name.startswith(_PREFIX) or not hyphen:
                raise DataError(f"{self.root}: found folder {name}; expected {self.LAYOUT}")
            for subject in self._subfolders(self.root / name):
                yield SequenceKey(subject, "", take, view), self.root / name / subject

    def _trains(self, subject: str) -> bool:
        return trains(subject)


def trains(subject: str) -> bool:
    """Whether a subject is on the training side of the split."""
    return subject[-1] in "13579" and subject != _LAST_SUBJECT

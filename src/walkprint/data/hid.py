"""HID: the competition "Human Identification at a Distance", of 2020 to 2022 on people of CASIA-E.

Source: S. Yu et al., "HID 2022: The 3rd International Competition on Human Identification at a Distance", IJCB 2022;
folders and names as OpenGait, which the organizers point to, rearranges them.
Deviations: none known. No data of the competition was at hand: tested on a miniature.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

from walkprint.core.protocol import Protocol, Selection
from walkprint.core.sequence import SequenceKey
from walkprint.data.tree import TreeDataset

_PROBES = Selection(subjects=("probe",))
SUBMISSION = Protocol(
    name="hid",
    gallery=Selection(without=_PROBES),
    probes={"probe": _PROBES},
    gallery_view="all",
    unmatched="miss",
)


class Hid(TreeDataset):
    """HID, from `train/0000/VIDEO/*.png`, `HID2022_test_gallery/0500/VIDEO/*.png`, `HID2022_test_probe/VIDEO/*.png`.

    The folders of the test may also be called gallery and probe, and train may be missing. Probes are sequences of a
    subject "probe", since the organizers keep their names; the view is the name of the video. Pickles of later years
    are read by `OpenGaitTree`, with the same protocol "hid".

    Args:
        root: the folder with these folders.
        size_px: height and width that frames are aligned to.

    Raises:
        DataError: another layout.
    """

    LAYOUT = "HID's train/0000/VIDEO/*.png, gallery/0500/VIDEO/*.png and probe/VIDEO/*.png"
    SUBJECTS = "[0-9]+|probe"
    PROTOCOLS: ClassVar[Mapping[str, Protocol]] = {SUBMISSION.name: SUBMISSION}

    def _sequences(self) -> Iterator[tuple[SequenceKey, Path]]:
        self._training: set[str] = set()
        for folder in ("train", "HID2022_test_gallery", "gallery"):
            for subject, video in self._nested(2, folder):
                self._training |= {subject} if folder == "train" else set()
                yield SequenceKey(subject, "", "", video), self.root / folder / subject / video
        for folder in ("HID2022_test_probe", "probe"):
            for (video,) in self._nested(1, folder):
                yield SequenceKey("probe", "", "", video), self.root / folder / video

    def _trains(self, subject: str) -> bool:
        return subject in self._training

"""GREW: 26,000 people in the open, seen by 882 cameras.

Source: Z. Zhu, X. Guo, T. Yang et al., "Gait Recognition in the Wild: A Benchmark", ICCV 2021; who trains, and the
protocol for figures of one's own, as in OpenGait.
Deviations: silhouettes only, without the distractors. No licensed data was at hand: tested on a miniature.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

from walkprint.core.protocol import Protocol, Selection
from walkprint.core.sequence import SequenceKey
from walkprint.data.tree import TreeDataset

OWN_PROBES = Protocol(
    name="grew",
    gallery=Selection(takes=("01",)),
    probes={"probe": Selection(takes=("02",))},
    gallery_view="all",
    unmatched="miss",
)
SUBMISSION = Protocol(
    name="grew-submission",
    gallery=Selection(takes=("01", "02")),
    probes={"probe": Selection(takes=("03",))},
    gallery_view="all",
    unmatched="miss",
)


class Grew(TreeDataset):
    """GREW, from its folders `train/00001/VIDEO/*.png`, `test/gallery/00001/VIDEO/*.png` and `test/probe/VIDEO/*.png`.

    Names are those of OpenGait's partition: subject 00001 of the training folder is "00001train"; the subject of every
    probe is "probe", because its owners keep the names secret; the view is the name of the video. The two videos of a
    subject in the gallery are takes 01 and 02, in the order of their names, a training video is take 00, a probe 03.
    "grew" has figures: take 02 is looked up in take 01. "grew-submission" is for the file that its owners judge.

    Args:
        root: the folder with train and test.
        size_px: height and width that frames are aligned to.

    Raises:
        DataError: another layout.
    """

    LAYOUT = "GREW's train/00001/VIDEO/*.png, test/gallery/00001/VIDEO/*.png and test/probe/VIDEO/*.png"
    SUBJECTS = "[0-9]+(train)?|probe"
    PROTOCOLS: ClassVar[Mapping[str, Protocol]] = {protocol.name: protocol for protocol in (OWN_PROBES, SUBMISSION)}

    def _sequences(self) -> Iterator[tuple[SequenceKey, Path]]:
        for subject, video in self._nested(2, "train"):
            yield SequenceKey(f"{subject}train", "", "00", video), self.root / "train" / subject / video
        seen: dict[str, int] = {}
        for subject, video in self._nested(2, "test", "gallery"):
            seen[subject] = seen.get(subject, 0) + 1
            key = SequenceKey(subject, "", f"{seen[subject]:02d}", video)
            yield key, self.root / "test" / "gallery" / subject / video
        for (video,) in self._nested(1, "test", "probe"):
            yield SequenceKey("probe", "", "03", video), self.root / "test" / "probe" / video

    def _trains(self, subject: str) -> bool:
        return subject.endswith("train")

"""SUSTech1K: 1,050 people before a camera and a LiDAR, twelve views, eight conditions.

Source: C. Shen, C. Fan, W. Wu, R. Wang, G. Q. Huang and S. Yu, "LidarGait: Benchmarking 3D Gait Recognition with Point
Clouds", CVPR 2023; split as in SUSTech1K.json of OpenGait, probe sets as its evaluation picks them.
Deviations: the camera's silhouettes only. No licensed data was at hand: tested on a miniature.
"""

from collections.abc import Mapping
from pathlib import Path

from walkprint.core.bounds import SizePx
from walkprint.core.protocol import Protocol, Selection
from walkprint.core.sequence import SequenceKey
from walkprint.data.opengait import OpenGaitTree

_COVARIATES = {
    "Bag": "bg", "Clothing": "cl", "Carrying": "cr", "Umbrella": "ub", "Uniform": "uf", "Occlusion": "oc",
    "Night": "nt",
}  # fmt: skip


class Sustech1K(OpenGaitTree):
    """SUSTech1K, from its pickles `0000/00-nm/000/06-000-Camera-Sils_aligned.pkl`.

    A take is the number before the condition; a condition may join several, e.g. "bg-nt". The protocol "sustech1k" has
    `00-nm` as gallery, one gallery view at a time, and counts a person missing from a view as an error. A probe set
    holds every recording in which its condition occurs.

    Args:
        root: the folder SUSTech1K-Released-pkl.
        partition: the file SUSTech1K.json, with TRAIN_SET and TEST_SET.
        size_px: as of `OpenGaitTree`.

    Raises:
        DataError: another layout.
        RecipeError: the partition cannot be read or fits no subject.
    """

    LAYOUT = "SUSTech1K's 0000/00-nm/000/06-000-Camera-Sils_aligned.pkl"

    def __init__(self, root: str | Path, *, partition: str | Path, size_px: SizePx | None = None) -> None:
        super().__init__(root, partition=partition, pickle="06-*-Camera-Sils_aligned.pkl", size_px=size_px)

    def _key(self, subject: str, recording: str, view: str) -> SequenceKey:
        number, _, covariates = recording.partition("-")
        return SequenceKey(subject, covariates, number, view)

    @property
    def protocols(self) -> Mapping[str, Protocol]:
        """See `GaitDataset`; probe sets without a recording are left out."""
        there = {key.condition for key in self._catalogue}
        probes = {"Normal": Selection(conditions=("nm",), takes=("01",))}
        for name, covariate in _COVARIATES.items():
            if among := tuple(sorted(one for one in there if covariate in one.split("-"))):
                probes[name] = Selection(conditions=among)
        probes["Overall"] = Selection(takes=("01", "02", "03", "04"))
        gallery = Selection(conditions=("nm",), takes=("00",))
        return {"sustech1k": Protocol("sustech1k", gallery, probes, exclude=frozenset({"view"}), unmatched="miss")}

"""CCGR-MINI: 970 people in 53 conditions, seen from 33 views, one sequence of each condition.

Source: S. Zou, C. Fan, J. Xiong, C. Shen, S. Yu and J. Tang, "Cross-Covariate Gait Recognition: A Benchmark", AAAI
2024; split and gallery as in the authors' list, which OpenGait ships as CCGR-MINI.json.
Deviations: silhouettes only. No licensed data was at hand: tested on a miniature.
"""

from pathlib import Path

from walkprint.core.bounds import SizePx
from walkprint.core.errors import RecipeError
from walkprint.data.opengait import OpenGaitTree


class CcgrMini(OpenGaitTree):
    """CCGR-MINI, from its pickles `601/DTBXHVCL1/135_3.avi/*sil*.pkl`; a condition is spelled as in the folders.

    Its protocol "ccgr-mini" comes from the partition: the listed sequences are the gallery, all others of the test
    subjects the probes.

    Args:
        root: the folder CCGR-MINI of silhouettes, parsings and poses.
        partition: the file CCGR-MINI.json, with TRAIN_SET, TEST_SET and GALLERY_SET.
        size_px: as of `OpenGaitTree`.

    Raises:
        DataError: another layout.
        RecipeError: the partition cannot be read, fits no subject or lists no gallery.
    """

    LAYOUT = "CCGR-MINI's 601/DTBXHVCL1/135_3.avi/*sil*.pkl"

    def __init__(self, root: str | Path, *, partition: str | Path, size_px: SizePx | None = None) -> None:
        super().__init__(root, partition=partition, pickle="*sil*.pkl", size_px=size_px)
        if not self.protocols:
            raise RecipeError(f"CcgrMini: partition {partition} has no GALLERY_SET; give the file CCGR-MINI.json")

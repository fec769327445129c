"""Gait3D: 4,000 people in a supermarket, 39 cameras.

Source: J. Zheng, X. Liu, W. Liu, L. He, C. Yan and T. Mei, "Gait Recognition in the Wild with Dense 3D Representations
and A Benchmark", CVPR 2022; split and probes as in the authors' list, which OpenGait ships as Gait3D.json.
Deviations: silhouettes only. No licensed data was at hand: tested on a miniature.
"""

from pathlib import Path

from walkprint.core.bounds import SizePx
from walkprint.core.errors import RecipeError
from walkprint.data.folder import Folder


class Gait3D(Folder):
    """Gait3D, from its silhouettes `2D_Silhouettes/0000/camid0_videoid2/seq0/*.png`.

    Its protocol "gait3d" comes from the partition: the listed sequences are the probes, all others of the test subjects
    the gallery.

    Args:
        root: the folder 2D_Silhouettes.
        partition: the file Gait3D.json, with TRAIN_SET, TEST_SET and PROBE_SET.
        size_px: height and width that frames are aligned to.

    Raises:
        DataError: another layout.
        RecipeError: the partition cannot be read, fits no subject or lists no probes.
    """

    LAYOUT = "Gait3D's 2D_Silhouettes/0000/camid0_videoid2/seq0/*.png"

    def __init__(self, root: str | Path, *, partition: str | Path, size_px: SizePx = 64) -> None:
        super().__init__(root, partition=partition, size_px=size_px)
        if not self.protocols:
            raise RecipeError(f"Gait3D: partition {partition} has no PROBE_SET; give the file Gait3D.json")

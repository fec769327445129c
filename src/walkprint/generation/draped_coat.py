"""Coats without a training of one's own and without anybody's recorded coat: the draper that comes with the package.

Its weights were learned from rendered people alone, by `recipes/walkers/draped_coat.yaml`.
"""

import json
import warnings
from collections import Counter
from collections.abc import Collection, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import safetensors.numpy
import torch
from numpy.typing import NDArray

from walkprint.core.arrays_file import read_arrays
from walkprint.core.digest import arrays_digest
from walkprint.core.errors import CheckpointError, DataError
from walkprint.core.files import write_atomically
from walkprint.core.sequence import Clip, SequenceKey
from walkprint.data.packed import Packed
from walkprint.generation.draper import COAT_FEATURES, Draper, draw_coat_features, dress
from walkprint.generation.expander import Expander, Frames, redraw
from walkprint.generation.layers import UNet

COAT = "cl"
WEIGHTS = Path(__file__).parent / "pretrained" / "draper.safetensors"
_KIND = "walkprint draper 1"


class DrapedCoat(Expander):
    """Puts a coat on takes of normal walking; which coat is drawn anew for each take.

    Args:
        source_condition: the one without a coat.
        cover: lay what is drawn over its source: a coat adds to a silhouette and removes nothing.
    """

    ordered = True

    def __init__(self, source_condition: str = "nm", cover: bool = True) -> None:
        self.source_condition, self.cover = source_condition, cover

    @property
    def digest(self) -> str:
        """See `Expander`: of settings and weights."""
        return arrays_digest(_read(WEIGHTS)[0], repr((self.name, self.source_condition, self.cover)))

    def check(self, dataset: Packed, wanted: Collection[str], takes: Sequence[SequenceKey]) -> None:
        """See `Expander`.

        Raises:
            DataError: coats are wanted in the condition that is dressed.
        """
        super().check(dataset, wanted, takes)
        if self.source_condition in wanted:
            raise DataError(
                f"wanted is {self.source_condition!r}, the condition that is dressed; expected that of coats, e.g. "
                f"{COAT!r}"
            )
        for condition in sorted(set(wanted) - {COAT}):
            warnings.warn(f"takes of {condition!r} are made by putting on a coat", stacklevel=3)

    def make(self, source: Clip, wanted: SequenceKey, rng: np.random.Generator) -> tuple[Frames, Counter[str]]:
        """See `Expander`.

        Raises:
            CheckpointError: the weights are damaged.
            DataError: the frames are not of 64 pixels.
        """
        coat = draw_coat_features(rng)
        return redraw(source, lambda frames: dress(self._unet, frames, coat), cover=self.cover)

    @cached_property
    def _unet(self) -> UNet:
        arrays, widths = _read(WEIGHTS)
        unet = UNet(COAT_FEATURES, widths)
        unet.load_state_dict({name: torch.from_numpy(array).float() for name, array in arrays.items()})
        return unet.to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload, no-any-return]


def save_draper(model: Draper, path: Path = WEIGHTS) -> None:
    """Write a draper's weights as float16, as `DrapedCoat` reads them, atomically."""
    arrays = {name: value.cpu().half().numpy() for name, value in model.unet.state_dict().items()}
    about = json.dumps({"widths": list(model.widths)})
    write_atomically(
        path, safetensors.numpy.save(arrays, {"kind": _KIND, "about": about, "digest": arrays_digest(arrays, about)})
    )


def _read(path: Path) -> tuple[dict[str, NDArray[np.float16]], list[int]]:
    """Weights and widths, verified.

    Raises:
        CheckpointError: the file is missing, damaged, or holds no draper.
    """
    arrays, metadata = read_arrays(path, CheckpointError, "install the package again")
    about = metadata.get("about", "")
    if metadata.get("kind") != _KIND or metadata.get("digest") != arrays_digest(arrays, about):
        raise CheckpointError(f"{path}: damaged, or no weights of a draper; install the package again")
    return arrays, json.loads(about)["widths"]

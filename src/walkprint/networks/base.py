"""What every network promises: clips in, a GaitOutput out; a plain module without data, devices or trainer."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from walkprint.core.batch import GaitOutput
from walkprint.core.described import Described
from walkprint.core.errors import DataError


class Network(Described, nn.Module, ABC):
    """Base of all networks.

    Subclasses take keyword-only arguments with defaults and implement `forward`.

    Attributes:
        channels, height_px, width_px: size of the frames that `forward` takes.
        min_frames: clips shorter than this are repeated by whoever batches them.
        ordered: whether the order of frames matters, so that only ordered frame choosers fit.
    """

    channels: int = 1
    height_px: int = 64
    width_px: int = 44
    min_frames: int = 1
    ordered: bool = False

    @abstractmethod
    def forward(self, frames: Tensor) -> GaitOutput:
        """Embed clips.

        Args:
            frames: (batch, time, channel, height, width), 0 to 1, of the network's own size: see `prepare`.
        """

    def prepare(self, frames: Tensor) -> Tensor:
        """Frames as stored to frames as `forward` takes them: the central columns, as float from 0 to 1.

        Args:
            frames: uint8 (batch, time, channel, height, width), as wide as the network's frames or wider.

        Raises:
            DataError: other channels or height, or frames narrower than the network's.
        """
        channels, height, width = frames.shape[-3:]
        if channels != self.channels or height != self.height_px or width < self.width_px:
            raise DataError(
                f"{type(self).__name__}: frames are {channels} x {height} x {width} (channel, height, width), expected "
                f"{self.channels} x {self.height_px} x {self.width_px} or wider: prepare the data at that size"
            )
        left = (width - self.width_px) // 2
        return frames[..., left : left + self.width_px].to(torch.float32).div_(255)

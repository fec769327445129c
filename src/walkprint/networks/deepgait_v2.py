"""DeepGaitV2: residual networks that convolve over time as well.

Source: Fan, Hou, Huang, Yu, "Exploring deep models for practical gait recognition", 2023.
Deviations: none with the defaults.
"""

from collections.abc import Sequence
from itertools import chain
from typing import Literal, cast

import torch.nn.functional as F
from torch import Tensor, nn

from walkprint.core.batch import GaitOutput
from walkprint.core.bounds import SizePx, Subjects, Width
from walkprint.core.errors import RecipeError
from walkprint.networks.base import Network
from walkprint.networks.batch_norm import BatchNorm2d
from walkprint.networks.layers import (
    NormalizedNeck,
    PartLinear,
    ResidualBlock,
    StripPooling,
    fold_time,
    initialize,
    over_time,
    per_frame,
    pool_time,
)

Mode = Literal["2d", "p3d", "3d"]


class TimeConv(nn.Conv3d):
    """A convolution over time and space without bias, on frames folded into the batch."""

    def __init__(self, inputs: int, outputs: int, kernel: tuple[int, int, int], *, stride: int = 1) -> None:
        padding = (kernel[0] // 2, kernel[1] // 2, kernel[2] // 2)
        super().__init__(inputs, outputs, kernel, stride=(1, stride, stride), padding=padding, bias=False)

    def forward(self, input: Tensor, batch: int = 1) -> Tensor:
        """(batch * time, channel, height, width) to the same axes, smaller by the stride."""
        return per_frame(super().forward(over_time(input, batch)))


class TemporalBlock(ResidualBlock):
    """A residual block in a stage with convolutions over time; its shortcut is such a convolution, too."""

    def __init__(self, inputs: int, outputs: int, *, stride: int = 1) -> None:
        super().__init__(inputs, outputs, stride=stride)
        if not isinstance(self.shortcut, nn.Identity):
            self.shortcut = nn.Sequential(TimeConv(inputs, outputs, (1, 1, 1), stride=stride), BatchNorm2d(outputs))

    def shortcut_of(self, features: Tensor, batch: int) -> Tensor:
        """The shortcut of (batch * time, channel, height, width)."""
        if isinstance(self.shortcut, nn.Sequential):
            conv, norm = self.shortcut
            features = norm(conv(features, batch))
        return features


class PseudoBlock(TemporalBlock):
    """A residual block with a residual convolution over time between its two over space."""

    def __init__(self, inputs: int, outputs: int, *, stride: int = 1) -> None:
        super().__init__(inputs, outputs, stride=stride)
        self.temporal = TimeConv(outputs, outputs, (3, 1, 1))
        self.temporal_norm = BatchNorm2d(outputs)

    def forward(self, features: Tensor, batch: int = 1) -> Tensor:
        """(batch * time, channel, height, width) to the same axes, smaller by the stride."""
        inner = F.relu(self.norm1(self.conv1(features)), inplace=True)
        inner = F.relu(inner + self.temporal_norm(self.temporal(inner, batch)), inplace=True)
        return F.relu(self.norm2(self.conv2(inner)) + self.shortcut_of(features, batch), inplace=True)


class SpaceTimeBlock(TemporalBlock):
    """A residual block whose convolutions are over space and time."""

    def __init__(self, inputs: int, outputs: int, *, stride: int = 1) -> None:
        super().__init__(inputs, outputs, stride=stride)
        self.conv1: nn.Module = TimeConv(inputs, outputs, (3, 3, 3), stride=stride)
        self.conv2: nn.Module = TimeConv(outputs, outputs, (3, 3, 3))

    def forward(self, features: Tensor, batch: int = 1) -> Tensor:
        """(batch * time, channel, height, width) to the same axes, smaller by the stride."""
        inner = F.relu(self.norm1(self.conv1(features, batch)), inplace=True)
        return F.relu(self.norm2(self.conv2(inner, batch)) + self.shortcut_of(features, batch), inplace=True)


class DeepGaitV2(Network):
    """A stem and a stage per frame, stages over time, maximum over time, strips, one map per part, a neck.

    The embeddings are those before the neck: triplet loss and recognition use them.

    Args:
        mode: how the stages after the first treat time: "2d" not at all, "p3d" with a separate convolution, "3d" with
            convolutions over space and time.
        channels: widths of the stages; the stem has the first.
        blocks: residual blocks of each stage; (1, 4, 4, 1) is customary outdoors.
        strides: factors by which each stage shrinks height and width.
        strips: counts of horizontal strips.
        feature: length of each part's embedding.
        num_subjects: with a number, the neck gives logits for cross entropy.
        height_px, width_px: size of the frames.

    Raises:
        RecipeError: an unknown mode, or channels, blocks and strides of different lengths.
    """

    def __init__(
        self,
        *,
        channels: Sequence[Width] = (64, 128, 256, 512),
        blocks: Sequence[Width] = (1, 1, 1, 1),
        strides: Sequence[Width] = (1, 2, 2, 1),
        mode: Mode = "p3d",
        strips: Sequence[Width] = (16,),
        feature: Width = 256,
        num_subjects: Subjects | None = None,
        height_px: SizePx = 64,
        width_px: SizePx = 44,
    ) -> None:
        super().__init__()
        if not len(channels) == len(blocks) == len(strides) > 0:
            raise RecipeError(
                f"DeepGaitV2: {len(channels)} channels, {len(blocks)} blocks, {len(strides)} strides; "
                "expected one of each per stage"
            )
        kinds = {"2d": ResidualBlock, "p3d": PseudoBlock, "3d": SpaceTimeBlock}
        self.height_px, self.width_px, self.num_subjects = height_px, width_px, num_subjects
        self.ordered = mode != "2d"
        self.conv = nn.Conv2d(self.channels, channels[0], 3, padding=1, bias=False)
        self.norm = BatchNorm2d(channels[0])
        self.stages = nn.ModuleList()
        width = channels[0]
        for number, (outputs, count, stride) in enumerate(zip(channels, blocks, strides, strict=True)):
            kind = kinds[mode] if number else ResidualBlock
            first = kind(width, outputs, stride=stride)
            self.stages.append(nn.ModuleList([first, *(kind(outputs, outputs) for _ in range(count - 1))]))
            width = outputs
        self.pooling = StripPooling(strips)
        self.head = PartLinear(self.pooling.parts, width, feature)
        self.neck = None if num_subjects is None else NormalizedNeck(self.pooling.parts, feature, num_subjects)
        initialize(self)

    def forward(self, frames: Tensor) -> GaitOutput:
        """See `Network`; logits only with `num_subjects`."""
        features = F.relu(self.norm(self.conv(fold_time(frames))), inplace=True)
        for block in chain.from_iterable(cast("list[nn.ModuleList]", self.stages)):
            features = block(features, len(frames))
        embeddings = self.head(self.pooling(pool_time(features, len(frames))))
        return GaitOutput(embeddings, None if self.neck is None else self.neck(embeddings))

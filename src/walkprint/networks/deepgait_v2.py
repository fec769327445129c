"""DeepGaitV2: residual networks that convolve over time as well.

Source: Fan, Hou, Huang, Yu, "Exploring deep models for practical gait recognition", 2023.
Deviations: none with the defaults.
"""

from collections.abc import Sequence
from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from walkprint.core.batch import GaitOutput
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


class PseudoBlock(ResidualBlock):
    """A residual block with a convolution over time, itself residual, between its two over space."""

    def __init__(self, inputs: int, outputs: int, *, stride: int = 1) -> None:
        super().__init__(inputs, outputs, stride=stride)
        self.temporal = nn.Conv3d(outputs, outputs, (3, 1, 1), padding=(1, 0, 0), bias=False)
        self.temporal_norm = BatchNorm2d(outputs)

    def forward(self, features: Tensor, batch: int = 1) -> Tensor:
        """(batch * time, channel, height, width) to the same axes, smaller by the stride."""
        inner = F.relu(self.norm1(self.conv1(features)), inplace=True)
        moved = self.temporal_norm(per_frame(self.temporal(over_time(inner, batch))))
        inner = F.relu(inner + moved, inplace=True)
        return F.relu(self.norm2(self.conv2(inner)) + self.shortcut(features), inplace=True)


class SpaceTimeBlock(ResidualBlock):
    """A residual block whose convolutions are over space and time."""

    def __init__(self, inputs: int, outputs: int, *, stride: int = 1) -> None:
        super().__init__(inputs, outputs, stride=stride)
        self.conv1 = nn.Conv3d(inputs, outputs, 3, stride=(1, stride, stride), padding=1, bias=False)  # type: ignore[assignment]
        self.conv2 = nn.Conv3d(outputs, outputs, 3, padding=1, bias=False)  # type: ignore[assignment]

    def forward(self, features: Tensor, batch: int = 1) -> Tensor:
        """(batch * time, channel, height, width) to the same axes, smaller by the stride."""
        inner = F.relu(self.norm1(per_frame(self.conv1(over_time(features, batch)))), inplace=True)
        inner = self.norm2(per_frame(self.conv2(over_time(inner, batch))))
        return F.relu(inner + self.shortcut(features), inplace=True)


class DeepGaitV2(Network):
    """A stem and a stage per frame, stages over time, maximum over time, strips, one map per part, a neck.

    The embeddings are those before the neck: triplet loss and recognition use them.

    Args:
        mode: how the stages after the first see time: "2d" not at all, "p3d" by a convolution of their own, "3d" by
            convolutions over space and time.
        channels: widths of the stages; the first is the stem's too.
        blocks: residual blocks of each stage; (1, 4, 4, 1) is customary outdoors.
        strides: by how much each stage shrinks height and width.
        strips: counts of horizontal strips.
        feature: length of each part's embedding.
        num_subjects: with a number, the neck gives logits for cross entropy.
        height_px, width_px: size of the frames.

    Raises:
        RecipeError: an unknown mode, or channels, blocks and strides are not equally many.
    """

    def __init__(
        self,
        *,
        mode: Mode = "p3d",
        channels: Sequence[int] = (64, 128, 256, 512),
        blocks: Sequence[int] = (1, 1, 1, 1),
        strides: Sequence[int] = (1, 2, 2, 1),
        strips: Sequence[int] = (16,),
        feature: int = 256,
        num_subjects: int | None = None,
        height_px: int = 64,
        width_px: int = 44,
    ) -> None:
        super().__init__()
        kinds = {"2d": ResidualBlock, "p3d": PseudoBlock, "3d": SpaceTimeBlock}
        if mode not in kinds or not len(channels) == len(blocks) == len(strides) > 0:
            raise RecipeError(
                f"DeepGaitV2: mode {mode!r}, {len(channels)} channels, {len(blocks)} blocks, {len(strides)} strides; "
                "expected mode 2d, p3d or 3d and one of each per stage"
            )
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
        """Embed clips (batch, time, channel, height, width); logits only where `num_subjects` was given."""
        features = F.relu(self.norm(self.conv(fold_time(frames))), inplace=True)
        for stage in self.stages:
            assert isinstance(stage, nn.ModuleList)
            for block in stage:
                features = block(features, len(frames))
        embeddings = self.head(self.pooling(pool_time(features, len(frames))))
        return GaitOutput(embeddings, None if self.neck is None else self.neck(embeddings))

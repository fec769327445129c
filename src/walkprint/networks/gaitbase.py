"""GaitBase: a shallow residual network per frame, maximum over time, strips.

Source: Fan, Liang, Shen, Hou, Huang, Yu, "OpenGait: revisiting gait recognition toward better practicality", CVPR 2023.
Deviations: none with the defaults.
"""

from collections.abc import Sequence

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
    pool_time,
)


class GaitBase(Network):
    """Residual stages on each frame, maximum over time, strips, one map per part, a neck for cross entropy.

    The embeddings are those before the neck: triplet loss and recognition use them.

    Args:
        channels: widths of the stages; the stem has the first.
        blocks: residual blocks of each stage.
        strides: factors by which each stage shrinks height and width.
        strips: counts of horizontal strips.
        feature: length of each part's embedding.
        num_subjects: with a number, the neck gives logits for cross entropy.
        height_px, width_px: size of the frames.

    Raises:
        RecipeError: channels, blocks and strides of different lengths.
    """

    def __init__(
        self,
        *,
        channels: Sequence[Width] = (64, 128, 256, 512),
        blocks: Sequence[Width] = (1, 1, 1, 1),
        strides: Sequence[Width] = (1, 2, 2, 1),
        strips: Sequence[Width] = (16,),
        feature: Width = 256,
        num_subjects: Subjects | None = None,
        height_px: SizePx = 64,
        width_px: SizePx = 44,
    ) -> None:
        super().__init__()
        if not len(channels) == len(blocks) == len(strides) > 0:
            raise RecipeError(
                f"GaitBase: {len(channels)} channels, {len(blocks)} blocks, {len(strides)} strides; "
                "expected one of each per stage"
            )
        self.height_px, self.width_px, self.num_subjects = height_px, width_px, num_subjects
        self.conv = nn.Conv2d(self.channels, channels[0], 3, padding=1, bias=False)
        self.norm = BatchNorm2d(channels[0])
        self.stages = nn.Sequential()
        width = channels[0]
        for outputs, count, stride in zip(channels, blocks, strides, strict=True):
            first = ResidualBlock(width, outputs, stride=stride)
            self.stages.append(nn.Sequential(first, *(ResidualBlock(outputs, outputs) for _ in range(count - 1))))
            width = outputs
        self.pooling = StripPooling(strips)
        self.head = PartLinear(self.pooling.parts, width, feature)
        self.neck = None if num_subjects is None else NormalizedNeck(self.pooling.parts, feature, num_subjects)
        initialize(self)

    def forward(self, frames: Tensor) -> GaitOutput:
        """See `Network`; logits only with `num_subjects`."""
        features = F.relu(self.norm(self.conv(fold_time(frames))), inplace=True)
        pooled = self.pooling(pool_time(self.stages(features), len(frames)))
        embeddings = self.head(pooled)
        return GaitOutput(embeddings, None if self.neck is None else self.neck(embeddings))

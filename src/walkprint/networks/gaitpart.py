"""GaitPart: strips of the body and their short movements.

Source: Fan, Peng, Cao, Liu, Hou, Chi, Huang, Li, He, "GaitPart: temporal part-based model for gait recognition", CVPR
2020.
Deviations: none with the defaults. A classification neck is ours.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from walkprint.core.batch import GaitOutput
from walkprint.core.bounds import SizePx, Subjects, Width
from walkprint.core.errors import RecipeError
from walkprint.networks.base import Network
from walkprint.networks.layers import ConvPair, NormalizedNeck, PartLinear, StripPooling, fold_time, initialize


class PartConv(nn.Module):
    """A separate convolution over time for each part, without bias, as one grouped convolution."""

    def __init__(self, parts: int, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__()
        weight = torch.empty(parts, outputs, inputs, kernel)
        for one in weight:
            nn.init.xavier_uniform_(one)
        self.weight = nn.Parameter(weight)

    def forward(self, features: Tensor) -> Tensor:
        """(batch, part, feature, time) to the same axes."""
        parts, outputs, _, kernel = self.weight.shape
        grouped = F.conv1d(features.flatten(1, 2), self.weight.flatten(0, 1), padding=kernel // 2, groups=parts)
        return grouped.view(features.shape[0], parts, outputs, -1)


class ShortMovements(nn.Module):
    """Mean plus maximum over a window of frames, weighted by attention from two convolutions over time."""

    def __init__(self, parts: int, features: int, *, squeeze: int, kernel: int, window: int) -> None:
        super().__init__()
        self.window = window
        self.conv1 = PartConv(parts, features, features // squeeze, 3)
        self.conv2 = PartConv(parts, features // squeeze, features, kernel)

    def forward(self, features: Tensor) -> Tensor:
        """(batch, part, feature, time) to the same axes."""
        attention = torch.sigmoid(self.conv2(F.leaky_relu(self.conv1(features))))
        rows, window, edge = features.flatten(1, 2), self.window, self.window // 2
        if torch.compiler.is_compiling():  # the same, slower; max_pool1d cannot be traced with a free time
            most = F.max_pool2d(rows.unsqueeze(2), (1, window), 1, (0, edge)).squeeze(2)
        else:
            most = F.max_pool1d(rows, window, 1, edge)
        return (F.avg_pool1d(rows, window, 1, edge) + most).view(features.shape) * attention


class GaitPart(Network):
    """Convolutions within strips, strips of every frame, two scales of short movements, maximum over time.

    Args:
        channels: widths of the blocks; the first two halve height and width.
        focal_strips: number of separate strips in each block. The network for large sets of subjects has channels
            (32, 64, 128, 256) and focal strips (1, 1, 8, 8).
        strips: counts of horizontal strips that become parts.
        feature: length of each part's embedding.
        squeeze: factor by which the attention narrows the features.
        num_subjects: with a number, a neck of batch norm and cosines gives logits for cross entropy.
        height_px, width_px: size of the frames.

    Raises:
        RecipeError: channels and focal strips of different lengths, or fewer than two.
    """

    ordered = True

    def __init__(
        self,
        *,
        channels: Sequence[Width] = (32, 64, 128),
        focal_strips: Sequence[Width] = (1, 4, 8),
        strips: Sequence[Width] = (16,),
        feature: Width = 128,
        squeeze: Width = 4,
        num_subjects: Subjects | None = None,
        height_px: SizePx = 64,
        width_px: SizePx = 44,
    ) -> None:
        super().__init__()
        if len(channels) != len(focal_strips) or len(channels) < 2:
            raise RecipeError(
                f"GaitPart: {len(channels)} channels, {len(focal_strips)} focal strips; "
                "expected one of each per block, at least two blocks"
            )
        self.height_px, self.width_px, self.num_subjects = height_px, width_px, num_subjects
        self.blocks = nn.Sequential()
        width = self.channels
        for i, (outputs, count) in enumerate(zip(channels, focal_strips, strict=True)):
            self.blocks.append(ConvPair(width, outputs, kernel=3 if i else 5, pool=i < 2, strips=count))
            width = outputs
        self.pooling = StripPooling(strips)
        self.short = ShortMovements(self.pooling.parts, width, squeeze=squeeze, kernel=1, window=3)
        self.longer = ShortMovements(self.pooling.parts, width, squeeze=squeeze, kernel=3, window=5)
        self.head = PartLinear(self.pooling.parts, width, feature)
        self.neck = None if num_subjects is None else NormalizedNeck(self.pooling.parts, feature, num_subjects)
        initialize(self)

    def forward(self, frames: Tensor) -> GaitOutput:
        """See `Network`; logits only with `num_subjects`."""
        pooled = self.pooling(self.blocks(fold_time(frames))).to(self.head.weight.dtype)
        with torch.autocast(frames.device.type, enabled=False):
            parts = pooled.reshape(frames.shape[0], -1, *pooled.shape[1:]).permute(0, 2, 3, 1).contiguous()
            moved = (self.short(parts) + self.longer(parts)).amax(3)
        embeddings = self.head(moved)
        return GaitOutput(embeddings, None if self.neck is None else self.neck(embeddings))

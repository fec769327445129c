"""GaitGL: convolutions over space and time, of the whole body and of its strips.

Source: Lin, Zhang, Yu, "Gait recognition via effective global-local feature representation and local temporal
aggregation", ICCV 2021.
Deviations: none with the defaults.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from walkprint.core.batch import GaitOutput
from walkprint.core.bounds import SizePx, Subjects, Width
from walkprint.core.errors import DataError, RecipeError
from walkprint.networks.base import Network
from walkprint.networks.layers import PartLinear, fold_time, initialize, over_time


class GlobalLocal(nn.Module):
    """A convolution of whole frames and one of separate strips, added or stacked along the height."""

    def __init__(self, inputs: int, outputs: int, *, strips: int, stacked: bool = False) -> None:
        super().__init__()
        self.whole = nn.Conv3d(inputs, outputs, 3, padding=1, bias=False)
        self.local = nn.Conv3d(inputs, outputs, 3, padding=1, bias=False)
        self.strips, self.stacked = strips, stacked

    def forward(self, features: Tensor) -> Tensor:
        """(batch, channel, time, height, width) to the same axes, twice as high if stacked."""
        whole: Tensor = F.leaky_relu(self.whole(features), inplace=True)
        local: Tensor = F.leaky_relu(self._by_strip(features), inplace=True)
        return torch.cat([whole, local], dim=3) if self.stacked else whole + local

    def _by_strip(self, features: Tensor) -> Tensor:
        batch, _, time, height, width = features.shape
        if height % self.strips:
            raise DataError(f"GaitGL: {height} rows cannot be cut into {self.strips} equal strips")
        cut: Tensor = features.view(*features.shape[:3], self.strips, height // self.strips, width)
        cut = self.local(cut.movedim(3, 1).flatten(0, 1))
        return cut.view(batch, self.strips, *cut.shape[1:]).movedim(1, 3).reshape(batch, -1, time, height, width)


class RowMean(nn.Module):
    """Generalized mean over the width of each row, with a trained power."""

    def __init__(self, power: float = 6.5) -> None:
        super().__init__()
        self.power = nn.Parameter(torch.full((1,), power))

    def forward(self, features: Tensor) -> Tensor:
        """(batch, channel, height, width) to (batch, height, channel), in float32."""
        wide = features.to(self.power.dtype).clamp_min(1e-6)
        return wide.pow(self.power).mean(3).pow(1 / self.power).transpose(1, 2)


class GaitGL(Network):
    """Convolutions over space and time, rows of the last map as parts, one linear map per part, batch norm, classifier.

    The embeddings are those after the batch norm: all losses and recognition use them.

    Args:
        channels: widths of the four stages.
        layers: convolutions in each stage. The network for large sets of subjects: channels (32, 64, 128, 256), two
            layers, two strips.
        strips: number of strips of the local convolutions.
        feature: length of each part's embedding; the last width if None.
        num_subjects: with a number, a linear classifier per part gives logits.
        height_px, width_px: size of the frames.

    Raises:
        RecipeError: not four widths, or no layer.
    """

    ordered = True
    min_frames = 3

    def __init__(
        self,
        *,
        channels: Sequence[Width] = (32, 64, 128, 128),
        layers: Width = 1,
        strips: Width = 8,
        feature: Width | None = None,
        num_subjects: Subjects | None = None,
        height_px: SizePx = 64,
        width_px: SizePx = 44,
    ) -> None:
        super().__init__()
        if len(channels) != 4:
            raise RecipeError(f"GaitGL: channels are {list(channels)}; expected four widths")
        self.height_px, self.width_px, self.num_subjects = height_px, width_px, num_subjects
        first, *wider = channels
        self.stem = nn.ModuleList(
            nn.Conv3d(first if i else self.channels, first, 3, padding=1, bias=False) for i in range(layers)
        )
        self.shorten = nn.Conv3d(first, first, (3, 1, 1), stride=(3, 1, 1), bias=False)
        self.stages = nn.ModuleList()
        width = first
        for number, outputs in enumerate(wider):
            stage = nn.Sequential()
            for layer in range(layers):
                stacked = number == 2 and layer == layers - 1
                stage.append(GlobalLocal(outputs if layer else width, outputs, strips=strips, stacked=stacked))
            self.stages.append(stage)
            width = outputs
        parts = height_px // 2 * 2
        feature = feature or width
        self.pooling = RowMean()
        self.head = PartLinear(parts, width, feature)
        self.norm = nn.BatchNorm1d(feature)
        self.classifier = None if num_subjects is None else PartLinear(parts, feature, num_subjects)
        initialize(self)

    def forward(self, frames: Tensor) -> GaitOutput:
        """See `Network`; logits only with `num_subjects`."""
        features = over_time(fold_time(frames), len(frames))
        for conv in (*self.stem, self.shorten):
            features = F.leaky_relu(conv(features), inplace=True)
        features = F.max_pool3d(self.stages[0](features), (1, 2, 2))
        features = self.stages[2](self.stages[1](features))
        with torch.autocast(frames.device.type, enabled=False):
            embeddings = self.head(self.pooling(features.amax(2)))
            embeddings = self.norm(embeddings.transpose(1, 2).contiguous()).transpose(1, 2)
        return GaitOutput(embeddings, None if self.classifier is None else self.classifier(embeddings))

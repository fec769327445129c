"""GaitSet: a clip as an unordered set of silhouettes.

Source: Chao, He, Zhang, Feng, "GaitSet: regarding gait as a set for cross-view gait recognition", AAAI 2019; Chao,
Wang, He, Zhang, Feng, "GaitSet: cross-view gait recognition through utilizing gait as a deep set", TPAMI 2021.
Deviations: none with the defaults. A narrow variant without the second branch, with batch norm and with a
classification neck is ours.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from walkprint.core.batch import GaitOutput
from walkprint.core.bounds import SizePx, Subjects, Width
from walkprint.core.errors import RecipeError
from walkprint.networks.base import Network
from walkprint.networks.layers import (
    ConvPair,
    NormalizedNeck,
    PartLinear,
    StripPooling,
    fold_time,
    initialize,
    pool_time,
)


class GaitSet(Network):
    """Convolutions per frame, maximum over the set, a second branch of sets, strip pyramid, one linear map per part.

    Args:
        channels: widths of the three blocks; (64, 128, 256) is customary for large sets of subjects.
        strips: the pyramid of horizontal strips.
        feature: length of each part's embedding.
        global_branch: also convolve the pooled sets of the first two blocks; doubles the number of parts.
        batch_norm: normalize after each convolution.
        num_subjects: with a number, a neck of batch norm and cosines gives logits for cross entropy.
        height_px, width_px: size of the frames.

    Raises:
        RecipeError: not three widths.
    """

    def __init__(
        self,
        *,
        channels: Sequence[Width] = (32, 64, 128),
        strips: Sequence[Width] = (16, 8, 4, 2, 1),
        feature: Width = 256,
        global_branch: bool = True,
        batch_norm: bool = False,
        num_subjects: Subjects | None = None,
        height_px: SizePx = 64,
        width_px: SizePx = 44,
    ) -> None:
        super().__init__()
        if len(channels) != 3:
            raise RecipeError(f"GaitSet: channels are {list(channels)}; expected three widths such as [32, 64, 128]")
        self.height_px, self.width_px, self.num_subjects = height_px, width_px, num_subjects
        first, second, third = channels
        self.blocks = nn.ModuleList(
            [
                ConvPair(self.channels, first, kernel=5, pool=True, batch_norm=batch_norm),
                ConvPair(first, second, pool=True, batch_norm=batch_norm),
                ConvPair(second, third, pool=False, batch_norm=batch_norm),
            ]
        )
        self.global_blocks = nn.ModuleList()
        if global_branch:
            self.global_blocks.append(ConvPair(first, second, pool=True, batch_norm=batch_norm))
            self.global_blocks.append(ConvPair(second, third, pool=False, batch_norm=batch_norm))
        self.pooling = StripPooling(strips)
        parts = self.pooling.parts * (2 if global_branch else 1)
        self.head = PartLinear(parts, third, feature)
        self.neck = None if num_subjects is None else NormalizedNeck(parts, feature, num_subjects)
        initialize(self)

    def forward(self, frames: Tensor) -> GaitOutput:
        """See `Network`; logits only with `num_subjects`."""
        features = fold_time(frames)
        sets = []
        for block in self.blocks:
            features = block(features)
            if self.global_blocks or block is self.blocks[-1]:
                sets.append(pool_time(features, len(frames)))
        pooled = self.pooling(sets[-1])
        if self.global_blocks:
            second = self.global_blocks[0](sets[0]) + sets[1]
            third = self.global_blocks[1](second) + sets[2]
            pooled = torch.cat([pooled, self.pooling(third)], dim=1)
        embeddings = self.head(pooled)
        return GaitOutput(embeddings, None if self.neck is None else self.neck(embeddings))

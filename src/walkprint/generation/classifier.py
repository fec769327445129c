"""A classifier of single frames; frozen, it shows whether a generator's labels keep their meaning.

Source: classifiers of frames are a customary measure of generated images; see Mariani et al., "BAGAN: data augmentation
with balancing GAN", 2018.
Deviations: a head each for subject, condition and view on one narrow trunk.
"""

from collections.abc import Mapping, Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from walkprint.generation.labels import FACTORS, Factor, LabelNames, Labels
from walkprint.generation.layers import Trunk, initialize

NARROW = (16, 32, 48, 64)


class FrameClassifier(nn.Module):
    """Classifies single frames by subject, condition and view.

    Args:
        names: the classes.
        widths: channels of the trunk's four convolutions.
        factors: which of subject, condition and view have a head.
    """

    def __init__(self, names: LabelNames, widths: Sequence[int] = NARROW, factors: Sequence[Factor] = FACTORS) -> None:
        super().__init__()
        self.trunk = Trunk(widths)
        self.heads = nn.ModuleDict(
            {factor: nn.Linear(self.trunk.features, len(names.names(factor))) for factor in factors}
        )
        initialize(self)

    def forward(self, frames: Tensor) -> dict[Factor, Tensor]:
        """From frames (batch, 1, 64, 64), -1 to 1, to logits (batch, class) by factor."""
        return self.classify(self.trunk(frames).flatten(1))

    def classify(self, features: Tensor) -> dict[Factor, Tensor]:
        """From flat features of the trunk, (batch, feature), to logits (batch, class) by factor."""
        return {cast(Factor, factor): head(features) for factor, head in self.heads.items()}


def label_cross_entropy(logits: Mapping[Factor, Tensor], labels: Labels) -> Tensor:
    """Cross entropy of the labels: sum over factors, mean over the batch; float32."""
    terms = [F.cross_entropy(one.float(), labels.of(factor)) for factor, one in logits.items()]
    return torch.stack(terms).sum()


def accuracies(logits: Mapping[Factor, Tensor], labels: Labels) -> dict[Factor, Tensor]:
    """Share of frames whose predicted class is their label, by factor."""
    return {factor: (one.argmax(1) == labels.of(factor)).float().mean() for factor, one in logits.items()}

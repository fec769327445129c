"""From noise and labels to frames."""

from collections.abc import Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from walkprint.generation.labels import FACTORS, LabelNames, Labels
from walkprint.generation.layers import WIDTHS, Decoder


class NoiseDecoder(nn.Module):
    """A decoder of noise beside labels: one entry of 1 for each of subject, condition and view.

    Args:
        names: the classes.
        noise: length of the noise vector.
        widths: channels at 32, 16, 8 and 4 pixels.
    """

    def __init__(self, names: LabelNames, noise: int = 128, widths: Sequence[int] = WIDTHS) -> None:
        super().__init__()
        self.noise, self.sizes = noise, {factor: len(names.names(factor)) for factor in FACTORS}
        self.decoder = Decoder(noise + sum(self.sizes.values()), widths)

    def forward(self, labels: Labels, generator: torch.Generator) -> Tensor:
        """Frames (batch, 1, 64, 64), -1 to 1, that show `labels`; `generator` draws the noise."""
        ones = [F.one_hot(labels.of(factor), size) for factor, size in self.sizes.items()]
        noise = draw_noise(labels, self.noise, generator)
        return cast(Tensor, self.decoder(torch.cat([noise, *(one.to(noise) for one in ones)], dim=1)))


def draw_noise(labels: Labels, length: int, generator: torch.Generator) -> Tensor:
    """Noise of the standard normal distribution, (batch, length), where the labels lie."""
    return torch.randn(len(labels), length, generator=generator).to(labels.subjects.device)

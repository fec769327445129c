"""Layers of several generators: encoder, decoder, label embedding, noise decoder, U-Net.

Source: Huang and Jafari, "Enhanced balancing GAN: minority-class image generation", Neural Computing and Applications
2021: four convolutions down to 4 x 4, a dense latent vector, four transposed convolutions back.
Deviations: an embedding has one table each for subject, condition and view, which multiply: all subjects share what is
learned of a condition. A single table of all labels would have to see every combination. The U-Net is that of O.
Ronneberger et al., MICCAI 2015, with scales and shifts of E. Perez et al., "FiLM", AAAI 2018.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn

from walkprint.core.errors import RecipeError
from walkprint.generation.labels import FACTORS, Factor, LabelNames, Labels

WIDTHS = (64, 128, 128, 256)
_SLOPE = 0.2


class Encoder(nn.Module):
    """From frames to a 4 x 4 map and a latent vector.

    Args:
        latent: length of the latent vector.
        widths: channels after each of the four convolutions, at 32, 16, 8 and 4 pixels.
    """

    def __init__(self, latent: int = 128, widths: Sequence[int] = WIDTHS) -> None:
        super().__init__()
        widths = checked_widths(widths)
        self.trunk = Trunk(widths)
        self.dense = nn.Linear(widths[-1] * 16, latent)
        initialize(self)

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """From frames (batch, 1, 64, 64), -1 to 1, to the map (batch, width, 4, 4) and the latent (batch, latent)."""
        features = self.trunk(frames)
        return features, nn.functional.leaky_relu(self.dense(features.flatten(1)), _SLOPE)


class Trunk(nn.Module):
    """The convolutions of an encoder or of a discriminator, which may start with an encoder's weights.

    Args:
        widths: channels after each of the four convolutions.
    """

    def __init__(self, widths: Sequence[int] = WIDTHS) -> None:
        super().__init__()
        widths = checked_widths(widths)
        self.features = widths[-1] * 16
        self.convolutions = nn.Sequential(
            *(
                nn.Sequential(nn.Conv2d(before, after, 4, stride=2, padding=1), nn.LeakyReLU(_SLOPE))
                for before, after in pairwise((1, *widths))
            )
        )
        initialize(self)

    def forward(self, frames: Tensor) -> Tensor:
        """From frames (batch, 1, 64, 64), -1 to 1, to a map (batch, width, 4, 4)."""
        return cast(Tensor, self.convolutions(frames))


class Decoder(nn.Module):
    """From a latent vector to frames.

    Args:
        latent: length of the latent vector.
        widths: channels at 32, 16, 8 and 4 pixels, as of the encoder.
    """

    def __init__(self, latent: int = 128, widths: Sequence[int] = WIDTHS) -> None:
        super().__init__()
        widths = checked_widths(widths)
        self.dense = nn.Sequential(
            nn.Linear(latent, widths[-1] * 16), nn.LeakyReLU(_SLOPE), nn.Unflatten(1, (widths[-1], 4, 4))
        )
        self.convolutions = nn.Sequential(
            *(
                nn.Sequential(
                    nn.ConvTranspose2d(before, after, 4, stride=2, padding=1),
                    nn.BatchNorm2d(after),
                    nn.LeakyReLU(_SLOPE),
                )
                for before, after in pairwise(reversed(widths))
            )
        )
        self.last = _LastLayer(widths[0])
        initialize(self)

    def forward(self, latent: Tensor) -> Tensor:
        """From a latent (batch, latent) to frames (batch, 1, 64, 64), -1 to 1."""
        return cast(Tensor, self.last(self.convolutions(self.dense(latent)))).tanh()


class _LastLayer(nn.ConvTranspose2d):
    """To one channel at twice the size; in evaluation by an equivalent convolution, which is twice as fast."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, 1, 4, stride=2, padding=1)

    def forward(self, features: Tensor) -> Tensor:  # type: ignore[override]
        """From (batch, channel, height, width) to (batch, 1, 2 height, 2 width)."""
        if self.training:
            return super().forward(features)
        weights = self.weight.flip(2, 3)[:, 0]
        spread = weights.new_zeros(4, len(weights), 3, 3)  # a channel for each of the 2 x 2 output pixels
        for i in range(2):
            for j in range(2):
                spread[2 * i + j, :, i : i + 2, j : j + 2] = weights[:, i::2, j::2]
        bias = cast(Tensor, self.bias).expand(4)
        return nn.functional.pixel_shuffle(nn.functional.conv2d(features, spread, bias, padding=1), 2)


class LabelEmbedding(nn.Module):
    """Multipliers that give a latent vector its labels: the product of one row for each factor.

    Args:
        names: the classes.
        latent: length of the latent vector.
        factors: which of subject, condition and view have a table.

    Raises:
        RecipeError: a factor is unknown, or there is none.
    """

    def __init__(self, names: LabelNames, latent: int = 128, factors: Sequence[Factor] = FACTORS) -> None:
        super().__init__()
        if not factors or set(factors) - set(FACTORS):
            raise RecipeError(f"factors are {list(factors)}; expected some of {', '.join(FACTORS)}")
        self.tables = nn.ModuleDict({factor: nn.Embedding(len(names.names(factor)), latent) for factor in factors})
        for table in self.tables.values():
            nn.init.normal_(cast(nn.Embedding, table).weight, mean=1.0, std=0.02)

    def forward(self, labels: Labels) -> Tensor:
        """The multipliers of latent vectors, (batch, latent)."""
        rows = [table(labels.of(cast(Factor, factor))) for factor, table in self.tables.items()]
        return torch.stack(rows).prod(0) if len(rows) > 1 else rows[0]


class UNet(nn.Module):
    """From frames to a map of their size; a vector conditions every level.

    Args:
        condition: length of the vector.
        widths: channels at 32, 16, 8 and 4 pixels; at 64 pixels there is no convolution.
    """

    def __init__(self, condition: int, widths: Sequence[int] = WIDTHS) -> None:
        super().__init__()
        widths = checked_widths(widths)
        self.down = nn.ModuleList(
            _ConditionedBlock(before, after, condition, 1 if level == 0 else 2)
            for level, (before, after) in enumerate(pairwise((4, *widths)))
        )
        self.up = nn.ModuleList(
            _ConditionedBlock(before + after, after, condition) for before, after in pairwise(reversed(widths))
        )
        self.last = nn.Conv2d(widths[0], 4, 3, padding=1)

    def forward(self, frames: Tensor, vectors: Tensor) -> Tensor:
        """From frames (batch, 1, 64, 64) and vectors (batch, condition) to a map (batch, 1, 64, 64)."""
        features, kept = nn.functional.pixel_unshuffle(frames, 2), list[Tensor]()
        for block in self.down:
            features = block(features, vectors)
            kept.append(features)
        for block, before in zip(self.up, kept[-2::-1], strict=True):
            features = block(torch.cat([nn.functional.interpolate(features, scale_factor=2), before], 1), vectors)
        return nn.functional.pixel_shuffle(self.last(features), 2)


class _ConditionedBlock(nn.Module):
    """Convolution, norm, then scale and shift by a vector."""

    def __init__(self, before: int, after: int, condition: int, stride: int = 1) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(before, after, 3, stride=stride, padding=1, bias=False)
        self.norm = nn.GroupNorm(math.gcd(4, after), after)
        self.film = nn.Linear(condition, 2 * after)

    def forward(self, features: Tensor, vectors: Tensor) -> Tensor:
        scale, shift = self.film(vectors)[..., None, None].chunk(2, dim=1)
        return nn.functional.silu(self.norm(self.convolution(features)) * (1 + scale) + shift)


class NoiseDecoder(nn.Module):
    """A decoder of noise and one-hot labels of subject, condition and view.

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
        ones = [nn.functional.one_hot(labels.of(factor), size) for factor, size in self.sizes.items()]
        noise = draw_noise(labels, self.noise, generator)
        return cast(Tensor, self.decoder(torch.cat([noise, *(one.to(noise) for one in ones)], dim=1)))


def draw_noise(labels: Labels, length: int, generator: torch.Generator) -> Tensor:
    """Standard normal noise (batch, length), drawn on the CPU and moved to the device of the labels."""
    return torch.randn(len(labels), length, generator=generator).to(labels.subjects.device)


def checked_widths(widths: Sequence[int]) -> tuple[int, ...]:
    """Check the channels of four convolutions.

    Raises:
        RecipeError: there are not four of them, or one is below 1.
    """
    if len(widths) != 4 or min(widths) < 1:
        raise RecipeError(f"widths are {list(widths)}; expected four numbers, each at least 1, e.g. {list(WIDTHS)}")
    return tuple(widths)


def initialize(module: nn.Module) -> None:
    """Draw the weights of convolutions and dense layers from N(0, 0.02), as is customary for GANs; biases are 0."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(layer.weight, std=0.02)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)

"""Shared layers: time folded into the batch, pooling over time and strips, one linear map per part.

Features are channels-last in mixed precision and on accelerators, where that layout is fast. In float32 on the CPU they
keep the usual layout, and with it the reference's order of additions: gradients through a batch norm over few clips
magnify a difference of 1e-6 a hundredfold. Parameters are contiguous in either case.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from walkprint.core.errors import DataError, RecipeError
from walkprint.networks.batch_norm import BatchNorm2d


def fold_time(frames: Tensor) -> Tensor:
    """From clips to one long batch of pictures, in the fast layout of the current precision.

    Args:
        frames: (batch, time, channel, height, width).

    Returns:
        (batch * time, channel, height, width).

    Raises:
        DataError: not five axes, or an empty one.
    """
    if frames.ndim != 5 or 0 in frames.shape:
        raise DataError(
            f"network: frames have shape {tuple(frames.shape)}, "
            "expected (batch, time, channel, height, width) without an empty axis"
        )
    pictures = frames.flatten(0, 1)
    device = frames.device.type
    if device == "cpu" and frames.dtype in (torch.float32, torch.float64) and not torch.is_autocast_enabled(device):
        return pictures.contiguous()
    pictures = pictures.movedim(1, -1)
    # With one channel the two layouts share their memory order; only a fresh view gets channels-last strides.
    return pictures.flatten().view(pictures.shape).movedim(-1, 1)


def over_time(features: Tensor, batch: int) -> Tensor:
    """(batch * time, channel, height, width) to (batch, channel, time, height, width), a view."""
    return features.reshape(batch, -1, *features.shape[1:]).transpose(1, 2)


def per_frame(features: Tensor) -> Tensor:
    """(batch, channel, time, height, width) to (batch * time, channel, height, width)."""
    return features.transpose(1, 2).flatten(0, 1)


def pool_time(features: Tensor, batch: int) -> Tensor:
    """The largest value over the frames of each clip.

    Args:
        features: (batch * time, channel, height, width).
        batch: number of clips.

    Returns:
        (batch, channel, height, width).
    """
    return features.reshape(batch, -1, *features.shape[1:]).amax(dim=1)


def cut_strips(features: Tensor, strips: int) -> Tensor:
    """(batch, channel, height, width) to (batch * strips, channel, height / strips, width).

    Raises:
        DataError: the height is no multiple of the number of strips.
    """
    if strips == 1:
        return features
    batch, channel, height, width = features.shape
    if height % strips:
        raise DataError(f"{height} rows cannot be cut into {strips} equal strips")
    if features.is_contiguous():
        cut = features.view(batch, channel, strips, -1, width)
        return cut.transpose(1, 2).reshape(batch * strips, channel, -1, width)
    rows = features.movedim(1, -1).reshape(batch * strips, height // strips, width, channel)
    return rows.movedim(-1, 1)


def join_strips(features: Tensor, strips: int) -> Tensor:
    """The inverse of `cut_strips`: (batch * strips, channel, height / strips, width) to whole pictures."""
    if strips == 1:
        return features
    batch, channel, height, width = features.shape
    if features.is_contiguous():
        cut = features.view(batch // strips, strips, channel, height, width)
        return cut.transpose(1, 2).reshape(batch // strips, channel, -1, width)
    rows = features.movedim(1, -1).reshape(batch // strips, height * strips, width, channel)
    return rows.movedim(-1, 1)


class ConvPair(nn.Module):
    """Two convolutions without bias, each followed by LeakyReLU, and an optional 2 x 2 max pool.

    Args:
        inputs, outputs: channels.
        kernel: size of the first convolution's kernel; the second's is 3.
        pool: halve height and width at the end.
        batch_norm: normalize after each convolution.
        strips: number of separate horizontal strips.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        kernel: int = 3,
        pool: bool,
        batch_norm: bool = False,
        strips: int = 1,
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
        self.norm1 = BatchNorm2d(outputs) if batch_norm else nn.Identity()
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norm2 = BatchNorm2d(outputs) if batch_norm else nn.Identity()
        self.pool, self.strips = pool, strips

    def forward(self, features: Tensor) -> Tensor:
        """(batch, channel, height, width) to the same axes."""
        features = cut_strips(features, self.strips)
        features = F.leaky_relu(self.norm1(self.conv1(features)), inplace=True)
        features = join_strips(self.norm2(self.conv2(features)), self.strips)
        if self.pool:  # before the monotonic activation: the same result at a quarter of the cost
            features = F.max_pool2d(features, 2)
        return F.leaky_relu(features, inplace=True)


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions with batch norm and a shortcut, a 1 x 1 convolution if size or channels change."""

    def __init__(self, inputs: int, outputs: int, *, stride: int = 1) -> None:
        super().__init__()
        self.conv1: nn.Module = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.norm1 = BatchNorm2d(outputs)
        self.conv2: nn.Module = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norm2 = BatchNorm2d(outputs)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False), BatchNorm2d(outputs)
            )

    def forward(self, features: Tensor, batch: int = 1) -> Tensor:
        """(batch, channel, height, width) to the same axes, smaller by the stride; subclasses use `batch`."""
        inner = F.relu(self.norm1(self.conv1(features)), inplace=True)
        return F.relu(self.norm2(self.conv2(inner)) + self.shortcut(features), inplace=True)


class StripPooling(nn.Module):
    """Horizontal pyramid pooling: mean plus maximum of every strip, for several numbers of strips.

    Args:
        strips: numbers of equal strips.

    Raises:
        RecipeError: no entry, or one below 1.
    """

    def __init__(self, strips: Sequence[int]) -> None:
        super().__init__()
        self.strips = tuple(strips)
        if not self.strips or min(self.strips) < 1:
            raise RecipeError(f"strips are {list(self.strips)}; expected at least one positive count")

    @property
    def parts(self) -> int:
        """Number of parts."""
        return sum(self.strips)

    def forward(self, features: Tensor) -> Tensor:
        """(batch, channel, height, width) to (batch, part, channel).

        Raises:
            DataError: the height is no multiple of the number of strips.
        """
        features = features.contiguous().flatten(2)
        pooled = []
        for count in self.strips:
            if features.shape[2] % count:
                raise DataError(f"{features.shape[2]} positions cannot be cut into {count} equal strips")
            strip = features.view(*features.shape[:2], count, -1)
            pooled.append(strip.mean(-1) + strip.amax(-1))
        return torch.cat(pooled, dim=2).transpose(1, 2)


class PartLinear(nn.Module):
    """A separate linear map for each part, without bias, in float32 in any precision.

    Args:
        parts, inputs, outputs: sizes of the weight (part, input, output).
    """

    def __init__(self, parts: int, inputs: int, outputs: int) -> None:
        super().__init__()
        # Over all three axes on purpose: embeddings that start small relative to the triplet's margin train well.
        self.weight = nn.Parameter(nn.init.xavier_uniform_(torch.empty(parts, inputs, outputs)))

    def forward(self, features: Tensor) -> Tensor:
        """(batch, part, input) to (batch, part, output)."""
        with torch.autocast(features.device.type, enabled=False):
            return torch.einsum("bpi,pio->bpo", features.to(self.weight.dtype), self.weight)


class NormalizedNeck(nn.Module):
    """Joint batch norm over part and feature, then cosines with one direction per part and subject.

    Args:
        parts, features, subjects: sizes.
    """

    def __init__(self, parts: int, features: int, subjects: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(parts * features)
        self.weight = nn.Parameter(nn.init.xavier_uniform_(torch.empty(parts, features, subjects)))

    def forward(self, embeddings: Tensor) -> Tensor:
        """(batch, part, feature) to logits (batch, part, subject) from -1 to 1."""
        with torch.autocast(embeddings.device.type, enabled=False):
            normed = self.norm(embeddings.flatten(1)).view(embeddings.shape)
            return torch.einsum("bpf,pfs->bps", F.normalize(normed, dim=-1), F.normalize(self.weight, dim=1))


def initialize(network: nn.Module) -> None:
    """Initialize all convolutions and linear layers by Glorot's uniform rule; biases are 0."""
    for module in network.modules():
        if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Conv3d | nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)

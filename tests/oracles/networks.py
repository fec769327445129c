"""Textbook networks: plain modules in the usual layout, frames and parts as the papers draw them, no trick."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from walkprint.core.batch import GaitOutput

STRIPS = (16, 8, 4, 2, 1)


def pool_strips(features: Tensor, strips: tuple[int, ...]) -> list[Tensor]:
    """Mean plus maximum of each horizontal strip."""
    pooled = []
    for count in strips:
        for strip in features.chunk(count, dim=2):
            flat = strip.flatten(2)
            pooled.append(flat.mean(2) + flat.max(2).values)
    return pooled


class PlainParts(nn.Module):
    """One linear layer after the other."""

    def __init__(self, parts: int, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(parts, inputs, outputs))

    def forward(self, pooled: list[Tensor]) -> Tensor:
        return torch.stack([part @ weight for part, weight in zip(pooled, self.weight, strict=True)], dim=1)


class PlainNeck(nn.Module):
    """Batch norm, then cosines, part by part."""

    def __init__(self, parts: int, feature: int, subjects: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(parts, feature, subjects))
        self.norm = nn.BatchNorm1d(parts * feature)

    def forward(self, embeddings: Tensor) -> Tensor:
        normed = self.norm(embeddings.flatten(1)).view_as(embeddings)
        cosines = [
            F.normalize(normed[:, part], dim=1) @ F.normalize(self.weight[part], dim=0)
            for part in range(len(self.weight))
        ]
        return torch.stack(cosines, dim=1)


def _pair(inputs: int, outputs: int, kernel: int, pool: bool) -> nn.Sequential:
    layers: list[nn.Module] = [
        nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False),
        nn.LeakyReLU(),
        nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
        nn.LeakyReLU(),
    ]
    return nn.Sequential(*layers, nn.MaxPool2d(2)) if pool else nn.Sequential(*layers)


class PlainGaitSet(nn.Module):
    """GaitSet with the widths of the paper's small network."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([_pair(1, 32, 5, True), _pair(32, 64, 3, True), _pair(64, 128, 3, False)])
        self.global_blocks = nn.ModuleList([_pair(32, 64, 3, True), _pair(64, 128, 3, False)])
        self.head = PlainParts(62, 128, 256)

    def forward(self, frames: Tensor) -> GaitOutput:
        batch, time = frames.shape[:2]
        features, sets = frames.flatten(0, 1), []
        for block in self.blocks:
            features = block(features)
            sets.append(features.view(batch, time, *features.shape[1:]).max(1).values)
        second = self.global_blocks[0](sets[0]) + sets[1]
        third = self.global_blocks[1](second) + sets[2]
        return GaitOutput(self.head(pool_strips(sets[2], STRIPS) + pool_strips(third, STRIPS)))


class PlainBlock(nn.Module):
    """Basic residual block."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Sequential()
        if stride > 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, features: Tensor) -> Tensor:
        inner = F.relu(self.norm1(self.conv1(features)))
        return F.relu(self.norm2(self.conv2(inner)) + self.shortcut(features))


class PlainGaitBase(nn.Module):
    """GaitBase with one block per stage."""

    def __init__(self, subjects: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 64, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(64)
        self.stages = nn.Sequential(
            PlainBlock(64, 64, 1), PlainBlock(64, 128, 2), PlainBlock(128, 256, 2), PlainBlock(256, 512, 1)
        )
        self.head = PlainParts(16, 512, 256)
        self.neck = PlainNeck(16, 256, subjects)

    def forward(self, frames: Tensor) -> GaitOutput:
        batch, time = frames.shape[:2]
        features = self.stages(F.relu(self.norm(self.conv(frames.flatten(0, 1)))))
        embeddings = self.head(pool_strips(features.view(batch, time, *features.shape[1:]).max(1).values, (16,)))
        return GaitOutput(embeddings, self.neck(embeddings))


class PlainFocal(nn.Module):
    """A convolution of every horizontal strip by itself."""

    def __init__(self, inputs: int, outputs: int, kernel: int, strips: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
        self.strips = strips

    def forward(self, features: Tensor) -> Tensor:
        return torch.cat([self.conv(strip) for strip in features.chunk(self.strips, dim=2)], dim=2)


class PlainMovements(nn.Module):
    """Short movements, one part after the other: (batch, part, feature, time) to the same axes."""

    def __init__(self, parts: int, features: int, squeezed: int, kernel: int, window: int) -> None:
        super().__init__()
        self.narrow = nn.Parameter(torch.empty(parts, squeezed, features, 3))
        self.widen = nn.Parameter(torch.empty(parts, features, squeezed, kernel))
        self.window = window

    def forward(self, features: Tensor) -> Tensor:
        moved = []
        for part, narrow, widen in zip(features.unbind(1), self.narrow, self.widen, strict=True):
            inner = F.leaky_relu(F.conv1d(part, narrow, padding=1))
            attention = torch.sigmoid(F.conv1d(inner, widen, padding=widen.shape[2] // 2))
            mean = F.avg_pool1d(part, self.window, 1, self.window // 2)
            most = F.max_pool1d(part, self.window, 1, self.window // 2)
            moved.append((mean + most) * attention)
        return torch.stack(moved, dim=1)


class PlainGaitPart(nn.Module):
    """GaitPart with the widths of the paper's small network."""

    def __init__(self) -> None:
        super().__init__()
        self.frames = nn.Sequential(
            PlainFocal(1, 32, 5, 1), nn.LeakyReLU(), PlainFocal(32, 32, 3, 1), nn.LeakyReLU(), nn.MaxPool2d(2),
            PlainFocal(32, 64, 3, 4), nn.LeakyReLU(), PlainFocal(64, 64, 3, 4), nn.LeakyReLU(), nn.MaxPool2d(2),
            PlainFocal(64, 128, 3, 8), nn.LeakyReLU(), PlainFocal(128, 128, 3, 8), nn.LeakyReLU(),
        )  # fmt: skip
        self.short = PlainMovements(16, 128, 32, 1, 3)
        self.longer = PlainMovements(16, 128, 32, 3, 5)
        self.head = PlainParts(16, 128, 128)

    def forward(self, frames: Tensor) -> GaitOutput:
        batch, time = frames.shape[:2]
        strips = torch.stack(pool_strips(self.frames(frames.flatten(0, 1)), (16,)), dim=1)
        parts = strips.view(batch, time, 16, 128).permute(0, 2, 3, 1)
        moved = (self.short(parts) + self.longer(parts)).max(3).values
        return GaitOutput(self.head(list(moved.unbind(1))))


class PlainGlobalLocal(nn.Module):
    """A convolution of whole frames and one of eight strips, added or stacked."""

    def __init__(self, inputs: int, outputs: int, stacked: bool) -> None:
        super().__init__()
        self.whole = nn.Conv3d(inputs, outputs, 3, padding=1, bias=False)
        self.local = nn.Conv3d(inputs, outputs, 3, padding=1, bias=False)
        self.stacked = stacked

    def forward(self, features: Tensor) -> Tensor:
        whole = F.leaky_relu(self.whole(features))
        local = F.leaky_relu(torch.cat([self.local(strip) for strip in features.chunk(8, dim=3)], dim=3))
        return torch.cat([whole, local], dim=3) if self.stacked else whole + local


class PlainGaitGL(nn.Module):
    """GaitGL with the widths of the paper's small network."""

    def __init__(self, subjects: int) -> None:
        super().__init__()
        self.stem = nn.Conv3d(1, 32, 3, padding=1, bias=False)
        self.shorten = nn.Conv3d(32, 32, (3, 1, 1), stride=(3, 1, 1), bias=False)
        self.stage1 = PlainGlobalLocal(32, 64, False)
        self.stage2 = PlainGlobalLocal(64, 128, False)
        self.stage3 = PlainGlobalLocal(128, 128, True)
        self.power = nn.Parameter(torch.empty(1))
        self.head = PlainParts(64, 128, 128)
        self.norm = nn.BatchNorm1d(128)
        self.classifier = PlainParts(64, 128, subjects)

    def forward(self, frames: Tensor) -> GaitOutput:
        features = F.leaky_relu(self.stem(frames.transpose(1, 2)))
        features = F.max_pool3d(self.stage1(F.leaky_relu(self.shorten(features))), (1, 2, 2))
        rows = self.stage3(self.stage2(features)).max(2).values.clamp(min=1e-6)
        rows = (rows**self.power).mean(3) ** (1 / self.power)
        embeddings = self.norm(self.head(list(rows.unbind(2))).transpose(1, 2)).transpose(1, 2)
        return GaitOutput(embeddings, self.classifier(list(embeddings.unbind(1))))


def each_frame(layer: nn.Module, features: Tensor) -> Tensor:
    """A layer for pictures on every frame of (batch, channel, time, height, width)."""
    batch, _, time = features.shape[:3]
    pictures = layer(features.transpose(1, 2).flatten(0, 1))
    return pictures.view(batch, time, *pictures.shape[1:]).transpose(1, 2)


class PlainPseudoBlock(nn.Module):
    """A residual block with a convolution over time, itself residual, between its two over space."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Sequential(
            nn.Conv3d(inputs, outputs, 1, stride=(1, stride, stride), bias=False), nn.BatchNorm3d(outputs)
        )
        self.temporal = nn.Sequential(
            nn.Conv3d(outputs, outputs, (3, 1, 1), padding=(1, 0, 0), bias=False), nn.BatchNorm3d(outputs)
        )

    def forward(self, features: Tensor) -> Tensor:
        inner = F.relu(each_frame(nn.Sequential(self.conv1, self.norm1), features))
        inner = F.relu(inner + self.temporal(inner))
        inner = each_frame(nn.Sequential(self.conv2, self.norm2), inner)
        return F.relu(inner + self.shortcut(features))


class PlainDeepGaitV2(nn.Module):
    """DeepGaitV2 of pseudo 3-D blocks, one per stage."""

    def __init__(self, subjects: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 64, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(64)
        self.stage1 = PlainBlock(64, 64, 1)
        self.stages = nn.Sequential(
            PlainPseudoBlock(64, 128, 2), PlainPseudoBlock(128, 256, 2), PlainPseudoBlock(256, 512, 1)
        )
        self.head = PlainParts(16, 512, 256)
        self.neck = PlainNeck(16, 256, subjects)

    def forward(self, frames: Tensor) -> GaitOutput:
        features = each_frame(nn.Sequential(self.conv, self.norm, nn.ReLU(), self.stage1), frames.transpose(1, 2))
        embeddings = self.head(pool_strips(self.stages(features).max(2).values, (16,)))
        return GaitOutput(embeddings, self.neck(embeddings))


def share_weights(plain: nn.Module, network: nn.Module) -> None:
    """Copy all parameters and buffers of `network` into `plain`, matched by their order within equal shapes."""
    ours = list(network.state_dict().values())
    with torch.no_grad():
        for theirs in plain.state_dict().values():
            position = next(i for i, value in enumerate(ours) if value.shape == theirs.shape)
            theirs.copy_(ours.pop(position))
    assert not ours

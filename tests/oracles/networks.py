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


def share_weights(plain: nn.Module, network: nn.Module) -> None:
    """Copy all parameters and buffers of `network` into `plain`, matched by their order within equal shapes."""
    ours = list(network.state_dict().values())
    with torch.no_grad():
        for theirs in plain.state_dict().values():
            position = next(i for i, value in enumerate(ours) if value.shape == theirs.shape)
            theirs.copy_(ours.pop(position))
    assert not ours

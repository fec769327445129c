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


def _pair(inputs: int, outputs: int, kernel: int, pool: bool, normed: bool = False) -> nn.Sequential:
    layers: list[nn.Module] = [
        nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(outputs) if normed else nn.Identity(),
        nn.LeakyReLU(),
        nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs) if normed else nn.Identity(),
        nn.LeakyReLU(),
    ]
    return nn.Sequential(*layers, nn.MaxPool2d(2)) if pool else nn.Sequential(*layers)


class PlainGaitSet(nn.Module):
    """GaitSet, with the widths of the paper's small network if not given."""

    def __init__(self, widths: tuple[int, int, int] = (32, 64, 128), feature: int = 256) -> None:
        super().__init__()
        first, second, third = widths
        self.blocks = nn.ModuleList(
            [_pair(1, first, 5, True), _pair(first, second, 3, True), _pair(second, third, 3, False)]
        )
        self.global_blocks = nn.ModuleList([_pair(first, second, 3, True), _pair(second, third, 3, False)])
        self.head = PlainParts(62, third, feature)

    def forward(self, frames: Tensor) -> GaitOutput:
        batch, time = frames.shape[:2]
        features, sets = frames.flatten(0, 1), []
        for block in self.blocks:
            features = block(features)
            sets.append(features.view(batch, time, *features.shape[1:]).max(1).values)
        second = self.global_blocks[0](sets[0]) + sets[1]
        third = self.global_blocks[1](second) + sets[2]
        return GaitOutput(self.head(pool_strips(sets[2], STRIPS) + pool_strips(third, STRIPS)))


class PlainNarrowGaitSet(nn.Module):
    """GaitSet without the second branch, with batch norm and a neck."""

    def __init__(self, subjects: int) -> None:
        super().__init__()
        self.blocks = nn.Sequential(_pair(1, 4, 5, True, True), _pair(4, 6, 3, True, True), _pair(6, 8, 3, False, True))
        self.head = PlainParts(6, 8, 5)
        self.neck = PlainNeck(6, 5, subjects)

    def forward(self, frames: Tensor) -> GaitOutput:
        features = self.blocks(frames.flatten(0, 1))
        embeddings = self.head(pool_strips(features.view(len(frames), -1, *features.shape[1:]).max(1).values, (4, 2)))
        return GaitOutput(embeddings, self.neck(embeddings))


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

    def __init__(
        self, subjects: int, widths: tuple[int, int, int, int] = (64, 128, 256, 512), feature: int = 256
    ) -> None:
        super().__init__()
        first, second, third, fourth = widths
        self.conv = nn.Conv2d(1, first, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(first)
        self.stages = nn.Sequential(
            PlainBlock(first, first, 1), PlainBlock(first, second, 2), PlainBlock(second, third, 2),
            PlainBlock(third, fourth, 1),
        )  # fmt: skip
        self.head = PlainParts(16, fourth, feature)
        self.neck = PlainNeck(16, feature, subjects)

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
    """GaitPart, with the widths of the paper's small network if not given."""

    def __init__(self, widths: tuple[int, int, int] = (32, 64, 128), feature: int = 128) -> None:
        super().__init__()
        first, second, third = widths
        self.frames = nn.Sequential(
            PlainFocal(1, first, 5, 1), nn.LeakyReLU(), PlainFocal(first, first, 3, 1), nn.LeakyReLU(), nn.MaxPool2d(2),
            PlainFocal(first, second, 3, 4), nn.LeakyReLU(), PlainFocal(second, second, 3, 4), nn.LeakyReLU(),
            nn.MaxPool2d(2),
            PlainFocal(second, third, 3, 8), nn.LeakyReLU(), PlainFocal(third, third, 3, 8), nn.LeakyReLU(),
        )  # fmt: skip
        self.short = PlainMovements(16, third, third // 4, 1, 3)
        self.longer = PlainMovements(16, third, third // 4, 3, 5)
        self.head = PlainParts(16, third, feature)

    def forward(self, frames: Tensor) -> GaitOutput:
        batch, time = frames.shape[:2]
        strips = torch.stack(pool_strips(self.frames(frames.flatten(0, 1)), (16,)), dim=1)
        parts = strips.view(batch, time, 16, -1).permute(0, 2, 3, 1)
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
    """GaitGL, with the widths of the paper's small network if not given."""

    def __init__(self, subjects: int, widths: tuple[int, int, int, int] = (32, 64, 128, 128)) -> None:
        super().__init__()
        first, second, third, fourth = widths
        self.stem = nn.Conv3d(1, first, 3, padding=1, bias=False)
        self.shorten = nn.Conv3d(first, first, (3, 1, 1), stride=(3, 1, 1), bias=False)
        self.stage1 = PlainGlobalLocal(first, second, False)
        self.stage2 = PlainGlobalLocal(second, third, False)
        self.stage3 = PlainGlobalLocal(third, fourth, True)
        self.power = nn.Parameter(torch.empty(1))
        self.head = PlainParts(64, fourth, fourth)
        self.norm = nn.BatchNorm1d(fourth)
        self.classifier = PlainParts(64, fourth, subjects)

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

    def __init__(
        self, subjects: int, widths: tuple[int, int, int, int] = (64, 128, 256, 512), feature: int = 256
    ) -> None:
        super().__init__()
        first, second, third, fourth = widths
        self.conv = nn.Conv2d(1, first, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(first)
        self.stage1 = PlainBlock(first, first, 1)
        self.stages = nn.Sequential(
            PlainPseudoBlock(first, second, 2), PlainPseudoBlock(second, third, 2), PlainPseudoBlock(third, fourth, 1)
        )
        self.head = PlainParts(16, fourth, feature)
        self.neck = PlainNeck(16, feature, subjects)

    def forward(self, frames: Tensor) -> GaitOutput:
        features = each_frame(nn.Sequential(self.conv, self.norm, nn.ReLU(), self.stage1), frames.transpose(1, 2))
        embeddings = self.head(pool_strips(self.stages(features).max(2).values, (16,)))
        return GaitOutput(embeddings, self.neck(embeddings))


class PlainSpaceTimeBlock(nn.Module):
    """A residual block whose convolutions are over space and time."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        steps = (1, stride, stride)
        self.conv1 = nn.Conv3d(inputs, outputs, 3, stride=steps, padding=1, bias=False)
        self.norm1 = nn.BatchNorm3d(outputs)
        self.conv2 = nn.Conv3d(outputs, outputs, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm3d(outputs)
        self.shortcut = nn.Sequential()
        if stride > 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                nn.Conv3d(inputs, outputs, 1, stride=steps, bias=False), nn.BatchNorm3d(outputs)
            )

    def forward(self, features: Tensor) -> Tensor:
        inner = F.relu(self.norm1(self.conv1(features)))
        return F.relu(self.norm2(self.conv2(inner)) + self.shortcut(features))


class PlainSmallDeepGaitV2(nn.Module):
    """DeepGaitV2 of two narrow stages, all over space and time or none; the second has two blocks."""

    def __init__(self, mode: str, subjects: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(4)
        self.stage1 = PlainBlock(4, 4, 2)
        self.flat = mode == "2d"
        kind = PlainBlock if self.flat else PlainSpaceTimeBlock
        self.stage2 = nn.Sequential(kind(4, 6, 2), kind(6, 6, 1))
        self.head = PlainParts(9, 6, 5)
        self.neck = PlainNeck(9, 5, subjects)

    def forward(self, frames: Tensor) -> GaitOutput:
        features = each_frame(nn.Sequential(self.conv, self.norm, nn.ReLU(), self.stage1), frames.transpose(1, 2))
        features = each_frame(self.stage2, features) if self.flat else self.stage2(features)
        embeddings = self.head(pool_strips(features.max(2).values, (8, 1)))
        return GaitOutput(embeddings, self.neck(embeddings))


class PlainGEINet(nn.Module):
    """GEINet without dropout, narrow."""

    def __init__(self, subjects: int, embedding: str) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 7)
        self.conv2 = nn.Conv2d(6, 8, 5)
        self.fc3 = nn.Linear(8 * 12 * 7, 20)
        self.fc4 = nn.Linear(20, subjects)
        self.embedding = embedding

    @staticmethod
    def respond(features: Tensor) -> Tensor:
        """Each value less, the more its neighbors in a window of five channels respond."""
        squares, terms = features.square(), []
        for channel in range(features.shape[1]):
            near = squares[:, max(channel - 2, 0) : channel + 3].sum(1)
            terms.append(features[:, channel] / (1 + 1e-4 * near / 5) ** 0.75)
        return torch.stack(terms, dim=1)

    def forward(self, frames: Tensor) -> GaitOutput:
        image = sum(frames.unbind(1)) / frames.shape[1]
        features = self.respond(F.max_pool2d(F.relu(self.conv1(image)), 2, 2))
        features = self.respond(F.max_pool2d(F.relu(self.conv2(features)), 3, 2))
        hidden = F.relu(self.fc3(features.flatten(1)))
        logits = self.fc4(hidden)
        return GaitOutput((hidden if self.embedding == "fc3" else logits)[:, None], logits[:, None])


class PlainGaitNet(nn.Module):
    """GaitNet's evaluation of clips of 64 x 32 px, "cvpr" or "tpami", on the weights of the network itself."""

    def __init__(self, network: nn.Module, variant: str, codes: tuple[int, int, int], share: float) -> None:
        super().__init__()
        self.weights = dict(network.state_dict())
        self.strided, (self.appearance, self.canonical, self.pose), self.share = variant == "cvpr", codes, share

    def norm(self, name: str, features: Tensor) -> Tensor:
        shape = (1, -1) + (1,) * (features.ndim - 2)
        mean, var, weight, bias = (
            self.weights[f"{name}.{entry}"].view(shape) for entry in ("running_mean", "running_var", "weight", "bias")
        )
        return (features - mean) / (var + 1e-5).sqrt() * weight + bias

    def block(self, name: str, features: Tensor, stride: int = 1, up: bool = False) -> Tensor:
        convolve = F.conv_transpose2d if up else F.conv2d
        convolved = convolve(
            features, self.weights[f"{name}.0.weight"], self.weights[f"{name}.0.bias"], stride=stride, padding=1
        )
        return F.leaky_relu(self.norm(f"{name}.1", convolved), 0.2)

    def linear(self, name: str, features: Tensor) -> Tensor:
        return features @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"]

    def encode(self, pictures: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Canonical, appearance and pose code of (picture, channel, height, width)."""
        if self.strided:  # halve, then once more at that size, four times
            for number in range(8):
                pictures = self.block(f"encoder.{number}", pictures, stride=1 if number % 2 else 2)
            flat, norm = 9, 10
        else:
            for number, size in enumerate(((32, 16), (16, 8))):
                pictures = F.adaptive_max_pool2d(self.block(f"encoder.{2 * number}", pictures), size)
            pictures = self.block("encoder.5", self.block("encoder.4", pictures))
            pictures, flat, norm = F.adaptive_max_pool2d(pictures, (4, 2)), 8, 9
        every = self.norm(f"encoder.{norm}", self.linear(f"encoder.{flat}", pictures.flatten(1)))
        ends = self.canonical, self.canonical + self.appearance
        return every[:, : ends[0]], every[:, ends[0] : ends[1]], every[:, ends[1] :]

    def decode(self, canonical: Tensor, appearance: Tensor, pose: Tensor) -> Tensor:
        """Pictures that have these codes."""
        every = self.linear("widen.0", torch.cat([canonical, appearance, pose], dim=1))
        features = F.leaky_relu(self.norm("widen.1", every), 0.2).view(len(pose), -1, 4, 2)
        if self.strided:
            features = self.block("decoder.1", features)
            for number in range(3):
                features = self.block(f"decoder.{2 + 2 * number}", features, stride=2, up=True)
                features = self.block(f"decoder.{3 + 2 * number}", features)
            last = 8
        else:
            for number in range(3):
                features = self.block(f"decoder.{1 + number}", features, stride=2, up=True)
            last = 4
        weight, bias = self.weights[f"decoder.{last}.weight"], self.weights[f"decoder.{last}.bias"]
        return torch.sigmoid(F.conv_transpose2d(features, weight, bias, stride=2, padding=1))

    def gait(self, pose: Tensor) -> Tensor:
        """The gait feature of one clip's (time, feature): three layers of an LSTM, mean over time, norm."""
        inputs = list(pose)
        for layer in range(3):
            names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            to_gates, back, first_bias, second_bias = (self.weights[f"lstm.{name}_l{layer}"] for name in names)
            hidden = cell = pose.new_zeros(back.shape[1])
            outputs = []
            for value in inputs:
                gates = to_gates @ value + first_bias + back @ hidden + second_bias
                admit, forget, new, show = gates.chunk(4)
                cell = forget.sigmoid() * cell + admit.sigmoid() * new.tanh()
                hidden = show.sigmoid() * cell.tanh()
                outputs.append(hidden)
            inputs = outputs
        mean = sum(inputs) / len(inputs)
        return F.leaky_relu(self.norm("norm", mean[None]), 0.2)[0]

    def forward(self, frames: Tensor) -> GaitOutput:
        rows, answers = [], []
        for clip in frames:
            canonical, _, pose = self.encode(clip)
            gait = self.gait(pose)
            direction = self.share**0.5 * gait / gait.norm()
            if self.canonical:
                body = canonical.mean(0)
                direction = torch.cat([(1 - self.share) ** 0.5 * body / body.norm(), direction])
            rows.append(direction[None])
            answers.append(self.norm("classifier.1", self.linear("classifier.0", gait[None])))
        return GaitOutput(torch.stack(rows), torch.stack(answers))


def share_weights(plain: nn.Module, network: nn.Module) -> dict[str, str]:
    """Copy all parameters and buffers of `network` into `plain`, matched by their order within equal shapes.

    Returns:
        The name that each entry of `plain` has in `network`.
    """
    ours, names = list(network.state_dict().items()), {}
    with torch.no_grad():
        for name, theirs in plain.state_dict().items():
            position = next(i for i, (_, value) in enumerate(ours) if value.shape == theirs.shape)
            names[name], value = ours.pop(position)
            theirs.copy_(value)
    assert not ours
    return names

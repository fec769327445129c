"""A TensorFlow Lite network as a torch module: MediaPipe's segmenters, one picture or a batch, on any device.

Only the operations of those networks are known.

Source: the schema of TensorFlow Lite's flat buffers, version 3.
Deviations: none in what is computed; padding, half-pixel resizing and the transposed convolution are those of the
reference kernels. A 1 x 1 convolution of resized maps comes before the resizing, which is a quarter of the work.
"""

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from walkprint.core.errors import DataError

_NAMES = {
    0: "add", 1: "mean", 3: "conv", 4: "depthwise", 6: "copy", 14: "sigmoid", 18: "mul", 19: "relu", 23: "resize",
    32: "transposed", 34: "pad", 117: "hard_swish",
}  # fmt: skip
_ACTIVATIONS: dict[int, Callable[[Tensor], Tensor]] = {
    0: lambda maps: maps,
    1: F.relu_,
    3: lambda maps: maps.clamp_(0, 6),
}
_TYPES: dict[int, type[np.generic]] = {0: np.float32, 1: np.float16, 2: np.int32}


class _Table:
    """One table of a flat buffer."""

    def __init__(self, data: bytes, at: int) -> None:
        self.data, self.at = data, at
        self.fields = at - struct.unpack_from("<i", data, at)[0]

    def _where(self, field: int) -> int:
        size = struct.unpack_from("<H", self.data, self.fields)[0]
        slot = 4 + 2 * field
        offset = struct.unpack_from("<H", self.data, self.fields + slot)[0] if slot < size else 0
        return self.at + offset if offset else 0

    def number(self, field: int, kind: str, default: int = 0) -> int:
        where = self._where(field)
        return struct.unpack_from(f"<{kind}", self.data, where)[0] if where else default

    def table(self, field: int) -> "_Table":
        where = self._where(field)
        return _Table(self.data, where + struct.unpack_from("<I", self.data, where)[0])

    def _vector(self, field: int) -> tuple[int, int]:
        where = self._where(field)
        if not where:
            return 0, 0
        start = where + struct.unpack_from("<I", self.data, where)[0]
        return start + 4, struct.unpack_from("<I", self.data, start)[0]

    def tables(self, field: int) -> list["_Table"]:
        start, count = self._vector(field)
        places = [start + 4 * i for i in range(count)]
        return [_Table(self.data, place + struct.unpack_from("<I", self.data, place)[0]) for place in places]

    def integers(self, field: int) -> list[int]:
        start, count = self._vector(field)
        return list(struct.unpack_from(f"<{count}i", self.data, start))

    def raw(self, field: int) -> bytes:
        start, count = self._vector(field)
        return self.data[start : start + count]


@dataclass(frozen=True, slots=True)
class _Step:
    """One operation: its name, what it reads and writes, and what of that no later one reads."""

    name: str
    inputs: tuple[int, ...]
    output: int
    done: tuple[int, ...] = ()
    stride: int = 1
    padded: bool = True
    activation: int = 0


class TfliteNetwork(nn.Module):
    """A network of a `.tflite` file, to run without gradients.

    Args:
        path: the file; float32 or float16 weights.
        output: name of the output, where the network has several.

    Raises:
        DataError: the file is damaged, or needs an operation that is not known here.
    """

    def __init__(self, path: str | Path, output: str = "") -> None:
        super().__init__()
        try:
            graph, buffers, codes = _graph(Path(path).read_bytes())
            tensors = graph.tables(0)
            self._input, outputs = graph.integers(1)[0], graph.integers(2)
            self._output = next(i for i in outputs if output in ("", tensors[i].raw(3).decode()))
            steps = _needed([_step(one, codes) for one in graph.tables(3)], self._output)
            constants = {i: _constant(one, buffers) for i, one in enumerate(tensors)}
        except (OSError, struct.error, IndexError, KeyError, ValueError, StopIteration) as error:
            raise DataError(f"{path}: not a network that can be read ({error!r})") from error
        for step in steps:  # weights stored in half precision
            if step.name == "copy" and constants[step.inputs[0]] is not None:
                constants[step.output] = constants[step.inputs[0]]
        steps = [step for step in steps if step.name != "copy"]
        self._sizes: dict[int, list[Any]] = {}
        self._weights: dict[int, str] = {}
        for step in steps:
            for i in step.inputs:
                value = constants.get(i)
                if value is not None and value.dtype == np.int32:
                    self._sizes[i] = value.tolist()
                elif value is not None and i not in self._weights:
                    self._weights[i] = f"weight_{i}"
                    self.register_buffer(self._weights[i], _turned(value, step.name))
        single = {i for i in self._weights if self.get_buffer(self._weights[i]).shape[2:] == (1, 1)}
        self._steps = _with_ends(_small_first(steps, single), {self._input, *self._sizes, *self._weights})

    def forward(self, pictures: Tensor) -> Tensor:
        """Run it.

        Args:
            pictures: (batch, channel, height, width), 0 to 1.

        Returns:
            (batch, channel, height, width) of its output.
        """
        known: dict[int, Any] = {i: self._buffers[name] for i, name in self._weights.items()}
        known |= {**self._sizes, self._input: pictures}
        for step in self._steps:
            known[step.output] = _RUN[step.name](step, *[known[i] for i in step.inputs])
            for i in step.done:
                del known[i]
        found: Tensor = known[self._output]
        return found


def _needed(steps: Sequence[_Step], output: int) -> list[_Step]:
    """The steps that lead to an output."""
    wanted, kept = {output}, []
    for step in reversed(steps):
        if step.output in wanted:
            if step.name not in _NAMES.values():
                raise KeyError(step.name)
            wanted.update(step.inputs)
            kept.append(step)
    return kept[::-1]


def _small_first(steps: Sequence[_Step], single: set[int]) -> list[_Step]:
    """Convolutions of single pixels before the resizing that they follow; both are linear."""
    steps = list(steps)
    for n, (resize, conv) in enumerate(pairwise(steps)):
        readers = [resize.output in step.inputs for step in steps].count(True)
        if (resize.name, conv.name, conv.activation, readers) != ("resize", "conv", 0, 1):
            continue
        if conv.inputs[0] == resize.output and conv.inputs[1] in single:
            steps[n] = replace(conv, inputs=(resize.inputs[0], *conv.inputs[1:]), output=resize.output)
            steps[n + 1] = replace(resize, inputs=(resize.output, *resize.inputs[1:]), output=conv.output)
    return steps


def _with_ends(steps: Sequence[_Step], kept: set[int]) -> list[_Step]:
    """With what no later step reads, which need not be held, and may be overwritten."""
    last = {i: n for n, step in enumerate(steps) for i in step.inputs if i not in kept}
    return [
        replace(step, done=tuple(i for i in dict.fromkeys(step.inputs) if last.get(i) == n))
        for n, step in enumerate(steps)
    ]


def _graph(data: bytes) -> tuple[_Table, list[_Table], list[str]]:
    model = _Table(data, struct.unpack_from("<I", data, 0)[0])
    codes = []
    for one in model.tables(1):
        number = max(one.number(0, "b"), one.number(3, "i"))
        custom = one.raw(1).decode("ascii", "replace")
        codes.append(custom or _NAMES.get(number, f"operation {number}"))
    return model.tables(2)[0], model.tables(4), codes


def _step(one: _Table, codes: Sequence[str]) -> _Step:
    name = {"Convolution2DTransposeBias": "transposed"}.get(codes[one.number(0, "I")], codes[one.number(0, "I")])
    step = _Step(name, tuple(one.integers(1)), one.integers(2)[0])
    if name not in {"conv", "depthwise", "add"}:
        return step
    options = one.table(4)
    activation = options.number({"add": 0, "conv": 3, "depthwise": 4}[name], "b")
    if activation not in _ACTIVATIONS:
        raise KeyError(f"activation {activation}")
    if name == "add":
        return replace(step, activation=activation)
    return replace(step, stride=options.number(1, "i", 1), padded=not options.number(0, "b"), activation=activation)


def _constant(one: _Table, buffers: Sequence[_Table]) -> NDArray[Any] | None:
    raw = buffers[one.number(2, "I")].raw(0)
    if not raw:
        return None
    value = np.frombuffer(raw, _TYPES[one.number(1, "b")]).reshape(one.integers(0))
    return value if value.dtype == np.int32 else value.astype(np.float32)


def _turned(value: NDArray[np.float32], reader: str) -> Tensor:
    """Weights in torch's order of axes; channels lie last in memory, and so do those of the maps."""
    if value.ndim < 4:
        return torch.from_numpy(value)
    axes = {"conv": (0, 3, 1, 2), "depthwise": (3, 0, 1, 2), "transposed": (3, 0, 1, 2)}[reader]
    return torch.from_numpy(value).permute(axes).contiguous(memory_format=torch.channels_last)


def _conv(step: _Step, maps: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    kernel, groups, padding = weight.shape[-1], maps.shape[1] if step.name == "depthwise" else 1, 0
    if step.padded and step.stride == 1 and kernel % 2:
        padding = kernel // 2
    elif step.padded:
        maps = _padded(maps, kernel, step.stride)
    return _ACTIVATIONS[step.activation](F.conv2d(maps, weight, bias, step.stride, padding, groups=groups))


def _spread(step: _Step, maps: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """A transposed convolution whose kernel is its stride: each pixel becomes a square of its own."""
    batch, channels, height, width = maps.shape
    pixels = maps.permute(0, 2, 3, 1).reshape(batch, -1, channels).transpose(1, 2)
    squares = weight.reshape(channels, -1).t() @ pixels + bias.repeat_interleave(weight[0, 0].numel())[:, None]
    return F.pixel_shuffle(squares.view(batch, -1, height, width), weight.shape[-1])


_RUN: dict[str, Callable[..., Tensor]] = {
    "conv": _conv,
    "depthwise": _conv,
    "transposed": _spread,
    "add": lambda step, maps, others: _ACTIVATIONS[step.activation](maps + others),
    "mul": lambda step, maps, others: maps * others,
    "relu": lambda step, maps: F.relu(maps, inplace=bool(step.done)),
    "sigmoid": lambda step, maps: torch.sigmoid(maps),
    "hard_swish": lambda step, maps: F.hardswish(maps, inplace=bool(step.done)),
    "mean": lambda step, maps: maps.mean((2, 3), keepdim=True),
    "resize": lambda step, maps, size: F.interpolate(maps, size=size, mode="bilinear", align_corners=False),
    "pad": lambda step, maps, around: F.pad(maps, (*around[2], *around[1])),
}


def _padded(pictures: Tensor, kernel: int, stride: int) -> Tensor:
    """Zeros around, as "same" padding asks: the larger half below and on the right."""
    height, width = pictures.shape[-2:]

    def around(length: int) -> tuple[int, int]:
        missing = max((-(-length // stride) - 1) * stride + kernel - length, 0)
        return missing // 2, missing - missing // 2

    return F.pad(pictures, (*around(width), *around(height)))

"""A TensorFlow Lite network as a torch module: the bundled segmenter on a GPU, in batches.

OpenCV runs the same file picture by picture on the CPU; here whole batches run wherever torch does, which makes the
real segmenter cheap enough to be part of rendering. Only the operations of the bundled networks are known.

Source: the schema of TensorFlow Lite's flat buffers, version 3.
Deviations: none; padding, half-pixel resizing and the transposed convolution are those of the reference kernels.
"""

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
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
    32: "transposed", 117: "hard_swish",
}  # fmt: skip
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
    """One operation: what it is called, which tensors it reads and writes, its stride."""

    name: str
    inputs: tuple[int, ...]
    output: int
    stride: int


class TfliteNetwork(nn.Module):
    """A network of a `.tflite` file.

    Args:
        path: the file; float32 or float16 weights.

    Raises:
        DataError: the file is damaged, or holds an operation that is not known here.
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__()
        try:
            graph, buffers, codes = _graph(Path(path).read_bytes())
            tensors = graph.tables(0)
            self._input, self._output = graph.integers(1)[0], graph.integers(2)[0]
            self._steps = [_step(one, codes) for one in graph.tables(3)]
            constants = {i: _constant(one, buffers) for i, one in enumerate(tensors)}
        except (OSError, struct.error, IndexError, KeyError, ValueError) as error:
            raise DataError(f"{path}: not a network that can be read ({error!r})") from error
        for step in self._steps:  # weights stored in half precision
            if step.name == "copy" and constants[step.inputs[0]] is not None:
                constants[step.output] = constants[step.inputs[0]]
        self._steps = [step for step in self._steps if step.name != "copy"]
        read = {i for step in self._steps for i in step.inputs}
        for i in sorted(read):
            value = constants.get(i)
            if value is not None and value.dtype != np.int32:
                self.register_buffer(f"weight_{i}", torch.from_numpy(_turned(value, self._reader(i))))
        self._sizes = {i: value for i, value in constants.items() if value is not None and value.dtype == np.int32}

    def _reader(self, i: int) -> str:
        return next(step.name for step in self._steps if i in step.inputs)

    def forward(self, pictures: Tensor) -> Tensor:
        """Run it.

        Args:
            pictures: (batch, channel, height, width), 0 to 1.

        Returns:
            (batch, channel, height, width) of its only output.
        """
        known: dict[int, Tensor] = {self._input: pictures}

        def value(i: int) -> Tensor:
            return known[i] if i in known else getattr(self, f"weight_{i}")

        last = {i: n for n, step in enumerate(self._steps) for i in step.inputs}
        for n, step in enumerate(self._steps):
            arguments = [value(i) for i in step.inputs if i not in self._sizes]
            size = next((self._sizes[i].tolist() for i in step.inputs if i in self._sizes), None)
            known[step.output] = _run(step, arguments, size)
            for i in step.inputs:  # what nothing reads any more need not be kept
                if last[i] == n:
                    known.pop(i, None)
        return known[self._output]


def _graph(data: bytes) -> tuple[_Table, list[_Table], list[str]]:
    model = _Table(data, struct.unpack_from("<I", data, 0)[0])
    codes = []
    for one in model.tables(1):
        number = max(one.number(0, "b"), one.number(3, "i"))
        custom = one.raw(1).decode("ascii", "replace")
        codes.append(custom or _NAMES[number])
    return model.tables(2)[0], model.tables(4), codes


def _step(one: _Table, codes: Sequence[str]) -> _Step:
    name = {"Convolution2DTransposeBias": "transposed"}.get(codes[one.number(0, "I")], codes[one.number(0, "I")])
    if name not in _NAMES.values():
        raise KeyError(name)
    stride = one.table(4).number(1, "i", 1) if name in {"conv", "depthwise"} else 1
    return _Step(name, tuple(one.integers(1)), one.integers(2)[0], stride)


def _constant(one: _Table, buffers: Sequence[_Table]) -> NDArray[Any] | None:
    raw = buffers[one.number(2, "I")].raw(0)
    if not raw:
        return None
    value = np.frombuffer(raw, _TYPES[one.number(1, "b")]).reshape(one.integers(0))
    return value if value.dtype == np.int32 else value.astype(np.float32)


def _turned(value: NDArray[np.float32], reader: str) -> NDArray[np.float32]:
    """Weights in torch's order of axes."""
    if value.ndim < 4:
        return value
    axes = {"conv": (0, 3, 1, 2), "depthwise": (3, 0, 1, 2), "transposed": (3, 0, 1, 2)}[reader]
    return np.ascontiguousarray(value.transpose(axes))


def _run(step: _Step, arguments: list[Tensor], size: list[int] | None) -> Tensor:
    first = arguments[0]
    if step.name in {"conv", "depthwise"}:
        weight, bias = arguments[1:]
        groups = first.shape[1] if step.name == "depthwise" else 1
        return F.conv2d(_padded(first, weight.shape[-1], step.stride), weight, bias, step.stride, groups=groups)
    if step.name == "transposed":
        return F.conv_transpose2d(first, arguments[1], arguments[2], stride=arguments[1].shape[-1])
    if step.name == "resize":
        return F.interpolate(first, size=size, mode="bilinear", align_corners=False)
    return _SIMPLE[step.name](*arguments)


_SIMPLE: dict[str, Callable[..., Tensor]] = {
    "add": torch.add,
    "mul": torch.mul,
    "relu": F.relu,
    "sigmoid": torch.sigmoid,
    "hard_swish": F.hardswish,
    "mean": lambda pictures: pictures.mean((2, 3), keepdim=True),
}


def _padded(pictures: Tensor, kernel: int, stride: int) -> Tensor:
    """Zeros around, as "same" padding asks: the larger half below and on the right."""
    height, width = pictures.shape[-2:]

    def around(length: int) -> tuple[int, int]:
        missing = max((-(-length // stride) - 1) * stride + kernel - length, 0)
        return missing // 2, missing - missing // 2

    return F.pad(pictures, (*around(width), *around(height)))

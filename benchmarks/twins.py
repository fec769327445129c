"""The five networks beside their textbook forms, with the same weights, for the benchmarks of speed."""

import math
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.oracles.networks import (
    PlainDeepGaitV2,
    PlainGaitBase,
    PlainGaitGL,
    PlainGaitPart,
    PlainGaitSet,
    share_weights,
)

from walkprint.networks import DeepGaitV2, GaitBase, GaitGL, GaitPart, GaitSet

PAIRS: dict[str, tuple[Callable[[], nn.Module], Callable[[], nn.Module]]] = {
    "GaitSet": (GaitSet, PlainGaitSet),
    "GaitPart": (GaitPart, PlainGaitPart),
    "GaitGL": (lambda: GaitGL(num_subjects=74), lambda: PlainGaitGL(74)),
    "GaitBase": (lambda: GaitBase(num_subjects=74), lambda: PlainGaitBase(74)),
    "DeepGaitV2": (lambda: DeepGaitV2(num_subjects=74), lambda: PlainDeepGaitV2(74)),
}


def pairs(names: Sequence[str]) -> Iterator[tuple[str, nn.Module, nn.Module]]:
    """Name, our network and its textbook form; all five without names."""
    for name in names or PAIRS:
        network, plain = (build() for build in PAIRS[name])
        share_weights(plain, network)
        yield name, network, plain


def silhouettes(batch: int, time: int) -> Tensor:
    """Blobs as frames, (batch, time, 1, 64, 44), 0 or 1."""
    coarse = torch.rand(batch * time, 1, 8, 6)
    return (nn.functional.interpolate(coarse, (64, 44), mode="bilinear") > 0.5).float().view(batch, time, 1, 64, 44)


def with_mean(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows, and one with the geometric mean of their ratios."""
    mean = math.exp(sum(math.log(row["ratio"]) for row in rows) / len(rows))
    return [*rows, {"network": "geometric mean", "ratio": mean}]

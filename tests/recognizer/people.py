"""A few rendered people and a network that only pools, so that tests are quick."""

from functools import cache

import numpy as np
import torch
from torch import Tensor, nn

from walkprint import Walkers
from walkprint.core.batch import GaitOutput
from walkprint.core.sequence import Clip, SequenceKey
from walkprint.networks.base import Network
from walkprint.recognizer.cohort import Cohort

_PEOPLE = Walkers(subjects=60, train=0, views=("090",), takes={"nm": 2}, frames=20)


class Pooling(Network):
    """Parts are stripes of the mean and the spread of the frames; the pixels' usual mean is taken off."""

    def __init__(self, *, rows: int = 8) -> None:
        super().__init__()
        self.rows = rows
        self.usual = nn.Parameter(torch.tensor(_usual_frame()[:, 10:54]), requires_grad=False)

    def forward(self, frames: Tensor) -> GaitOutput:
        seen = torch.cat([(frames.mean(1) - self.usual), frames.std(1, correction=0)], dim=1)
        pooled = nn.functional.adaptive_avg_pool2d(seen, (2 * self.rows, 11))
        return GaitOutput(pooled.unflatten(2, (self.rows, 2)).permute(0, 2, 1, 3, 4).flatten(2), None)


@cache
def clip(name: str, take: int) -> Clip:
    """Take 0 or 1 of a person."""
    return _PEOPLE.read(SequenceKey(name, "nm", f"{take + 1:02d}", "090"))


def clips(name: str) -> tuple[Clip, Clip]:
    """Both takes of a person."""
    return clip(name, 0), clip(name, 1)


@cache
def _usual_frame() -> np.ndarray:
    means = [clip(f"{number:03d}", 0).frames.mean((0, 1)) for number in range(15, 20)]
    return np.mean(means, axis=0).astype(np.float32) / 255


@cache
def strangers(people: int = 20) -> Cohort:
    """People 20 and on, both takes."""
    network, vectors, subjects = Pooling(), [], []
    for number in range(20, 20 + people):
        for walk in clips(f"{number:03d}"):
            unit = network.embed(walk)
            vectors.append(unit / np.linalg.norm(unit, axis=1, keepdims=True))
            subjects.append(number)
    return Cohort(np.stack(vectors).astype(np.float32), np.array(subjects), "Pooling")

"""The smallest network, loss and feed that training can be tried on; also run as a script to be killed."""

import json
import os
import random
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from walkprint.core.batch import ClipBatch, GaitOutput
from walkprint.core.sequence import SequenceKey
from walkprint.losses.base import Loss, LossValue
from walkprint.losses.triplet import TripletLoss
from walkprint.losses.weighted import WeightedLosses
from walkprint.networks.base import Network
from walkprint.networks.gaitset import GaitSet
from walkprint.training import checkpoint
from walkprint.training.fit import FitResult, fit
from walkprint.training.loop import Loop
from walkprint.training.run import RunFolder
from walkprint.training.schedule import CosineWithWarmup

SUBJECTS = ("a", "b", "c", "d")


class TinySet(Network):
    """Mean over frames of a small net; dropout draws from torch, the noise from numpy and Python."""

    height_px, width_px = 8, 6

    def __init__(
        self, *, num_subjects: int = 4, dropout: float = 0.0, noise: float = 0.0, classify: bool = True
    ) -> None:
        super().__init__()
        self.num_subjects, self.noise = num_subjects, noise
        self.convolution = nn.Conv2d(1, 4, 3, padding=1)
        self.dropout = nn.Dropout(dropout)
        self.project = nn.Linear(4 * 8 * 6, 6)
        self.classify = nn.Linear(6, num_subjects) if classify else None

    def forward(self, frames: Tensor) -> GaitOutput:
        batch, time = frames.shape[:2]
        features = self.convolution(frames.flatten(0, 1)).tanh().flatten(1)
        embedding = self.project(self.dropout(features)).unflatten(0, (batch, time)).amax(1)
        if self.training and self.noise:
            embedding = embedding * (1 + self.noise * (np.random.normal() + random.random()))  # noqa: NPY002
        logits = None if self.classify is None else self.classify(embedding)[:, None]
        return GaitOutput(embedding[:, None], logits)


class PairLoss(Loss):
    """Sees the whole batch at once, so that a loss over slices would differ; has a weight of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.margin = nn.Parameter(torch.tensor(0.5))

    def forward(self, output: GaitOutput, subjects: Tensor) -> LossValue:
        flat = output.embeddings.flatten(1)
        distance = (flat[:, None] - flat[None]).square().sum(-1)
        same = subjects[:, None] == subjects[None]
        value = torch.where(same, distance, (self.margin.square() + 1 - distance).relu()).mean() + 0.1 * self.margin**2
        return LossValue(value, {"mean_distance": distance.mean().detach()})


class Classify(Loss):
    def forward(self, output: GaitOutput, subjects: Tensor) -> LossValue:
        assert output.logits is not None
        return LossValue(nn.functional.cross_entropy(output.logits[:, 0], subjects))


class StubBatches:
    """Noise with a brightness of its own for each subject: a pure function of the step.

    While the batch of step `signal[0]` is made, some steps before it is used, the process gets the signal `signal[1]`.
    """

    def __init__(self, size: int = 8, height_px: int = 8, width_px: int = 8, signal: Sequence[int] = (-1, 0)) -> None:
        self.size, self.height_px, self.width_px, self.subjects = size, height_px, width_px, SUBJECTS
        self.signal = signal

    def batch(self, step: int, rank: int = 0, processes: int = 1) -> ClipBatch:
        if step == self.signal[0]:
            os.kill(os.getpid(), self.signal[1])
        rng = np.random.default_rng(step)
        labels = np.arange(self.size) % len(self.subjects)
        frames = (
            rng.integers(0, 128, (self.size, 3, 1, self.height_px, self.width_px))
            + 30 * labels[:, None, None, None, None]
        )
        keys = [SequenceKey(self.subjects[label]) for label in labels]
        whole = ClipBatch(torch.from_numpy(frames.astype(np.uint8)), torch.from_numpy(labels), keys)
        return whole.slice(self.size * rank // processes, self.size * (rank + 1) // processes)


def train(run: Path, **changes: Any) -> FitResult:
    """A run with everything on; `changes` replace arguments of `fit`, settings of its `Loop`, or the record."""
    torch.manual_seed(5)
    network = changes.pop("network", None) or TinySet(dropout=0.3, noise=0.1)
    settings: dict[str, Any] = {
        "steps": 12,
        "optimizer": partial(torch.optim.AdamW, lr=1e-2),
        "scheduler": CosineWithWarmup(steps=40, warmup_steps=3),
        "record": {"network": {"class_path": "TinySet", "init_args": {"num_subjects": 4}}},
        "seed": 3,
        "accelerator": "cpu",
        "clip_norm": 1.0,
        "accumulate": 2,
        "ema_decay": 0.9,
        "log_every": 3,
        "checkpoint_every": 4,
        **changes,
    }
    losses: dict[str, Loss] = settings.pop("losses", None) or {"pair": PairLoss(), "identity": Classify()}
    weights = settings.pop("loss_weights", {"pair": 0.5} if "pair" in losses else {})
    batches = settings.pop("batches", None) or StubBatches()
    loop = Loop(**{one.name: settings.pop(one.name) for one in fields(Loop) if one.name in settings})
    folder = RunFolder(run, settings.pop("record"))
    return fit(network, WeightedLosses(losses, weights), batches, settings.pop("optimizer"), loop, folder, **settings)


def train_alone(run: Path, settings: dict[str, Any], environment: Mapping[str, str], die_in_write: int = 0) -> None:
    """`train` in a process of its own, from plain settings.

    It may kill itself in the middle of the n-th checkpoint's bytes, where a signal from outside seldom strikes.
    """
    os.environ.update(environment)
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests run in the background
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    plain, left = checkpoint.write_atomically, [die_in_write]

    def write(path: Path, content: bytes) -> None:
        left[0] -= path.parent.name == "checkpoints"
        if left[0] == 0 and path.parent.name == "checkpoints":
            path.parent.mkdir(exist_ok=True)
            path.with_name(f".{path.name}.tmp").write_bytes(content[: len(content) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        plain(path, content)

    checkpoint.write_atomically = write
    train(run, **resolve(settings))


def resolve(settings: dict[str, Any]) -> dict[str, Any]:
    """Objects for the settings that name them."""
    settings = dict(settings)
    # What the processes begin with differs; that of the first must win.
    torch.manual_seed(5 + int(os.environ.get("NODE_RANK", "0")) + int(os.environ.get("LOCAL_RANK", "0")))
    if "network" in settings:
        kind = {"TinySet": TinySet, "GaitSet": GaitSet}[settings["network"].get("kind", "TinySet")]
        settings["network"] = kind(**{name: value for name, value in settings["network"].items() if name != "kind"})
    if "batches" in settings:
        settings["batches"] = StubBatches(**settings["batches"])
    if settings.get("optimizer") == "SGD":
        settings["optimizer"] = partial(torch.optim.SGD, lr=1e-2, momentum=0.9)
    if "losses" in settings:
        settings["losses"] = {name: {"pair": PairLoss, "triplet": TripletLoss}[name]() for name in settings["losses"]}
    return settings


if __name__ == "__main__":
    torch.set_num_threads(1)
    train(Path(sys.argv[1]), **resolve(json.loads(sys.argv[2])))

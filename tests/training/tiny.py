"""The smallest network, loss and feed that training can be tried on; also run as a script to be killed."""

import argparse
import json
import os
import random
import signal
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from walkprint.core.batch import ClipBatch, GaitOutput
from walkprint.core.sequence import SequenceKey
from walkprint.losses.base import Loss, LossValue
from walkprint.networks.base import Network
from walkprint.training import checkpoint
from walkprint.training.fit import FitResult, fit
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
        self.embed = nn.Linear(4 * 8 * 6, 6)
        self.classify = nn.Linear(6, num_subjects) if classify else None

    def forward(self, frames: Tensor) -> GaitOutput:
        batch, time = frames.shape[:2]
        features = self.convolution(frames.flatten(0, 1)).tanh().flatten(1)
        embedding = self.embed(self.dropout(features)).unflatten(0, (batch, time)).amax(1)
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
    """Noise with a brightness of its own for each subject: a pure function of the step."""

    def __init__(self, size: int = 8, subjects: Sequence[str] = SUBJECTS, seed: int = 0) -> None:
        self.size, self.subjects, self.seed = size, tuple(subjects), seed

    def batch(self, step: int, part: int = 0, parts: int = 1) -> ClipBatch:
        rng = np.random.default_rng([self.seed, step])
        labels = np.arange(self.size) % len(self.subjects)
        frames = rng.integers(0, 128, (self.size, 3, 1, 8, 8)) + 30 * labels[:, None, None, None, None]
        keys = [SequenceKey(self.subjects[label]) for label in labels]
        whole = ClipBatch(torch.from_numpy(frames.astype(np.uint8)), torch.from_numpy(labels), keys)
        return whole.slice(self.size * part // parts, self.size * (part + 1) // parts)


def train(run: Path, **changes: object) -> FitResult:
    """A run with everything on; `changes` replace arguments of `fit`."""
    torch.manual_seed(5)
    network = changes.pop("network", None) or TinySet(dropout=0.3, noise=0.1)
    settings: dict[str, object] = {
        "steps": 12,
        "optimizer": partial(torch.optim.AdamW, lr=1e-2),
        "scheduler": CosineWithWarmup(steps=40, warmup_steps=3),
        "run": run,
        "recipe": {"network": {"class_path": "TinySet", "init_args": {"num_subjects": 4}}},
        "loss_weights": {"pair": 0.5},
        "seed": 3,
        "accelerator": "cpu",
        "clip_norm": 1.0,
        "accumulate": 2,
        "ema_decay": 0.9,
        "log_every": 3,
        "checkpoint_every": 4,
        **changes,
    }
    losses = settings.pop("losses", None) or {"pair": PairLoss(), "identity": Classify()}
    batches = settings.pop("batches", None) or StubBatches()
    return fit(network, losses, batches, **settings)  # type: ignore[arg-type]


def train_alone(run: Path, settings: dict[str, object], die_in_write: int) -> None:
    """`train` in a process of its own; it may kill itself in the middle of the n-th checkpoint's bytes."""
    torch.set_num_threads(1)
    plain, left = checkpoint.write_atomically, [die_in_write]

    def write(path: Path, content: bytes) -> None:
        left[0] -= path.parent.name == "checkpoints"
        if left[0] == 0 and path.parent.name == "checkpoints":
            path.with_name(f".{path.name}.tmp").write_bytes(content[: len(content) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        plain(path, content)

    checkpoint.write_atomically = write
    train(run, **settings)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("run", type=Path)
    parser.add_argument("--devices", type=int, default=1)
    parser.add_argument("--settings", type=json.loads, default={})
    parser.add_argument("--network", type=json.loads, default=None)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(5 + int(os.environ.get("LOCAL_RANK", "0")))  # the processes must agree all the same
    if arguments.network is not None:
        arguments.settings["network"] = TinySet(**arguments.network)
    if "batch" in arguments.settings:
        arguments.settings["batches"] = StubBatches(arguments.settings.pop("batch"))
    if "only" in arguments.settings:
        arguments.settings["losses"] = {arguments.settings.pop("only"): PairLoss()}
    train(arguments.run, devices=arguments.devices, **arguments.settings)


if __name__ == "__main__":
    main()

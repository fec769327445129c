"""What the training loop costs beside the network: `fit` against a bare loop, on a network of next to no cost."""

import tempfile
from functools import partial
from pathlib import Path

import measure
import torch
from torch import Tensor, nn

from walkprint.core.batch import ClipBatch, GaitOutput
from walkprint.core.sequence import SequenceKey
from walkprint.losses.base import Loss, LossValue
from walkprint.networks.base import Network
from walkprint.training.fit import fit
from walkprint.training.loop import Loop

STEPS = 2000


class Tiny(Network):
    """One linear layer."""

    height_px, width_px = 4, 4

    def __init__(self) -> None:
        super().__init__()
        self.project = nn.Linear(16, 8)

    def forward(self, frames: Tensor) -> GaitOutput:
        """See `Network`."""
        return GaitOutput(self.project(frames.flatten(2)).mean(1, keepdim=True))


class Square(Loss):
    """Mean square of the embeddings."""

    def forward(self, output: GaitOutput, subjects: Tensor) -> LossValue:
        """See `Loss`."""
        return LossValue(output.embeddings.square().mean())


class Same:
    """One batch, again and again."""

    subjects = ("a",)

    def __init__(self) -> None:
        self._batch = ClipBatch(
            torch.randint(0, 255, (4, 2, 1, 4, 4), dtype=torch.uint8),
            torch.zeros(4, dtype=torch.int64),
            [SequenceKey("a")] * 4,
        )

    def batch(self, step: int, rank: int = 0, processes: int = 1) -> ClipBatch:
        """See `Batches`."""
        return self._batch


def bare(batches: Same) -> None:
    network, loss = Tiny(), Square()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01)
    for step in range(STEPS):
        batch = batches.batch(step)
        optimizer.zero_grad()
        loss(network(network.prepare(batch.frames)), batch.subjects).value.backward()
        optimizer.step()


def ours(batches: Same) -> None:
    with tempfile.TemporaryDirectory() as folder:
        fit(
            Tiny(),
            {"square": Square()},
            batches,
            partial(torch.optim.SGD, lr=0.01),
            Loop(steps=STEPS, accelerator="cpu"),
            Path(folder),
        )


def main() -> None:
    torch.set_num_threads(1)
    batches = Same()
    figures = measure.compare(lambda: ours(batches), lambda: bare(batches), rounds=5)
    fit_us, bare_us = (figures[name] / STEPS * 1e6 for name in ("fast_s", "plain_s"))
    rows = [{"fit us/step": fit_us, "bare loop us/step": bare_us, "loop's own cost us/step": fit_us - bare_us}]
    measure.report("training loop", rows)


if __name__ == "__main__":
    main()

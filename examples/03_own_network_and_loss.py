"""A network and a loss of your own: one class each, no registration."""

from functools import partial

import torch
from torch import Tensor, nn

from walkprint import Walkers, fit, prepare
from walkprint.core.batch import GaitOutput
from walkprint.data.frames import Contiguous
from walkprint.data.loading import TrainingBatches
from walkprint.data.sampling import SubjectSampler
from walkprint.losses import Loss, LossValue, TripletLoss, WeightedLosses
from walkprint.networks import Network
from walkprint.training.loop import Loop


class MeanSilhouette(Network):
    """The mean silhouette through one linear layer."""

    def __init__(self, *, features: int = 32) -> None:
        super().__init__()
        self.project = nn.Linear(self.height_px * self.width_px, features)

    def forward(self, frames: Tensor) -> GaitOutput:
        return GaitOutput(self.project(frames.mean(dim=1).flatten(1))[:, None])


class Compactness(Loss):
    """Mean squared length of the embeddings."""

    def forward(self, output: GaitOutput, subjects: Tensor) -> LossValue:
        value = output.embeddings.float().square().mean()
        return LossValue(value, {"length": value.detach().sqrt()})


def main() -> None:
    people = prepare(Walkers(subjects=6, train=4, views=("090",), frames=12), "stores/six", workers=1)
    batches = TrainingBatches(people, chooser=Contiguous(8), sampler=SubjectSampler(4, 4), width_px=44)
    result = fit(
        MeanSilhouette(),
        WeightedLosses({"triplet": TripletLoss(margin=0.5), "compactness": Compactness()}, {"compactness": 0.01}),
        batches,
        partial(torch.optim.AdamW, lr=1e-3),
        Loop(steps=20),
        "runs/mean-silhouette",
    )
    print({name: round(number, 3) for name, number in result.numbers.items()})


if __name__ == "__main__":
    main()

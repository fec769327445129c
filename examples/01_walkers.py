"""Render people, train on some, recognize the others: everything in Python."""

from functools import partial

import torch

from walkprint import Walkers, embed, fit, identify, prepare
from walkprint.data.frames import RandomSubset
from walkprint.data.loading import TrainingBatches
from walkprint.data.sampling import SubjectSampler
from walkprint.losses import TripletLoss
from walkprint.networks import GaitSet
from walkprint.training.loop import Loop


def main() -> None:
    people = prepare(Walkers(subjects=10, views=("072", "108"), frames=16), "stores/few", workers=1)
    batches = TrainingBatches(people, chooser=RandomSubset(8), sampler=SubjectSampler(4, 4), width_px=44)
    torch.manual_seed(0)
    network = GaitSet(channels=(8, 16, 32), feature=32)
    adam = partial(torch.optim.Adam, lr=1e-3)
    fit(network, {"triplet": TripletLoss()}, batches, adam, Loop(steps=10), "runs/few")
    embeddings = embed(network, people, people.keys("test"))
    print(identify(embeddings, people.protocols["identical-view-excluded"]).to_text())


if __name__ == "__main__":
    main()

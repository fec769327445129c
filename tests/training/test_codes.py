"""Networks whose losses judge more than embeddings train as all others do."""

from functools import partial

import pytest
import torch

from walkprint.core.errors import RecipeError
from walkprint.data.frames import Contiguous
from walkprint.data.loading import TrainingBatches
from walkprint.data.packed import Packed
from walkprint.data.prepare import prepare
from walkprint.data.sampling import EvenConditions
from walkprint.data.walkers import ColorWalkers
from walkprint.losses import (
    CanonicalConsistencyLoss,
    CrossReconstructionLoss,
    IncrementalIdentityLoss,
    PoseSimilarityLoss,
    TripletLoss,
)
from walkprint.networks.gaitnet import GaitNet
from walkprint.training.fit import fit
from walkprint.training.loop import Loop

LOSSES = {
    "reconstruction": CrossReconstructionLoss(),
    "similarity": PoseSimilarityLoss(),
    "identity": IncrementalIdentityLoss(),
    "canonical": CanonicalConsistencyLoss(),
}


@pytest.fixture(scope="module")
def batches(tmp_path_factory):
    out = tmp_path_factory.mktemp("people") / "s"
    prepare(ColorWalkers(subjects=2, train=2, views=["090"], takes={"nm": 1, "cl": 1}, frames=4), out, workers=1)
    people = Packed(out)
    return TrainingBatches(
        people.store(), people.keys("train"), chooser=Contiguous(3), sampler=EvenConditions(2, 2), width_px=32
    )


def learned(batches, run, steps, losses=LOSSES):
    torch.manual_seed(0)
    network = GaitNet(num_subjects=2, variant="cvpr", width=4, codes=(6, 4, 3), hidden=5)
    make = partial(torch.optim.Adam, lr=1e-2)
    return fit(network, losses, batches, make, Loop(steps=steps, accelerator="cpu", log_every=1), run)


def test_pairs_are_of_two_conditions(batches):
    keys = batches.batch(0).keys
    assert [key.subject for key in keys] == sorted(key.subject for key in keys)
    assert {(key.subject, key.condition) for key in keys} == {(s, c) for s in ("001", "002") for c in ("nm", "cl")}


def test_resuming_goes_on_as_if_nothing_had_happened(batches, tmp_path):
    whole = learned(batches, tmp_path / "whole", 4)
    learned(batches, tmp_path / "parts", 2)
    parts = learned(batches, tmp_path / "parts", 4)
    assert {f"{name}/loss" for name in LOSSES} <= set(parts.numbers)
    for one, other in zip(whole.network.parameters(), parts.network.parameters(), strict=True):
        assert torch.equal(one, other)


def test_what_no_loss_judges_stays_as_it_is_without_being_in_the_way(batches, tmp_path):
    kept = {"similarity": PoseSimilarityLoss()}
    torch.manual_seed(0)
    fresh = GaitNet(num_subjects=2, variant="cvpr", width=4, codes=(6, 4, 3), hidden=5)
    network = learned(batches, tmp_path / "run", 2, kept).network
    assert torch.equal(fresh.decoder[-2].weight, network.decoder[-2].weight.cpu())
    assert not torch.equal(fresh.encoder[0][0].weight, network.encoder[0][0].weight.cpu())


def test_a_network_without_codes_is_named(batches, tmp_path):
    class Bare(GaitNet):
        def forward(self, frames):
            output = super().forward(frames)
            return type(output)(output.embeddings, output.logits)

    make = partial(torch.optim.SGD, lr=0.1)
    network = Bare(num_subjects=2, width=4, hidden=5)
    with pytest.raises(RecipeError, match="use GaitNet"):
        fit(network, LOSSES, batches, make, Loop(steps=1, accelerator="cpu"), tmp_path / "run")
    losses = {"triplet": TripletLoss()}
    fit(network, losses, batches, make, Loop(steps=1, accelerator="cpu"), tmp_path / "other")

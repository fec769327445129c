"""A training step never asks the device for a number: each time, a GPU would have to come to a halt."""

import contextlib
from functools import partial

import pytest
import torch
from lightning_fabric import Fabric
from tests.data.miniatures import write_store
from torch.profiler import ProfilerActivity, profile

from walkprint.core.batch import GaitOutput
from walkprint.core.sequence import SequenceKey
from walkprint.data.augment import Erasing, Flip, Rotation
from walkprint.data.frames import RandomSubset
from walkprint.data.loading import prefetched
from walkprint.data.resident import ResidentBatches
from walkprint.data.sampling import SubjectSampler
from walkprint.losses import (
    CenterLoss,
    ClassUniformityLoss,
    CrossEntropyLoss,
    GeneralizedInterClassLoss,
    TripletLoss,
    WeightedLosses,
    WeightedTripletLoss,
)
from walkprint.losses.pairs import _terms_by_order, pair_distances, positives
from walkprint.networks import GaitSet
from walkprint.training.learner import Learner
from walkprint.training.loop import Log, Loop

KEYS = [SequenceKey(subject, "nm", f"0{take}", "000") for subject in ("007", "011", "020") for take in range(4)]
WAITING = {"aten::item", "aten::_local_scalar_dense", "aten::nonzero", "aten::is_nonzero", "aten::_unique2"}


@contextlib.contextmanager
def counting(found):
    """How often the code inside asks for a number, by name."""
    with profile(activities=[ProfilerActivity.CPU]) as seen:
        yield
    found |= {one.key: one.count for one in seen.key_averages() if one.key in WAITING}


def test_ten_steps_without_waiting(tmp_path):
    store = write_store(tmp_path / "s", dict.fromkeys(KEYS, 5))[0]
    batches = ResidentBatches(
        store,
        KEYS,
        chooser=RandomSubset(3),
        sampler=SubjectSampler(2, 2),
        augmentations=(Flip(), Rotation(), Erasing()),
        device="cpu",
    )
    network = GaitSet(channels=(2, 2, 2), strips=(2,), feature=4, num_subjects=3, height_px=8, width_px=12)
    losses = WeightedLosses({"triplet": TripletLoss(within=["view"]), "identity": CrossEntropyLoss()})
    fabric, make = Fabric(accelerator="cpu", devices=1), partial(torch.optim.SGD, lr=0.001)
    learner = Learner(fabric, network, losses, make, None, Loop(steps=11))
    log, found = Log(check_gradient=True), {}
    with contextlib.closing(prefetched(batches, 0, 11)) as feed:
        log.add(1, learner.learn([next(feed)]))
        with counting(found):
            for step in range(2, 12):
                log.add(step, learner.learn([next(feed)]))
    assert found == {}
    assert log.take()["loss"] > 0  # numbers are read here, all at once


LOSSES = {
    "triplet": TripletLoss,
    "hard": lambda: TripletLoss(mining="hard"),
    "weighted": WeightedTripletLoss,
    "within": lambda: WeightedTripletLoss(within=["condition", "view"]),
    "uniformity": ClassUniformityLoss,
    "generalized": GeneralizedInterClassLoss,
    "identity": CrossEntropyLoss,
    "center": lambda: CenterLoss(num_subjects=3, parts=2, features=4),
}


@pytest.mark.parametrize("name", LOSSES)
def test_losses_do_not_wait(name):
    loss, found = LOSSES[name](), {}
    output = GaitOutput(torch.randn(6, 2, 4, requires_grad=True), torch.randn(6, 2, 3, requires_grad=True))
    subjects = torch.tensor([0, 0, 1, 1, 2, 0])
    with counting(found):
        loss(output, subjects, torch.zeros(6, 3, dtype=torch.int64)).value.backward()
    assert found == {}


def test_what_a_gpu_does_for_triplets_does_not_wait():
    distances, subjects, found = pair_distances(torch.randn(2, 6, 4)), torch.tensor([0, 0, 1, 1, 2, 0]), {}
    with counting(found):
        _terms_by_order(distances, *positives(subjects, self_pairs=False), 0.2)
    assert found == {}

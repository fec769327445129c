"""Negatives from one source only: every loss over pairs against slow twins, and what it refuses."""

import inspect
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from tests.contracts.test_every_loss import build, every_loss
from tests.oracles.inter_class import pairwise_softmax, weighted_triplet
from tests.oracles.triplet import hard_triplet, triplet
from torch import Tensor

from walkprint.core.batch import GaitOutput
from walkprint.core.errors import DataError, RecipeError
from walkprint.losses import (
    CircleLoss,
    GeneralizedInterClassLoss,
    PairwiseSoftmaxLoss,
    SupervisedContrastiveLoss,
    TripletLoss,
    WeightedTripletLoss,
)
from walkprint.losses.base import Loss

SUBJECTS = torch.tensor([0, 0, 0, 1, 1, 2, 2, 3])
RECORDINGS = torch.tensor([[0, 0, 0], [1, 1, 2], [0, 2, 1], [0, 0, 0], [1, 0, 2], [1, 1, 2], [0, 0, 1], [2, 0, 3]])
FIELDS = (("view",), ("condition",), ("condition", "view"), ("take",))  # the last clip has no negative of its view
OVER_PAIRS = {kind.__name__: kind for kind in every_loss() if "within" in inspect.signature(kind).parameters}


def origin(fields: tuple[str, ...]) -> list[tuple[int, ...]]:
    columns = [("condition", "take", "view").index(field) for field in fields]
    return [tuple(int(row[column]) for column in columns) for row in RECORDINGS]


def embeddings() -> Tensor:
    return torch.randn(8, 2, 5, generator=torch.Generator().manual_seed(3), dtype=torch.float64).requires_grad_()


def contrast(vectors: Tensor, fields: tuple[str, ...]) -> Tensor:
    """Supervised contrastive: each anchor's positives against its positives and negatives, anchors without left out."""
    terms, come = [], origin(fields)
    for part in range(vectors.shape[1]):
        cosines = F.normalize(vectors[:, part], dim=1) @ F.normalize(vectors[:, part], dim=1).T / 0.1
        found = []
        for a, subject in enumerate(SUBJECTS):
            positive = [i for i, one in enumerate(SUBJECTS) if one == subject and i != a]
            negative = [i for i, one in enumerate(SUBJECTS) if one != subject and come[i] == come[a]]
            if positive and negative:
                total = torch.logsumexp(cosines[a, positive + negative], 0)
                found.append(-(cosines[a, positive] - total).mean())
        terms.append(torch.stack([one for one in found if one > 0]).mean())
    return torch.stack(terms).mean()


TWINS = {
    "all": (
        partial(TripletLoss, margin=0.7, self_pairs=False),
        lambda e, o: triplet(e, SUBJECTS, margin=0.7, self_pairs=False, origin=o)[0],
    ),
    "hard": (partial(TripletLoss, mining="hard"), lambda e, o: hard_triplet(e, SUBJECTS, margin=0.2, origin=o)),
    "weighted": (partial(WeightedTripletLoss, margin=0.3), lambda e, o: weighted_triplet(e, SUBJECTS, 0.3, o)[0]),
    "softmax": (
        partial(PairwiseSoftmaxLoss, temperature=0.4),
        lambda e, o: pairwise_softmax(e, SUBJECTS, 0.4, origin=o),
    ),
}


@pytest.mark.parametrize("fields", FIELDS, ids="+".join)
@pytest.mark.parametrize("name", TWINS)
def test_equals_the_slow_twin(name: str, fields: tuple[str, ...]) -> None:
    make, twin = TWINS[name]
    vectors = embeddings()
    value = make(within=fields)(GaitOutput(vectors), SUBJECTS, RECORDINGS).value
    slow = twin(vectors, origin(fields))
    torch.testing.assert_close(value, slow, rtol=0, atol=1e-6)
    ours, theirs = (torch.autograd.grad(one, vectors)[0].nan_to_num() for one in (value, slow))
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-6)


@pytest.mark.parametrize("fields", FIELDS, ids="+".join)
def test_numbers_count_what_counts(fields: tuple[str, ...]) -> None:
    vectors = embeddings()
    plain = TripletLoss(margin=0.7, within=fields)(GaitOutput(vectors), SUBJECTS, RECORDINGS)
    _, active = triplet(vectors, SUBJECTS, margin=0.7, self_pairs=True, origin=origin(fields))
    assert plain.numbers["active"].item() == pytest.approx(active)
    weighted = WeightedTripletLoss(margin=0.3, within=fields)(GaitOutput(vectors), SUBJECTS, RECORDINGS)
    _, margin = weighted_triplet(vectors, SUBJECTS, 0.3, origin(fields))
    assert weighted.numbers["automatic_margin"].item() == pytest.approx(margin, abs=1e-6)


@pytest.mark.parametrize("fields", FIELDS, ids="+".join)
def test_supervised_contrast_equals_the_slow_twin(fields: tuple[str, ...]) -> None:
    vectors = embeddings()
    value = SupervisedContrastiveLoss(within=fields)(GaitOutput(vectors), SUBJECTS, RECORDINGS).value
    torch.testing.assert_close(value, contrast(vectors, fields))


def test_both_terms_of_the_inter_class_loss_take_it() -> None:
    output = GaitOutput(embeddings(), embeddings())
    whole = GeneralizedInterClassLoss(form="softmax", within=["view"])(output, SUBJECTS, RECORDINGS).numbers
    for name, kind in {"triplet": WeightedTripletLoss, "softmax": PairwiseSoftmaxLoss}.items():
        torch.testing.assert_close(whole[name], kind(within=["view"])(output, SUBJECTS, RECORDINGS).value.detach())


@pytest.mark.parametrize("name", OVER_PAIRS)
def test_one_source_for_all_is_no_restriction(name: str) -> None:
    output = GaitOutput(embeddings(), embeddings())
    within = OVER_PAIRS[name](within=["view", "take"])(output, SUBJECTS, torch.zeros(8, 3, dtype=torch.int64))
    torch.testing.assert_close(within.value, build(OVER_PAIRS[name])(output, SUBJECTS).value)


@pytest.mark.parametrize("name", OVER_PAIRS)
def test_without_a_negative_nothing_is_infinite(name: str) -> None:
    vectors = embeddings()
    apart = torch.arange(8).unsqueeze(1).expand(8, 3)
    value = OVER_PAIRS[name](within=["view"])(GaitOutput(vectors, vectors), SUBJECTS, apart).value
    assert torch.autograd.grad(value, vectors)[0].isfinite().all()
    assert value.isfinite()


@pytest.mark.parametrize("name", OVER_PAIRS)
def test_without_recordings_it_is_refused(name: str) -> None:
    loss: Loss = OVER_PAIRS[name](within=["view"])
    for recordings in (None, RECORDINGS[:4]):
        with pytest.raises(DataError, match=f"{name}: negatives within one view.*recordings") as caught:
            loss(GaitOutput(embeddings()), SUBJECTS, recordings)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("within", ["view", ["camera"]])
def test_unknown_fields_are_refused(within: object) -> None:
    with pytest.raises(RecipeError, match=r"within is .*condition.*take.*view"):
        TripletLoss(within=within)  # type: ignore[arg-type]


def test_all_losses_over_pairs_have_it() -> None:
    named = {TripletLoss, WeightedTripletLoss, PairwiseSoftmaxLoss, GeneralizedInterClassLoss, CircleLoss}
    assert {one.__name__ for one in named | {SupervisedContrastiveLoss}} == set(OVER_PAIRS)

import numpy as np
import pytest
import torch
from pytorch_metric_learning.losses import TripletMarginLoss
from pytorch_metric_learning.reducers import AvgNonZeroReducer
from tests.oracles.triplet import hard_triplet, textbook_triplet, triplet
from torch import Tensor

from walkprint.core.batch import GaitOutput
from walkprint.core.errors import DataError, RecipeError
from walkprint.losses import pairs
from walkprint.losses.triplet import TripletLoss

EVEN = [0, 0, 0, 1, 1, 1, 2, 2, 2]
UNEVEN = [4, 0, 0, 1, 4, 4, 4, 2]


def clips(count: int, *, parts: int = 3, feature: int = 5, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, parts, feature, generator=generator, dtype=torch.float64).requires_grad_()


def value_and_gradient(loss: TripletLoss, embeddings: Tensor, subjects: list[int]) -> tuple[Tensor, Tensor]:
    value = loss(GaitOutput(embeddings), torch.tensor(subjects)).value
    return value, torch.autograd.grad(value, embeddings)[0]


@pytest.mark.parametrize("case", ["triplet", "triplet_dup", "triplet_allzero"])
def test_equals_the_reference(shared, case):
    with np.load(shared / "parity" / "losses.npz") as reference:
        embeddings = torch.from_numpy(reference[f"{case}/embeddings"]).transpose(1, 2).clone().requires_grad_()
        result = TripletLoss()(GaitOutput(embeddings), torch.from_numpy(reference[f"{case}/labels"]))
        (gradient,) = torch.autograd.grad(result.value, embeddings)
        assert result.value.item() == pytest.approx(float(reference[f"{case}/loss"]), rel=1e-5)
        expected = reference[f"{case}/grad"].swapaxes(1, 2)
        np.testing.assert_allclose(gradient, expected, rtol=0, atol=1e-5 * max(abs(expected).max(), 1e-9))
        triplets = 12 * 3 * 9
        assert result.numbers["active"].item() == pytest.approx(
            reference[f"{case}/info/loss_num"].mean() / triplets, abs=1e-6
        )
        assert result.numbers["mean_distance"].item() == pytest.approx(
            reference[f"{case}/info/mean_dist"].mean(), rel=1e-4
        )


@pytest.mark.parametrize("self_pairs", [True, False])
@pytest.mark.parametrize("subjects", [EVEN, UNEVEN, [0, 0, 0], [0, 1, 2, 3], [5], [0, 1]])
def test_equals_the_slow_twin(subjects, self_pairs):
    embeddings = clips(len(subjects))
    loss = TripletLoss(margin=0.7, self_pairs=self_pairs)
    value, gradient = value_and_gradient(loss, embeddings, subjects)
    expected, active = triplet(embeddings, torch.tensor(subjects), margin=0.7, self_pairs=self_pairs)
    (slow,) = torch.autograd.grad(expected, embeddings, allow_unused=True)
    slow = torch.zeros_like(gradient) if slow is None else slow.nan_to_num()  # the slow norm has no slope at zero
    torch.testing.assert_close(value, expected.double(), rtol=0, atol=1e-6)
    torch.testing.assert_close(gradient, slow)
    numbers = loss(GaitOutput(embeddings), torch.tensor(subjects)).numbers
    assert numbers["active"].item() == pytest.approx(active)


def test_equals_the_textbook_form_in_chunks(monkeypatch):
    monkeypatch.setattr(pairs, "_CPU_CHUNK", 2 * 9 * 9)
    embeddings = clips(9, parts=5)
    value, gradient = value_and_gradient(TripletLoss(), embeddings, EVEN)
    expected = textbook_triplet(embeddings, torch.tensor(EVEN))
    torch.testing.assert_close(value, expected, rtol=0, atol=1e-6)
    torch.testing.assert_close(gradient, torch.autograd.grad(expected, embeddings)[0])


def test_gradient_is_that_of_the_value():
    subjects = torch.tensor(UNEVEN)
    loss = TripletLoss(margin=1.0, self_pairs=False)
    assert torch.autograd.gradcheck(lambda e: loss(GaitOutput(e), subjects).value, (clips(8),))


@pytest.mark.parametrize("subjects", [EVEN, UNEVEN])
def test_equals_another_library(subjects):
    embeddings = clips(len(subjects), parts=1)
    other = TripletMarginLoss(margin=0.4, reducer=AvgNonZeroReducer())
    other.distance.normalize_embeddings = False
    value, _ = value_and_gradient(TripletLoss(margin=0.4, self_pairs=False), embeddings, subjects)
    torch.testing.assert_close(value, other(embeddings[:, 0], torch.tensor(subjects)))


@pytest.mark.parametrize("subjects", [EVEN, UNEVEN, [0, 1]])
def test_hard_mining_equals_the_slow_twin(subjects):
    embeddings = clips(len(subjects))
    value, gradient = value_and_gradient(TripletLoss(mining="hard"), embeddings, subjects)
    expected = hard_triplet(embeddings, torch.tensor(subjects), margin=0.2)
    torch.testing.assert_close(value, expected, rtol=0, atol=1e-6)
    torch.testing.assert_close(gradient, torch.autograd.grad(expected, embeddings)[0].nan_to_num())


@pytest.mark.parametrize("mining", ["all", "hard"])
def test_cosine_is_the_same_on_directions(mining):
    embeddings = clips(8)
    value, gradient = value_and_gradient(TripletLoss(distance="cosine", mining=mining), embeddings, UNEVEN)
    directions = embeddings / embeddings.norm(dim=2, keepdim=True)
    if mining == "all":
        expected, _ = triplet(directions, torch.tensor(UNEVEN), margin=0.2, self_pairs=True)
    else:
        expected = hard_triplet(directions, torch.tensor(UNEVEN), margin=0.2)
    torch.testing.assert_close(value, expected.double(), rtol=0, atol=1e-6)
    torch.testing.assert_close(gradient, torch.autograd.grad(expected, embeddings)[0].nan_to_num())


@pytest.mark.parametrize("mining", ["all", "hard"])
def test_mean_distance_is_that_of_all_pairs(mining):
    embeddings = clips(8)
    numbers = TripletLoss(mining=mining)(GaitOutput(embeddings), torch.tensor(UNEVEN)).numbers
    every = [torch.dist(one[part], other[part]) for one in embeddings for other in embeddings for part in range(3)]
    assert numbers["mean_distance"].item() == pytest.approx(sum(every).item() / len(every), rel=1e-6)


def test_cosine_does_not_see_lengths():
    embeddings = clips(9)
    loss = TripletLoss(distance="cosine")
    lengths = torch.rand(9, 3, 1, dtype=torch.float64) + 0.5
    torch.testing.assert_close(
        value_and_gradient(loss, embeddings, EVEN)[0],
        value_and_gradient(loss, (embeddings * lengths).detach().requires_grad_(), EVEN)[0],
    )


def test_order_of_the_batch_does_not_matter():
    embeddings, order = clips(8), torch.randperm(8)
    first = value_and_gradient(TripletLoss(), embeddings, UNEVEN)
    second = value_and_gradient(
        TripletLoss(), embeddings.detach()[order].requires_grad_(), [UNEVEN[int(i)] for i in order]
    )
    torch.testing.assert_close(first[0], second[0])
    torch.testing.assert_close(first[1][order], second[1])


def test_identical_clips_give_no_nan():
    embeddings = torch.ones(6, 2, 4, requires_grad=True)
    for mining in ("all", "hard"):
        value, gradient = value_and_gradient(TripletLoss(mining=mining), embeddings, [0, 0, 1, 1, 2, 2])
        assert value.item() == pytest.approx(0.2, abs=1e-3)
        assert torch.equal(gradient, torch.zeros_like(gradient))


def test_wrong_settings_and_shapes_are_refused():
    with pytest.raises(RecipeError, match="mining"):
        TripletLoss(mining="soft")  # type: ignore[arg-type]
    with pytest.raises(RecipeError, match="margin"):
        TripletLoss(margin=-1)
    with pytest.raises(DataError, match="embeddings"):
        TripletLoss()(GaitOutput(torch.zeros(3, 2, 4)), torch.zeros(2, dtype=torch.int64))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("self_pairs", [True, False])
@pytest.mark.parametrize("subjects", [EVEN, UNEVEN, [0, 0, 0], [0, 1, 2, 3], [5], [0] * 16 + [1] * 16 + [2] * 5])
def test_terms_by_order_equal_those_by_list(subjects, self_pairs, dtype):
    """What a GPU computes is what the processor does: same terms, so the same gradient to the last bit."""
    labels = torch.tensor(subjects)
    distances = pairs.pair_distances(0.2 * clips(len(subjects)).detach().transpose(0, 1).to(dtype))
    same, positive = pairs.positives(labels, self_pairs=self_pairs)
    by_list = pairs._terms_by_list(distances, same, pairs.listed(positive), 0.2)
    by_order = pairs._terms_by_order(distances, same, positive, 0.2)
    torch.testing.assert_close(by_order[0], by_list[0], rtol=1e-6, atol=1e-7)
    assert torch.equal(by_order[1], by_list[1])
    assert torch.equal(by_order[2], by_list[2])
    assert by_order[2].dtype == dtype


def test_terms_by_order_equal_those_by_list_on_ties():
    """Distances of whole numbers: a negative that stands exactly at the margin is no active term, either way."""
    same, positive = pairs.positives(torch.tensor([0, 0, 1, 1, 2]), self_pairs=True)
    distances = torch.randint(0, 4, (6, 5, 5), generator=torch.Generator().manual_seed(0)).float()
    by_list = pairs._terms_by_list(distances, same, pairs.listed(positive), 1.0)
    by_order = pairs._terms_by_order(distances, same, positive, 1.0)
    for one, other in zip(by_list, by_order, strict=True):
        assert torch.equal(one, other)

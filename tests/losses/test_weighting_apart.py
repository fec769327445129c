"""The two effects of weighted distances, taken apart, against slow twins that spell each triplet."""

import pytest
import torch
from tests.oracles.inter_class import weighted_triplet_apart

from walkprint.core.batch import GaitOutput
from walkprint.core.errors import RecipeError
from walkprint.losses.inter_class import WeightedTripletLoss
from walkprint.losses.triplet import TripletLoss

SUBJECTS = torch.tensor([2, 0, 0, 1, 2, 2])


@pytest.fixture
def output() -> GaitOutput:
    generator = torch.Generator().manual_seed(3)
    return GaitOutput(torch.randn((6, 3, 5), generator=generator, dtype=torch.float64).requires_grad_())


@pytest.mark.parametrize("acting", ["pull", "margin", "both"])
def test_gradient_equals_that_of_the_slow_twin(output, acting):
    judged = WeightedTripletLoss(margin=0.3, acting=acting)(output, SUBJECTS)
    ours = torch.autograd.grad(judged.value, output.embeddings)[0]
    slow = torch.autograd.grad(weighted_triplet_apart(output.embeddings, SUBJECTS, 0.3, acting), output.embeddings)[0]
    torch.testing.assert_close(ours, slow, rtol=0, atol=1e-6)


def test_pulling_counts_the_triplets_of_the_plain_loss(output):
    plain = TripletLoss(margin=0.3)(output, SUBJECTS)
    pulled = WeightedTripletLoss(margin=0.3, acting="pull")(output, SUBJECTS)
    both = WeightedTripletLoss(margin=0.3)(output, SUBJECTS)
    assert pulled.value.item() == pytest.approx(plain.value.item())
    assert pulled.numbers["active"].item() == plain.numbers["active"].item() != both.numbers["active"].item()


def test_the_margin_moves_only_where_the_weights_move_it(output):
    found = {
        acting: WeightedTripletLoss(margin=0.3, acting=acting)(output, SUBJECTS).numbers["automatic_margin"].item()
        for acting in ("pull", "margin", "both")
    }
    assert found["pull"] == pytest.approx(0.3)
    assert found["margin"] == found["both"] != pytest.approx(0.3, abs=1e-3)


def test_an_unknown_effect_is_refused():
    with pytest.raises(RecipeError, match="both or pull or margin"):
        WeightedTripletLoss(acting="none")  # type: ignore[arg-type]

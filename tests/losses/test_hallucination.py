"""Triplets with hallucinated clips, against a slow twin."""

import pytest
import torch
from tests.oracles.hallucination import hallucinated
from tests.oracles.triplet import triplet

from walkprint.core.batch import GaitOutput
from walkprint.losses import HallucinatedTripletLoss, TripletLoss

SUBJECTS = torch.tensor([0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4])
RECORDINGS = torch.tensor([  # condition, take, view: 0 and 4 wear both in view 0, 1 and 3 one each, 2 both in view 1
    [0, 0, 0], [0, 1, 0], [1, 0, 0], [0, 0, 0], [0, 0, 1], [0, 0, 1], [1, 1, 1], [1, 0, 0], [0, 0, 2], [0, 0, 0],
    [1, 0, 0],
])  # fmt: skip


def embeddings(seed: int = 3) -> torch.Tensor:
    return torch.randn(11, 2, 5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).requires_grad_()


@pytest.mark.parametrize("through", [True, False])
def test_equals_its_slow_twin(through: bool) -> None:
    vectors, again = embeddings(), embeddings()
    found = HallucinatedTripletLoss(margin=0.7, through=through)(GaitOutput(vectors), SUBJECTS, RECORDINGS)
    made, owners = hallucinated(again, SUBJECTS, RECORDINGS, through=through)
    assert owners.tolist() == [1, 1, 3]
    every, whose = torch.cat([again, made]), torch.cat([SUBJECTS, owners])
    wanted, active = triplet(every, whose, margin=0.7, self_pairs=True)
    torch.testing.assert_close(found.value, wanted)
    assert float(found.numbers["active"]) == pytest.approx(active)
    assert float(found.numbers["made"]) == 3
    torch.testing.assert_close(torch.autograd.grad(found.value, vectors), torch.autograd.grad(wanted, again))


def test_without_a_subject_in_two_conditions_it_is_the_triplet_loss() -> None:
    alone = RECORDINGS.clone()
    alone[:, 0] = SUBJECTS % 2
    output = GaitOutput(embeddings())
    found = HallucinatedTripletLoss()(output, SUBJECTS, alone)
    assert float(found.numbers["made"]) == 0
    torch.testing.assert_close(found.value, TripletLoss()(output, SUBJECTS).value)


def test_what_is_common_to_all_who_change_moves_nothing_else() -> None:
    """Where a coat adds one vector for everybody, a hallucinated clip lies on the clip that was never recorded."""
    person = torch.randn(4, 1, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    coat = torch.ones(1, 6, dtype=torch.float64)
    subjects = torch.tensor([0, 0, 1, 2, 3])
    recordings = torch.tensor([[0, 0, 0], [1, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0]])
    vectors = person[subjects] + torch.where(recordings[:, :1, None] == 1, coat, 0.0)
    found = HallucinatedTripletLoss(margin=3.0)(GaitOutput(vectors), subjects, recordings)
    everyone = torch.cat([vectors, person[1:] + coat])
    whose = torch.cat([subjects, torch.tensor([1, 2, 3])])
    torch.testing.assert_close(found.value, TripletLoss(margin=3.0)(GaitOutput(everyone), whose).value)

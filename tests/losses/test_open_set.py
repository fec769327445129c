"""Losses for open sets beside their slow twins, and what they push where."""

import pytest
import torch
from tests.oracles.open_set import identification_detection, relative_threshold

from walkprint.core.batch import GaitOutput
from walkprint.losses import IdentificationDetectionLoss, RelativeThresholdLoss

SUBJECTS = [4, 4, 1, 1, 1, 7, 7, 0, 0, 9]


def batch(scale: float = 1.0, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (scale * torch.randn(len(SUBJECTS), 3, 5, generator=generator, dtype=torch.float64)).requires_grad_()


def both(loss, twin, **settings):
    embeddings = batch()
    found = loss(GaitOutput(embeddings), torch.tensor(SUBJECTS)).value
    expected = twin(embeddings, SUBJECTS, **settings)
    return found, expected, *(torch.autograd.grad(one, embeddings)[0] for one in (found, expected))


@pytest.mark.parametrize("kind", [IdentificationDetectionLoss, RelativeThresholdLoss])
def test_nothing_is_learned_where_all_are_strangers(kind):
    judged = kind(folds=1)(GaitOutput(batch()), torch.tensor(SUBJECTS))
    assert float(judged.value.detach()) == 0


@pytest.mark.parametrize("folds", [2, 4, 40])
def test_identification_detection_equals_its_twin(folds):
    loss = IdentificationDetectionLoss(folds=folds, score_scale=7, rank_scale=0.3, difference_scale=5)
    found, expected, slope, expected_slope = both(
        loss, identification_detection, folds=folds, score=7, rank=0.3, difference=5
    )
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(slope, expected_slope)


@pytest.mark.parametrize("folds", [2, 4, 40])
def test_relative_threshold_equals_its_twin(folds):
    found, expected, slope, expected_slope = both(RelativeThresholdLoss(folds=folds), relative_threshold, folds=folds)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(slope, expected_slope)


def test_people_far_apart_lose_nothing_to_strangers():
    apart = torch.eye(5, dtype=torch.float64)[torch.tensor([0, 0, 1, 1, 1, 2, 2, 3, 3, 4])]
    near = GaitOutput((100 * apart)[:, None])
    mixed = GaitOutput((0.01 * apart)[:, None])
    subjects = torch.tensor(SUBJECTS)
    assert RelativeThresholdLoss()(near, subjects).value < 0.02 < RelativeThresholdLoss()(mixed, subjects).value
    detection = IdentificationDetectionLoss(score_scale=50, rank_scale=50, difference_scale=50)
    assert detection(near, subjects).value < 1e-6 < 0.4 < detection(mixed, subjects).value


@pytest.mark.parametrize("kind", [IdentificationDetectionLoss, RelativeThresholdLoss])
def test_clips_that_coincide_have_a_finite_gradient(kind):
    same = torch.ones(len(SUBJECTS), 3, 5, dtype=torch.float64, requires_grad=True)
    value = kind()(GaitOutput(same), torch.tensor(SUBJECTS)).value
    assert torch.autograd.grad(value, same)[0].isfinite().all()

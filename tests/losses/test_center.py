import pytest
import torch

from walkprint.core.batch import GaitOutput
from walkprint.core.errors import DataError, RecipeError
from walkprint.losses import CenterLoss

SUBJECTS = torch.tensor([0, 2, 2])


def test_equals_the_formula_in_loops():
    loss = CenterLoss(num_subjects=3, parts=2, features=4)
    torch.nn.init.normal_(loss.centers)
    judged = torch.randn(3, 2, 4)
    total = 0.0
    for clip, subject in zip(judged, SUBJECTS, strict=True):
        for part in range(2):
            center = loss.centers[part, subject]
            total += sum((clip[part, i] - center[i]).item() ** 2 for i in range(4)) / 2
    assert loss(GaitOutput(judged), SUBJECTS).value.item() == pytest.approx(total / 6, rel=1e-5)


def test_training_brings_centers_to_the_means():
    loss, judged = CenterLoss(num_subjects=3, parts=2, features=4), torch.randn(3, 2, 4)
    optimizer = torch.optim.SGD(loss.parameters(), lr=1.0)
    for _ in range(100):
        optimizer.zero_grad()
        loss(GaitOutput(judged), SUBJECTS).value.backward()
        optimizer.step()
    torch.testing.assert_close(loss.centers[:, 0], judged[0])
    torch.testing.assert_close(loss.centers[:, 2], judged[1:].mean(0))
    assert loss.centers[:, 1].abs().sum() == 0  # nobody came


def test_wrong_sizes_are_refused():
    with pytest.raises(RecipeError, match="at least 1"):
        CenterLoss(num_subjects=0, parts=1, features=1)
    with pytest.raises(RecipeError, match="set parts and features"):
        CenterLoss(num_subjects=3, parts=1, features=4)(GaitOutput(torch.zeros(3, 2, 4)), SUBJECTS)
    with pytest.raises(DataError, match="set num_subjects"):
        CenterLoss(num_subjects=2, parts=2, features=4)(GaitOutput(torch.zeros(3, 2, 4)), SUBJECTS)

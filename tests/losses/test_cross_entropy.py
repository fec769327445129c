import numpy as np
import pytest
import torch
from tests.oracles.cross_entropy import cross_entropy

from walkprint.core.batch import GaitOutput
from walkprint.core.errors import DataError, RecipeError
from walkprint.losses.cross_entropy import CrossEntropyLoss


def output(logits: torch.Tensor) -> GaitOutput:
    return GaitOutput(logits, logits)


@pytest.mark.parametrize(("case", "settings"), [("ce_smooth16", {}), ("ce_plain1", {"scale": 1.0, "smoothing": 0.0})])
def test_equals_the_reference(shared, case, settings):
    with np.load(shared / "parity" / "losses.npz") as reference:
        logits = torch.from_numpy(reference[f"{case}/logits"]).transpose(1, 2).clone().requires_grad_()
        result = CrossEntropyLoss(**settings)(output(logits), torch.from_numpy(reference[f"{case}/labels"]))
        (gradient,) = torch.autograd.grad(result.value, logits)
        assert result.value.item() == pytest.approx(float(reference[f"{case}/loss"]), rel=1e-5)
        assert result.numbers["accuracy"].item() == pytest.approx(float(reference[f"{case}/info/accuracy"]))
        expected = reference[f"{case}/grad"].swapaxes(1, 2)
        np.testing.assert_allclose(gradient, expected, rtol=0, atol=1e-5 * abs(expected).max())


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
def test_equals_the_slow_twin(smoothing):
    logits, subjects = torch.randn(4, 3, 5, dtype=torch.float64), torch.tensor([0, 4, 2, 2])
    value = CrossEntropyLoss(scale=7, smoothing=smoothing)(output(logits), subjects).value
    assert value.item() == pytest.approx(cross_entropy(logits, subjects, scale=7, smoothing=smoothing))


def test_accuracy_is_the_share_of_parts_that_are_right():
    logits = torch.tensor([[[3.0, 1, 0], [0, 1, 0]], [[0, 0, 9], [0, 0, 1]]])
    assert CrossEntropyLoss()(output(logits), torch.tensor([0, 2])).numbers["accuracy"].item() == 0.75


def test_settings_are_those_of_cosines():
    logits, subjects = torch.randn(4, 3, 5), torch.tensor([0, 4, 2, 2])
    usual, named = (one(output(logits), subjects).value for one in (
        CrossEntropyLoss(), CrossEntropyLoss(scale=16, smoothing=0.1),
    ))  # fmt: skip
    assert usual == named


def test_single_subject_costs_nothing():
    assert CrossEntropyLoss()(output(torch.randn(3, 2, 1)), torch.zeros(3, dtype=torch.int64)).value.item() == 0


def test_bad_input_is_named():
    loss = CrossEntropyLoss()
    with pytest.raises(RecipeError, match="num_subjects"):
        loss(GaitOutput(torch.zeros(2, 1, 4)), torch.zeros(2, dtype=torch.int64))
    with pytest.raises(DataError, match="expected 0 to 3"):
        loss(output(torch.zeros(2, 1, 4)), torch.tensor([0, 4]))
    with pytest.raises(DataError, match="from -1"):
        loss(output(torch.zeros(2, 1, 4)), torch.tensor([0, -1]))
    with pytest.raises(DataError, match="logits"):
        loss(output(torch.zeros(2, 1, 4)), torch.zeros(3, dtype=torch.int64))
    with pytest.raises(RecipeError, match="scale"):
        CrossEntropyLoss(scale=0)
    with pytest.raises(RecipeError, match="smoothing"):
        CrossEntropyLoss(smoothing=1)

import pytest

from walkprint.core.errors import RecipeError
from walkprint.losses import CrossEntropyLoss, TripletLoss
from walkprint.losses.weighted import WeightedLosses

LOSSES = {"triplet": TripletLoss(), "identity": CrossEntropyLoss()}


def test_a_loss_without_a_weight_weighs_one():
    losses = WeightedLosses(LOSSES, {"identity": 0.25})
    assert losses.weights == {"triplet": 1.0, "identity": 0.25}
    assert dict(losses) == LOSSES
    assert len(losses) == 2


@pytest.mark.parametrize(
    ("losses", "weights", "message"),
    [
        ({}, {}, "at least one"),
        (LOSSES, {"center": 1.0}, "center not among the losses triplet, identity"),
        (LOSSES, {"triplet": float("nan")}, "triplet is nan, expected a finite number"),
    ],
)
def test_wrong_weights_are_refused(losses, weights, message):
    with pytest.raises(RecipeError, match=message):
        WeightedLosses(losses, weights)

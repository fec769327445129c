"""The settings that losses have where a recipe names none: results rest on them."""

import inspect

import pytest
from tests.contracts.test_every_loss import every_loss

DEFAULTS = {
    "ArcFaceLoss": {"margin": 28.6, "scale": 64.0},
    "CenterLoss": {},
    "CircleLoss": {"margin": 0.25, "scale": 128.0, "within": None},
    "ClassUniformityLoss": {"sharpness": 2.0, "bounded": True},
    "CosFaceLoss": {"margin": 0.35, "scale": 64.0},
    "CrossEntropyLoss": {"scale": 16.0, "smoothing": 0.1},
    "GeneralizedInterClassLoss": {
        "form": "margin", "margin": 0.2, "temperature": 0.1, "uniformity": 0.1, "bounded": True, "scale": 1.0,
        "smoothing": 0.0, "within": None,
    },
    "IdentificationDetectionLoss": {"folds": 4, "score_scale": 6.0, "rank_scale": 0.2, "difference_scale": 6.0},
    "IncrementalIdentityLoss": {"weights": "square"},
    "HallucinatedTripletLoss": {"margin": 0.2, "through": True, "self_pairs": True},
    "PairwiseSoftmaxLoss": {
        "temperature": 0.1, "similarity": "cosine", "noisy_weight": 1.0, "self_pairs": True, "within": None,
    },
    "RelativeThresholdLoss": {"folds": 4},
    "SupervisedContrastiveLoss": {"temperature": 0.1, "within": None},
    "TripletLoss": {"margin": 0.2, "mining": "all", "distance": "euclidean", "self_pairs": True, "within": None},
    "WeightedTripletLoss": {"margin": 0.2, "self_pairs": True, "acting": "both", "within": None},
}  # fmt: skip


@pytest.mark.parametrize("kind", every_loss(), ids=lambda kind: kind.__name__)
def test_defaults_of_losses(kind):
    found = {name: one.default for name, one in inspect.signature(kind).parameters.items()}
    found = {name: default for name, default in found.items() if default is not inspect.Parameter.empty}
    assert found == DEFAULTS.get(kind.__name__, {})

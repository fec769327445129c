import pytest
import torch

from walkprint.core.errors import RecipeError
from walkprint.generation.bagan_gp import BAGANGP, mislabeled
from walkprint.generation.labels import FACTORS, LabelNames, Labels


def test_wrong_labels_are_wrong_in_one_factor_that_can_be():
    names = LabelNames(("a", "b", "c"), ("cl", "nm"), ("090",))
    right = Labels(torch.arange(3).repeat(200), torch.arange(2).repeat(300), torch.zeros(600, dtype=torch.int64))
    wrong = mislabeled(right, names, torch.Generator().manual_seed(0))
    differs = torch.stack([wrong.of(factor) != right.of(factor) for factor in FACTORS])
    assert (differs.sum(0) == 1).all()
    assert differs.float().mean(1).tolist() == pytest.approx([0.5, 0.5, 0], abs=0.06)
    for factor in FACTORS:
        assert 0 <= wrong.of(factor).min() <= wrong.of(factor).max() < len(names.names(factor))
    assert set(((wrong.subjects - right.subjects) % 3)[differs[0]].tolist()) == {1, 2}


def test_a_single_label_is_refused():
    with pytest.raises(RecipeError, match="expected two"):
        BAGANGP(subjects=["a"], conditions=["nm"], views=["090"])

"""Generators that an earlier version trained open, or say in one line what to do."""

import pytest

from walkprint.core.errors import RecipeError
from walkprint.generation.earlier import current_entry

OLD = {
    "latent": "labeled", "transport": True, "borrow": 0.5, "factors": ["subject", "condition", "view"],
    "ae_init": True, "discriminator_init": True, "true_classification": False,
    "heads": ["subject", "condition", "view"], "class_weight": 0.5, "anchor_share": 1.0,
    "guard_heads": ["condition"], "noise": 0.1, "subjects": ["a"], "source": "nm",
}  # fmt: skip


@pytest.mark.parametrize("path", ["AEGuidedGAN", "walkprint.generation.ae_guided.AEGuidedGAN"])
def test_settings_that_are_gone_are_dropped(path):
    found = current_entry({"class_path": path, "init_args": OLD, "recordings": {"a": "0"}})
    assert found == {
        "class_path": path,
        "init_args": {"borrow": 0.5, "noise": 0.1, "subjects": ["a"], "source_condition": "nm"},
        "recordings": {"a": "0"},
    }


@pytest.mark.parametrize(
    "other", [{"latent": "gaussian"}, {"transport": False}, {"factors": ["condition"]}, {"heads": ["view"]}], ids=str
)
def test_what_this_version_cannot_reproduce_is_refused(other):
    with pytest.raises(RecipeError, match=f"{next(iter(other))} is .*train it again"):
        current_entry({"class_path": "AEGuidedGAN", "init_args": OLD | other})


def test_other_generators_keep_all_settings():
    entry = {"class_path": "ACGAN", "init_args": {"latent": 8}}
    assert current_entry(entry) == entry

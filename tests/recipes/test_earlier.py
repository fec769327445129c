"""What earlier versions left in run folders opens and goes on, or is refused in one line."""

from pathlib import Path

import pytest

from walkprint.core.errors import RecipeError
from walkprint.recipes.earlier import current_recipe
from walkprint.recipes.generator_recipe import load_generator_recipe
from walkprint.recipes.recipe import load_recipe
from walkprint.recipes.training import train

ONCE = {
    "latent": "labeled", "transport": True, "factors": ["subject", "condition", "view"], "ae_init": True,
    "discriminator_init": True, "true_classification": False, "heads": ["subject", "condition", "view"],
    "class_weight": 1.0, "anchor_share": 1.0, "guard_heads": ["condition"],
}  # fmt: skip


def _before(store: Path) -> dict[str, object]:
    """A recipe as version 0.1.0.dev wrote it into the run folder, with the data set's class and its settings."""
    return {
        "network": {"class_path": "walkprint.networks.GaitSet", "init_args": {"channels": [2, 2, 2], "feature": 2}},
        "losses": {"triplet": {"class_path": "walkprint.losses.TripletLoss", "init_args": {"margin": 0.2}}},
        "data": {
            "class_path": "walkprint.Walkers",
            "init_args": {"root": str(store), "subjects": 4, "train": 2, "seed": 0, "scarce": None, "size_px": 64},
        },
        "frames": {"class_path": "walkprint.data.frames.RandomSubset", "init_args": {"count": 4}},
        "optimizer": {"class_path": "torch.optim.SGD", "init_args": {"lr": 0.1}},
        "schedule": {"steps": 1, "subjects_per_batch": 2, "clips_per_subject": 2, "accumulate": 1, "keep": 2},
        "seed": 0,
    }


def test_a_run_of_an_earlier_version_goes_on(store: Path, tmp_path: Path) -> None:
    recipe, run = load_recipe(_before(store)), tmp_path / "run"
    train(recipe, run, accelerator="cpu")
    text = (run / "recipe.yaml").read_text()
    assert f"root: {store}" in text
    old = text[: text.index("data:")] + f"data:\n  class_path: Walkers\n  init_args: {{root: {store}, train: 2}}\n"
    (run / "recipe.yaml").write_text(old + text[text.index("frames:") :])
    assert train(load_recipe(run / "recipe.yaml"), run, accelerator="cpu").step == 1
    with pytest.raises(RecipeError, match=r"another recipe \(data.train: 2 -> 3\)"):
        train(load_recipe(run / "recipe.yaml", {"data.train": 3}), run, accelerator="cpu")


def test_a_generator_of_an_earlier_version(store: Path) -> None:
    settings = {**ONCE, "widths": [2, 2, 4, 4], "latent_size": 4}
    plain = {
        "generator": {"class_path": "AEGuidedGAN", "init_args": settings},
        "data": {"root": str(store)},
        "steps": 9,
    }
    assert load_generator_recipe(plain).generator.init_args["latent_size"] == 4
    for name in ("transport", "ae_init"):
        plain["generator"] = {"class_path": "AEGuidedGAN", "init_args": {**settings, name: False}}
        with pytest.raises(RecipeError, match=f"{name} is False, a setting of an earlier version; train"):
            load_generator_recipe(plain)


def test_a_recipe_of_today_stays_as_it_is() -> None:
    plain = {"data": {"root": "s", "train": 3}, "generator": {"class_path": "ACGAN", "init_args": {"latent": 8}}}
    assert current_recipe(plain) == plain
    entry = {"class_path": "walkprint.Packed", "init_args": {"root": "s", "train": 3}}
    assert current_recipe({**plain, "data": entry}) == plain

"""A scheduler that must know how long training takes is told by the recipe, and cannot believe something else."""

from pathlib import Path

import pytest

from walkprint.core.errors import RecipeError
from walkprint.recipes.recipe import load_recipe
from walkprint.training.schedule import CosineWithWarmup, OneCycle


@pytest.fixture
def plain(store: Path) -> dict[str, object]:
    return {
        "network": {"class_path": "GEINet", "init_args": {"num_subjects": 2}},
        "losses": {"identity": {"class_path": "CrossEntropyLoss"}},
        "data": {"root": str(store)},
        "frames": {"class_path": "AllFrames"},
        "optimizer": {"class_path": "torch.optim.SGD", "init_args": {"lr": 0.1}},
        "scheduler": {"class_path": "OneCycle"},
        "schedule": {"steps": 7, "subjects_per_batch": 2, "clips_per_subject": 1},
    }


def test_it_follows_the_schedule(plain: dict[str, object]) -> None:
    recipe = load_recipe(plain)
    assert isinstance(recipe.scheduler, OneCycle)
    assert recipe.scheduler.steps == 7
    assert recipe.record["scheduler"]["init_args"]["steps"] == 7


def test_it_cannot_say_something_else(plain: dict[str, object]) -> None:
    with pytest.raises(RecipeError, match="steps is 8, but training takes 7"):
        load_recipe(plain | {"scheduler": {"class_path": "OneCycle", "init_args": {"steps": 8}}})


def test_one_without_steps_is_left_alone(plain: dict[str, object]) -> None:
    recipe = load_recipe(plain | {"scheduler": {"class_path": "MultiStep", "init_args": {"milestones": [3]}}})
    assert recipe.scheduler is not None
    assert not hasattr(recipe.scheduler, "steps")


@pytest.mark.parametrize("kind", [OneCycle, CosineWithWarmup])
def test_outside_a_recipe_it_must_be_told(kind: type[OneCycle]) -> None:
    with pytest.raises(RecipeError, match="steps are missing"):
        kind()

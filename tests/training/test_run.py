import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from walkprint.core.errors import CheckpointError, RecipeError, TrainingError
from walkprint.training.run import RunFolder, read_recipe

RECIPE = {"network": {"class_path": "GaitSet"}, "seed": 0, "milestones": (10, 20), "rate": 5e-4}


def test_the_recipe_is_written_and_recognized(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "runs" / "one")
    with run.lock():
        run.begin(RECIPE, resume=True)
    assert yaml.safe_load(run.recipe.read_text()) == {**RECIPE, "milestones": [10, 20]}
    assert read_recipe(run.path)["rate"] == 5e-4
    run.begin({**RECIPE, "milestones": [10, 20]}, resume=True)


def train_something(run: RunFolder) -> None:
    run.checkpoints.mkdir()
    (run.checkpoints / "step-000000001.safetensors").touch()


def test_another_recipe_is_refused_with_the_differences_in_one_line(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    before = {**RECIPE, "augmentations": [{"class_path": "Flip", "init_args": {"chance": 0.5}}]}
    after = {**before, "augmentations": [{"class_path": "Flip", "init_args": {"chance": 0.2}}], "milestones": [10]}
    run.begin(before, resume=True)
    train_something(run)
    with pytest.raises(RecipeError, match="another recipe") as caught:
        run.begin(after, resume=True)
    assert str(caught.value) == (
        f"{tmp_path}: this run began with another recipe (milestones: [10, 20] -> [10], augmentations.0.init_args."
        "chance: 0.5 -> 0.2); name another folder, or begin anew with resume=False"
    )
    with pytest.raises(RecipeError, match=r"\(seed: 0 -> 0\.0, rate: 0\.0005 -> absent, new: absent -> 1\);"):
        run.begin({"network": before["network"], "seed": 0.0, "milestones": [10, 20],
                   "augmentations": before["augmentations"], "new": 1, "newer": None}, resume=True)  # fmt: skip
    run.begin(dict(reversed(before.items())), resume=True)


def test_only_the_order_of_losses_matters(tmp_path: Path) -> None:
    run, losses = RunFolder(tmp_path), {"a": {"class_path": "A"}, "b": {"class_path": "B"}}
    run.begin({"losses": losses, "seed": 1}, resume=True)
    train_something(run)
    run.begin({"seed": 1, "losses": losses}, resume=True)
    with pytest.raises(RecipeError, match="the order of its losses"):
        run.begin({"seed": 1, "losses": dict(reversed(losses.items()))}, resume=True)


def test_a_run_of_before_a_setting_goes_on_where_that_is_null(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    run.begin({**RECIPE, "data": {"init_args": {"root": "people"}}}, resume=True)
    train_something(run)
    before = run.recipe.read_text()
    newer = {"conditions": None, **RECIPE, "data": {"init_args": {"root": "people", "scarce": None}}}
    run.begin(newer, resume=True)
    assert run.recipe.read_text() == before
    with pytest.raises(RecipeError, match=r"\(data\.init_args\.scarce: absent -> 8\);"):
        run.begin({**newer, "data": {"init_args": {"root": "people", "scarce": 8}}}, resume=True)


def test_of_many_differences_the_first_are_shown(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    run.begin({f"setting_{i}": i for i in range(9)}, resume=True)
    train_something(run)
    with pytest.raises(RecipeError, match=r"setting_3: 3 -> \[7, .{76}\.\.\., 5 more\);") as caught:
        run.begin({f"setting_{i}": [i + 4] * 50 for i in range(9)}, resume=True)
    assert "setting_4" not in str(caught.value)


@pytest.mark.parametrize("made", ["checkpoints", "network", "generator"])
def test_until_something_is_trained_another_recipe_is_taken(tmp_path: Path, made: str) -> None:
    run = RunFolder(tmp_path)
    run.begin(RECIPE, resume=True)
    run.checkpoints.mkdir()
    run.begin({**RECIPE, "seed": 1}, resume=True)
    assert read_recipe(tmp_path)["seed"] == 1
    getattr(run, made).mkdir(exist_ok=True)
    (run.checkpoints / ("step-000000001.safetensors" if made == "checkpoints" else "x")).touch()
    with pytest.raises(RecipeError, match="seed: 1 -> 2"):
        run.begin({**RECIPE, "seed": 2}, resume=True)


def test_beginning_anew_deletes_what_training_made_and_nothing_else(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    run.begin(RECIPE, resume=True)
    run.checkpoints.mkdir()
    (run.checkpoints / "step-000000001.safetensors").touch()
    for folder in (run.network, run.generator):
        folder.mkdir()
        (folder / "config.json").touch()
    run.metrics.write_text("step\n1\n")
    (tmp_path / "notes.txt").write_text("mine")
    run.begin({"seed": 1}, resume=False)
    assert read_recipe(tmp_path) == {"seed": 1}
    assert {path.name for path in tmp_path.iterdir()} == {"recipe.yaml", "notes.txt"}


def test_a_recipe_is_plain_data(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="plain data"):
        RunFolder(tmp_path).begin({"network": object()}, resume=True)
    with pytest.raises(CheckpointError, match="cannot be read"):
        read_recipe(tmp_path)
    (tmp_path / "recipe.yaml").write_text("- 1\n")
    with pytest.raises(CheckpointError, match="found a list"):
        read_recipe(tmp_path)


def test_a_second_process_is_kept_out(tmp_path: Path) -> None:
    script = (
        "import sys; from walkprint.training.run import RunFolder\n"
        "with RunFolder(sys.argv[1]).lock(): print('in', flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "in\n"
        with pytest.raises(TrainingError, match=f"process {other.pid} is writing"), RunFolder(tmp_path).lock():
            pass
    finally:
        other.kill()
        other.communicate()
    with RunFolder(tmp_path).lock():  # a killed process leaves no lock
        pass


def test_versions_tell_of_every_start(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    run.note_versions(0, processes=1)
    run.note_versions(40, processes=2)
    starts = json.loads(run.versions.read_text())
    assert [(start["step"], start["processes"]) for start in starts] == [(0, 1), (40, 2)]
    assert {"python", "torch", "walkprint", "commit", "machine", "threads"} <= set(starts[0])

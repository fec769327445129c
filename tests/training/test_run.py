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


def test_another_recipe_is_refused_with_a_diff(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    run.begin(RECIPE, resume=True)
    with pytest.raises(RecipeError, match="another recipe") as caught:
        run.begin({**RECIPE, "seed": 1}, resume=True)
    assert "-seed: 0" in str(caught.value)
    assert "+seed: 1" in str(caught.value)
    assert "rate" not in str(caught.value)


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

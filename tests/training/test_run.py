import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from walkprint.core.errors import CheckpointError, DataError, RecipeError, TrainingError
from walkprint.training.run import RunFolder, read_recipe, recipe_text

RECIPE = {"network": {"class_path": "GaitSet"}, "seed": 0, "milestones": (10, 20), "rate": 5e-4}


def test_the_recipe_is_written_and_recognized(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "runs" / "one")
    with run.lock():
        run.begin(RECIPE)
    assert yaml.safe_load(run.recipe.read_text()) == {**RECIPE, "milestones": [10, 20]}
    assert read_recipe(run.path)["rate"] == 5e-4
    run.begin({**RECIPE, "milestones": [10, 20]})


def test_a_start_that_fails_leaves_no_folder(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "runs" / "one")
    with pytest.raises(DataError), run.lock():
        raise DataError("no data")
    assert not run.path.exists()
    with run.lock():
        run.begin(RECIPE)
    assert run.recipe.exists()
    with RunFolder(tmp_path / "gone").lock():
        (tmp_path / "gone").rename(tmp_path / "elsewhere")
    mine = RunFolder(tmp_path / "mine")
    mine.path.mkdir()
    with pytest.raises(DataError), mine.lock():
        raise DataError("no data")
    assert mine.path.exists()


TRAINED = {"step": 1}
"""A checkpoint of before it held the record."""


def test_another_recipe_is_refused_with_the_differences_in_one_line(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    before = {**RECIPE, "augmentations": [{"class_path": "Flip", "init_args": {"chance": 0.5}}]}
    after = {**before, "augmentations": [{"class_path": "Flip", "init_args": {"chance": 0.2}}], "milestones": [10]}
    run.begin(before)
    with pytest.raises(RecipeError, match="another recipe") as caught:
        run.begin(after, TRAINED)
    assert str(caught.value) == (
        f"{tmp_path}: this run began with another recipe (milestones: [10, 20] -> [10], augmentations.0.init_args."
        "chance: 0.5 -> 0.2); name another folder, or delete this one"
    )
    with pytest.raises(RecipeError, match=r"\(seed: 0 -> 0\.0, rate: 0\.0005 -> absent, new: absent -> 1\);"):
        run.begin({"network": before["network"], "seed": 0.0, "milestones": [10, 20],
                   "augmentations": before["augmentations"], "new": 1, "newer": None}, TRAINED)  # fmt: skip
    run.begin(dict(reversed(before.items())), TRAINED)


def test_only_the_order_of_losses_matters(tmp_path: Path) -> None:
    run, losses = RunFolder(tmp_path), {"a": {"class_path": "A"}, "b": {"class_path": "B"}}
    run.begin({"losses": losses, "seed": 1})
    run.begin({"seed": 1, "losses": losses}, TRAINED)
    with pytest.raises(RecipeError, match="the order of its losses"):
        run.begin({"seed": 1, "losses": dict(reversed(losses.items()))}, TRAINED)


def test_a_run_of_before_a_setting_goes_on_where_that_is_null(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    run.begin({**RECIPE, "data": {"init_args": {"root": "people"}}})
    newer = {"conditions": None, **RECIPE, "data": {"init_args": {"root": "people", "scarce": None}}}
    run.begin(newer, TRAINED)
    with pytest.raises(RecipeError, match=r"\(data\.init_args\.scarce: null -> 8\);"):
        run.begin({**newer, "data": {"init_args": {"root": "people", "scarce": 8}}}, TRAINED)


def test_of_many_differences_the_first_are_shown(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    run.begin({f"setting_{i}": i for i in range(9)})
    with pytest.raises(RecipeError, match=r"setting_3: 3 -> \[7, .{76}\.\.\., 5 more\);") as caught:
        run.begin({f"setting_{i}": [i + 4] * 50 for i in range(9)}, TRAINED)
    assert "setting_4" not in str(caught.value)


def test_until_something_is_trained_another_recipe_is_taken(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    run.begin(RECIPE)
    run.checkpoints.mkdir()
    run.begin({**RECIPE, "seed": 1})
    assert read_recipe(tmp_path)["seed"] == 1
    with pytest.raises(RecipeError, match="seed: 1 -> 2"):
        run.begin({**RECIPE, "seed": 2}, TRAINED)


@pytest.mark.parametrize("made", ["network", "generator", "network.safetensors"])
def test_a_finished_network_without_a_checkpoint_is_left_alone(tmp_path: Path, made: str) -> None:
    (tmp_path / made).mkdir()
    with pytest.raises(RecipeError, match=rf"holds a finished network \({made}\).* as init, to start from its"):
        RunFolder(tmp_path).begin(RECIPE)
    assert not RunFolder(tmp_path).recipe.exists()


def saved(recipe: dict[str, Any], data: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"step": 5, "record": recipe_text(recipe), "data": data or {}}


def test_a_checkpoint_remembers_its_recipe_whatever_happens_to_the_file(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    run.begin(RECIPE)
    written = run.recipe.read_text()
    run.recipe.unlink()
    with pytest.raises(RecipeError, match=r"seed: 0 -> 1\)"):
        run.begin({**RECIPE, "seed": 1}, saved(RECIPE))
    run.begin(RECIPE, saved(RECIPE))
    assert run.recipe.read_text() == written
    run.recipe.write_text(written.replace("seed: 0", "seed: 7"))
    with pytest.raises(RecipeError, match=r"seed: 0 -> 7\)"):  # named as the recipe itself
        run.begin(read_recipe(tmp_path), saved(RECIPE))
    with pytest.raises(RecipeError, match=r"seed: 7 -> 0\)"):  # beside the first one
        run.begin(RECIPE, saved(RECIPE))


def test_steps_may_grow_unless_something_is_planned_by_them(tmp_path: Path) -> None:
    run, before = RunFolder(tmp_path), {"schedule": {"steps": 5}}
    run.begin(before)
    run.begin({"schedule": {"steps": 9}}, saved(before))
    assert read_recipe(tmp_path) == {"schedule": {"steps": 9}}
    with pytest.raises(RecipeError, match=r"schedule\.steps: 5 -> 4\)"):
        run.begin({"schedule": {"steps": 4}}, saved(before))
    planned = {"schedule": {"steps": 5}, "scheduler": {"class_path": "OneCycle", "init_args": {"steps": 5}}}
    longer = {"schedule": {"steps": 9}, "scheduler": {"class_path": "OneCycle", "init_args": {"steps": 9}}}
    with pytest.raises(RecipeError, match=r"scheduler.*: 5 -> 9\); the learning rate is planned over all steps"):
        run.begin(longer, saved(planned))
    with pytest.raises(RecipeError, match=r"\(steps: 5 -> 9\); the stages of a generator share the steps"):
        run.begin({"steps": 9}, saved({"steps": 5}))


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({"sequences": 8}, "9 training sequences, now 8"),
        ({"names": "other"}, "other training sequences, though 9 as now"),
        ({"store": "other"}, "other frames, or in another packing"),
    ],
)
def test_data_may_lie_elsewhere_and_must_be_the_same(tmp_path: Path, changed: dict[str, Any], match: str) -> None:
    data = {"store": "digest", "sequences": 9, "names": "all", "path": "here"}
    run, before, moved = RunFolder(tmp_path), {"data": {"root": "here"}}, {"data": {"root": "there"}}
    run.begin(before, None, data)
    with pytest.raises(DataError, match=rf"there: not the data that {tmp_path} began with \({match}.*it lay in here"):
        run.begin(moved, saved(before, data), {**data, "path": "there", **changed})
    assert read_recipe(tmp_path) == before
    run.begin(moved, saved(before, data), {**data, "path": "there"})
    assert read_recipe(tmp_path) == moved
    with pytest.raises(RecipeError, match=r"data\.root: there -> here".replace("there -> here", ".*")):
        run.begin(before, saved(moved), data)  # of before checkpoints knew their data


def test_beginning_anew_deletes_what_training_made_and_nothing_else(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    run.begin(RECIPE)
    run.checkpoints.mkdir()
    (run.checkpoints / "step-000000001.safetensors").touch()
    for folder in (run.network, run.generator):
        folder.mkdir()
        (folder / "config.json").touch()
    run.metrics.write_text("step\n1\n")
    (tmp_path / "notes.txt").write_text("mine")
    run.clear()
    assert {path.name for path in tmp_path.iterdir()} == {"notes.txt"}


def test_a_recipe_is_plain_data(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="plain data"):
        RunFolder(tmp_path).begin({"network": object()})
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

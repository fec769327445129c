"""A misspelt name is answered with the known name that is spelled most alike."""

from pathlib import Path

import pytest

from walkprint.cli import main

RECIPE = Path(__file__).resolve().parents[2] / "recipes" / "walkers" / "gaitset_narrow.yaml"


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["--network.class_path", "GaitSett"], "GaitSet"),
        (["--network.chanels", "[1,2,3]"], "channels"),
        (["--schedule.stps", "3"], "schedule.steps"),
        (["--acelerator", "cpu"], "accelerator"),
    ],
)
def test_a_misspelt_name(words: list[str], name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", str(RECIPE), "--run", str(tmp_path / "run"), *words]) == 2
    assert f"did you mean {name}?" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_name_like_no_other_gets_no_advice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", str(RECIPE), "--run", str(tmp_path / "run"), "--xqzw", "1"]) == 2
    assert "did you mean" not in capsys.readouterr().err

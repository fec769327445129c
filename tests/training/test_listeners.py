import sys
from pathlib import Path

import pytest

from walkprint.training.listeners import MetricsFile, ProgressBar


def test_rows_and_new_columns(tmp_path: Path) -> None:
    file = MetricsFile(tmp_path / "metrics.csv")
    file(10, {"loss": 0.1})
    file(20, {"loss": 0.25, "validation/rank-1": 0.5})
    file(30, {"loss": 1e-9})
    file.close()
    assert (tmp_path / "metrics.csv").read_text().splitlines() == [
        "step,loss,validation/rank-1",
        "10,0.1,",
        "20,0.25,0.5",
        "30,1e-09,",
    ]


def test_a_resumed_file_equals_an_undisturbed_one(tmp_path: Path) -> None:
    undisturbed, resumed = MetricsFile(tmp_path / "a.csv"), MetricsFile(tmp_path / "b.csv")
    calls = [(10, {"loss": 3.0}), (20, {"loss": 2.0}), (100, {"loss": 1.0, "validation/rank-1": 0.5})]
    for step, numbers in calls:
        undisturbed(step, numbers)
        resumed(step, numbers)
    resumed.close()
    with (tmp_path / "b.csv").open("a") as file:
        file.write("1")  # cut off while a row of step 110 was written
    resumed = MetricsFile(tmp_path / "b.csv", step=10)
    assert (tmp_path / "b.csv").read_text() == "step,loss\n10,3.0\n"
    for step, numbers in calls[1:]:
        resumed(step, numbers)
    resumed.close()
    undisturbed.close()
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


@pytest.mark.parametrize("text", ["", "st", "step,loss\n", "step,loss\n5"])
def test_an_almost_empty_file_can_be_resumed(tmp_path: Path, text: str) -> None:
    (tmp_path / "metrics.csv").write_text(text)
    file = MetricsFile(tmp_path / "metrics.csv", step=9)
    file(10, {"loss": 1.0})
    file.close()
    assert (tmp_path / "metrics.csv").read_text() == "step,loss\n10,1.0\n"


def test_the_bar_is_silent_without_a_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    bar = ProgressBar(5)
    bar.advance(1)
    bar(1, {"loss": 0.5})
    bar.close()
    assert capfd.readouterr() == ("", "")


def test_the_bar_shows_loss_and_validation(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    bar = ProgressBar(5, 2)
    bar(4, {"loss": 0.5, "pair/loss": 0.125, "validation/rank-1": 0.75})
    bar.close()
    shown = capfd.readouterr().err
    assert "4/5" in shown
    assert "loss 0.5" in shown
    assert "0.125" not in shown

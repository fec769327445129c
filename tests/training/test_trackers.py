"""Trackers get the numbers, and a resumed run goes on with its own curves."""

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from walkprint.core.errors import RecipeError
from walkprint.training.trackers import TRACKERS, MLflow, TensorBoard, WeightsAndBiases, tracker


def test_tensorboard_gets_the_numbers(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    board = TensorBoard(tmp_path)
    board(10, {"loss": 0.5})
    board(20, {"loss": 0.25})
    board.close()
    seen = EventAccumulator(str(tmp_path / "tensorboard")).Reload().Scalars("loss")
    assert [(one.step, one.value) for one in seen] == [(10, 0.5), (20, 0.25)]


def test_mlflow_keeps_one_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the real store of files."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"file:{tmp_path / 'mlflow'}")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    mlflow = pytest.importorskip("mlflow")
    (tmp_path / "run").mkdir()
    for step in (1, 2):
        listener = MLflow(tmp_path / "run")
        listener(step, {"loss": 1 / step, "pair/loss": 0.5})
        listener.close()
    client, name = mlflow.MlflowClient(), (tmp_path / "run" / "mlflow.txt").read_text().strip()
    assert [(one.step, one.value) for one in client.get_metric_history(name, "loss")] == [(1, 1.0), (2, 0.5)]
    found = client.get_run(name)
    assert (found.info.status, found.info.run_name, found.data.metrics["pair/loss"]) == ("FINISHED", "run", 0.5)


def test_wandb_is_asked_for_the_same_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a stand-in: the real one needs an account."""
    asked: list[Any] = []

    def init(**settings: Any) -> Any:
        asked.append(settings)
        log = lambda numbers, step: asked.append((step, numbers))  # noqa: E731
        return SimpleNamespace(id=settings["id"] or "abc", log=log, finish=lambda: asked.append("finish"))

    monkeypatch.setitem(sys.modules, "wandb", SimpleNamespace(init=init, __spec__=SimpleNamespace()))
    for step in (1, 2):
        listener = WeightsAndBiases(tmp_path)
        listener(step, {"loss": 0.5})
        listener(step + 10, {"loss": 0.25})
        listener.close()
        listener.close()
    first, second = (
        {"dir": str(tmp_path), "name": tmp_path.name, "id": name, "resume": "allow"} for name in (None, "abc")
    )
    assert asked == [
        first, (1, {"loss": 0.5}), (11, {"loss": 0.25}), "finish",
        second, (2, {"loss": 0.5}), (12, {"loss": 0.25}), "finish",
    ]  # fmt: skip


@pytest.mark.parametrize("name", TRACKERS)
def test_a_missing_package_is_named(name: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(RecipeError, match=rf"{name} is not installed; .*walkprint\[{name}\]"):
        tracker(name, tmp_path)
    assert not list(tmp_path.iterdir())

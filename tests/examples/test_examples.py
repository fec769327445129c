"""Every example runs as a script in an empty folder and prints something; none is longer than 80 lines."""

import runpy
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).resolve().parents[2] / "examples").glob("*.py"))
PRINTED = {
    "01": "rank-1",
    "02": "TAR@FAR",
    "03": "compactness/loss",
    "04": "minus middle",
    "05": "quality: generated -, recorded",  # nobody of whom takes are made was recorded in a coat
    "06": "Anna  score",
}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_runs(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(path.read_text().splitlines()) <= 80
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(path), run_name="__main__")
    assert PRINTED[path.stem[:2]] in capsys.readouterr().out

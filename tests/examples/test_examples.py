"""Every example runs as a script in an empty folder and prints something; none is longer than 80 lines."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).resolve().parents[2] / "examples").glob("*.py"))
PRINTED = {
    "01": "rank-1",
    "02": "TAR@FAR",
    "03": "compactness/loss",
    "04": "minus middle",
    "05": "quality: generated -, recorded",  # nobody of whom takes are made was recorded in a coat
    "06": "Anna  best Anna",
}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_runs(path: Path, tmp_path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 80
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, path], cwd=tmp_path, capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr
    assert PRINTED[path.stem[:2]] in done.stdout

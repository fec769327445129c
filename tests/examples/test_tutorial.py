"""The tutorial runs as it stands, only smaller: its commands in the order of the page, then its Python."""

import re
import shlex
from pathlib import Path

import pytest

from walkprint.cli import main

PAGE = Path(__file__).resolve().parents[2] / "docs" / "tutorial.md"
SMALLER = {
    "--subjects 20 --train 12": "--subjects 6 --train 4",
    "--views 072,090,108": "--views 072,108",
    "--frames 30": "--frames 6 --workers 1",
    "network.num_subjects=12": "network.num_subjects=4",
    "schedule.steps=60": "schedule.steps=1 schedule.clips_per_subject=2 frames.count=4",
    "subjects_per_batch=8": "subjects_per_batch=2",
    "results/twenty.npz --out results/twenty": "results/twenty.npz --out results/twenty --resamples 10",
    "results/energy.npz --out results/energy": "results/energy.npz --out results/energy --resamples 10",
}


@pytest.mark.slow
def test_the_tutorial_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    text = PAGE.read_text()
    for shown, smaller in SMALLER.items():
        assert shown in text, f"the tutorial no longer says {shown}"
        text = text.replace(shown, smaller)
    monkeypatch.chdir(tmp_path)
    for language, block in re.findall(r"```(\w*)\n(.*?)```", text, flags=re.DOTALL):
        if language == "python":
            exec(compile(block, str(PAGE), "exec"), {})
            continue
        for command in block.replace("\\\n", " ").strip().splitlines():
            verb, *words = shlex.split(command)
            assert verb == "walkprint"
            assert main(words) == 0, capsys.readouterr().err
    printed = capsys.readouterr().out
    assert printed.count("rank-1 by probe view") == 2
    assert (tmp_path / "results" / "twenty" / "report.html").is_file()
    assert (tmp_path / "walkers.png").is_file()

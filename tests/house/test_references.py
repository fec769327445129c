"""Tests that need the reference outputs beside the project are counted where these are absent."""

import shutil
import subprocess
import sys
from pathlib import Path

TESTS = """
def test_with(shared):
    pass

def test_with_others(shared):
    pass

def test_without():
    pass
"""


def test_the_summary_counts_what_was_skipped_without_references(tmp_path: Path) -> None:
    tests = tmp_path / "project" / "tests"
    tests.mkdir(parents=True)
    shutil.copy(Path(__file__).parents[1] / "conftest.py", tests)
    (tests / "test_some.py").write_text(TESTS)
    run = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tests)]
    without = subprocess.run(run, cwd=tests, capture_output=True, text=True, check=False)
    assert "2 skipped: no folder of reference outputs" in without.stdout
    assert "1 passed, 2 skipped" in without.stdout
    (tmp_path / "shared").mkdir()
    done = subprocess.run(run, cwd=tests, capture_output=True, text=True, check=False)
    assert "3 passed" in done.stdout
    assert "reference" not in done.stdout

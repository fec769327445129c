import os
import subprocess
import sys
from pathlib import Path

import walkprint

PROGRAM = """
import os, sys
from numba.core import caching
if sys.argv[1] == "nowhere":
    caching.InTreeCacheLocator.get_cache_path = lambda self: "/dev/null/package"
    caching.UserWideCacheLocator.get_cache_path = lambda self: "/dev/null/home"
import numpy as np
from walkprint.core.distance import part_distances
vectors = np.eye(3, dtype=np.float32)[:, None]
assert part_distances(vectors, vectors).trace() == 0
print(os.environ.get("NUMBA_CACHE_DIR", ""))
"""


def run(*words: str, **environment: str) -> Path:
    known = os.environ | {"PYTHONPATH": str(Path(walkprint.__file__).parents[1])} | environment
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *words], env=known, stdout=subprocess.PIPE, text=True, check=True
    )
    return Path(done.stdout.strip())


def test_without_a_writable_place_the_cache_is_temporary(tmp_path):
    used = run("nowhere", TMPDIR=str(tmp_path))
    assert used.parent == tmp_path
    assert list(tmp_path.iterdir()) == []  # the process took it away at its end


def test_a_cache_folder_that_is_a_file_does_no_harm(tmp_path):
    (tmp_path / "file").touch()
    assert run("nowhere", NUMBA_CACHE_DIR=str(tmp_path / "file"), TMPDIR=str(tmp_path)).parent == tmp_path


def test_without_any_place_nothing_is_cached():
    run("nowhere", TMPDIR="/dev/null", TMP="/dev/null", TEMP="/dev/null", NUMBA_CACHE_DIR="/dev/null/x")

"""Help and refusals are quick: nothing heavy is loaded for them."""

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from walkprint.cli import VERBS
from walkprint.core.embedding import EmbeddingSet
from walkprint.core.protocol import Protocol
from walkprint.core.sequence import SequenceKey
from walkprint.recipes.protocols import protocols_file

HEAVY = ("torch", "numba", "cv2", "numpy", "matplotlib", "rich", "lightning_fabric")
_CODE = """
import resource, sys
from walkprint.cli import main
code = main(sys.argv[1:])
used = resource.getrusage(resource.RUSAGE_SELF)
print(code, round(used.ru_utime + used.ru_stime, 2), *sorted(set({heavy}) & set(sys.modules)), file=sys.stderr)
"""


def _outcome(*words: str, folder: Path) -> tuple[str, float, list[str]]:
    """Exit code, CPU seconds, heavy libraries that were loaded."""
    command = [sys.executable, "-c", _CODE.format(heavy=HEAVY), *words]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
    code, seconds, *loaded = done.stderr.splitlines()[-1].split()
    return code, float(seconds), loaded


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], "2"),
        (["--help"], "0"),
        (["trian"], "2"),
        (["recipes"], "0"),
        (["train", "none.yaml", "--run", "r"], "2"),
        (["train", "--run", "r"], "2"),
        (["train", "walkers/gaitset_narrow", "--run", "r", "--acelerator", "cpu"], "2"),
        (["train-generator", "none.yaml", "--run", "r"], "2"),
        (["embed", "--run", "none", "--out", "e.npz"], "2"),
        (["embed", "--run", "street", "--out", "e.npz"], "2"),
        (["evaluate", "--embeddings", "none.npz"], "2"),
        (["calibrate", "--embeddings", "none.npz", "--out", "h.site"], "2"),
        (["evaluate", "--config", "none.yaml"], "2"),
        (["compare", "none.npz", "gone.npz"], "2"),
        (["evaluate", "--embeddings", "none.npz", "--resamples", "some"], "2"),
        (["prepare", "Folder", "--root", "none", "--out", "s"], "2"),
        (["segment", "none.mp4", "--out", "s"], "2"),
        (["expand", "--data", "Walkers", "--run", "none", "--wanted", "cl=2", "--out", "s"], "2"),
        (["report", "none.json", "--out", "x.html"], "2"),
        (["study", "inter-clas"], "2"),
        (["import-opengait", "none.pt", "--network", "GaitSet", "--out", "n"], "2"),
        (["import-gaitnet", "none.pickle", "--out", "n"], "2"),
        (["import-opengait-config", "none.yaml"], "2"),
        (["export", "none", "--out", "n"], "2"),
        (["completion", "bash"], "0"),
    ],
    ids=" ".join,
)
def test_what_is_known_early_is_said_early(words: list[str], expected: str, tmp_path: Path) -> None:
    code, seconds, loaded = _outcome(*words, folder=tmp_path)
    assert (code, loaded) == (expected, [])
    assert seconds < 1.5


def test_help_of_every_verb_loads_nothing_heavy(tmp_path: Path) -> None:
    code = "import sys; from walkprint.cli import main\nfor verb in sys.argv[1:]: main([verb, '--help'])\n"
    code += f"print(*set({HEAVY}) & set(sys.modules), file=sys.stderr)"
    start = time.process_time()
    done = subprocess.run([sys.executable, "-c", code, *VERBS], capture_output=True, text=True, check=True)
    assert done.stderr == "\n"
    assert done.stdout.count("usage: walkprint ") == len(VERBS)
    assert time.process_time() - start < 1.5


@pytest.mark.parametrize("protocol", [["--protocol", "p.yaml"], []], ids=["by file", "beside the embeddings"])
def test_tables_are_made_without_torch(protocol: list[str], tmp_path: Path) -> None:
    keys = [SequenceKey(subject, "nm", take, "090") for subject in "ab" for take in ("01", "02")]
    vectors = np.random.default_rng(0).normal(size=(4, 2, 3)).astype(np.float32)
    EmbeddingSet(vectors, keys).save(tmp_path / "e.npz")
    (tmp_path / "p.yaml").write_text('name: p\ngallery: {takes: ["01"]}\nprobes: {second: {takes: ["02"]}}\n')
    found = Protocol.from_dict({"name": "p", "gallery": {"takes": ["01"]}, "probes": {"second": {"takes": ["02"]}}})
    protocols_file(tmp_path / "e.npz").write_text(json.dumps([found.to_dict()]))
    words = ["evaluate", "--embeddings", "e.npz", *protocol, "--resamples", "0", "--out", "r"]
    code, _, loaded = _outcome(*words, folder=tmp_path)
    assert code == "0"
    assert (tmp_path / "r" / "report.html").is_file()
    assert not {"torch", "lightning_fabric"} & {*loaded}

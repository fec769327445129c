"""Hostile files and odd outputs end in one line, or in a counted fault; nothing hangs, nothing takes the memory."""

import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from walkprint.cli import main
from walkprint.core.arrays import read_arrays
from walkprint.core.embedding import EmbeddingSet
from walkprint.core.errors import DataError
from walkprint.core.files import printable, read_bytes, write_atomically
from walkprint.core.sequence import SequenceKey
from walkprint.networks import GaitSet
from walkprint.training.checkpoint import save_network
from walkprint.training.run import RunFolder

Captured = pytest.CaptureFixture[str]


def refused(words: list[str], capsys: Captured) -> str:
    capsys.readouterr()
    assert main(words) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1, error
    return error


def _masks(root: Path, *people: str) -> Path:
    mask = np.zeros((80, 60), np.uint8)
    mask[10:70, 20:40] = 255
    for person in people:
        folder = root / person / "nm-01" / "090"
        folder.mkdir(parents=True)
        for name in ("1.png", "3.png"):
            (folder / name).write_bytes(cv2.imencode(".png", mask)[1].tobytes())
    return root


def test_a_pipe_among_the_frames_is_counted(tmp_path: Path, capsys: Captured) -> None:
    root = _masks(tmp_path / "masks", "ann", "bob")
    os.mkfifo(root / "ann" / "nm-01" / "090" / "2.png")
    words = ["prepare", "Folder", "--root", str(root), "--out", str(tmp_path / "s"), "--workers", "1", "--json"]
    assert main(words) == 0
    out = capsys.readouterr().out
    assert json.loads(out)["frames"] == 4
    assert "is no regular file" in out


@pytest.mark.parametrize("name", ["a\x9bm", "a\u202eb", b"a\xff".decode(errors="surrogateescape")])
def test_names_that_cannot_be_shown_are_refused(name: str, tmp_path: Path, capsys: Captured) -> None:
    with pytest.raises(DataError, match="rename it"):
        SequenceKey(name)
    root = _masks(tmp_path / "masks", "bob", name)
    error = refused(["prepare", "Folder", "--root", str(root), "--out", str(tmp_path / "s"), "--workers", "1"], capsys)
    assert name not in error
    assert name not in refused(["train", f"{name}.yaml", "--run", "r"], capsys)


def test_text_is_written_so_that_it_can_be_shown(tmp_path: Path) -> None:
    write_atomically(tmp_path / "x.json", json.dumps({"a": "é\x9b\u202e\ud83d😀"}, ensure_ascii=False))
    text = (tmp_path / "x.json").read_text(encoding="utf-8")
    assert text == '{"a": "é\\u009b\\u202e\\ud83d😀"}'
    assert printable("a\tb\n\x1b") == "a\tb\n\\u001b"


def _npz(path: Path, header: bytes, data: bytes = b"") -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("subject", "condition", "take", "view", "source", "vectors"):
            archive.writestr(f"{name}.npy", header + data)
    return path


def test_a_huge_header_takes_no_memory(tmp_path: Path, capsys: Captured) -> None:
    made = io.BytesIO()
    np.lib.format.write_array_header_1_0(made, {"descr": "<f4", "fortran_order": False, "shape": (10**9, 10**6, 10)})
    for header in (made.getvalue(), b"", b"\x93NUMPY\x01\x00\xff\xff", b"\x93NUMPY\x09\x09", b"none"):
        file = _npz(tmp_path / "e.npz", header)
        with pytest.raises(ValueError):  # noqa: PT011 - each is said otherwise
            read_arrays(file, ["vectors"])
        with pytest.raises(DataError, match="no embeddings that can be read"):
            EmbeddingSet.load(file)
        refused(["evaluate", "--embeddings", str(file)], capsys)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"class_path": ' + "[" * 5000 + "]" * 5000 + "}",
        "{}",
        "3",
        '{"class_path": 3, "init_args": 3}',
        '{"class_path": "GaitSet", "init_args": [1]}',
        '{"class_path": {}, "init_args": {}}',
        '{"class_path": "GaitSet", "init_args": {"feature": "\\ud83d"}}',
        '{"class_path": "GaitSet", "init_args": {"channels": [1e9, 2, 2]}}',
        '{"class_path": "GaitSet", "init_args": {"channels": ' + str([2] * 100_000) + "}}",
        "\ufeff{}",
    ],
)
def test_an_odd_config(text: str, tmp_path: Path, capsys: Captured) -> None:
    save_network(tmp_path / "n", GaitSet(channels=(2, 2, 2), feature=2))
    (tmp_path / "n" / "config.json").write_text(text)
    assert len(refused(["embed", "--run", str(tmp_path / "n"), "--data", str(tmp_path), "--out", "e"], capsys)) < 2100


def test_a_huge_config_is_not_read(tmp_path: Path, capsys: Captured) -> None:
    save_network(tmp_path / "n", GaitSet(channels=(2, 2, 2), feature=2))
    with (tmp_path / "n" / "config.json").open("r+b") as file:
        file.truncate(1 << 40)
    error = refused(["embed", "--run", str(tmp_path / "n"), "--data", str(tmp_path), "--out", "e"], capsys)
    assert "expected at most" in error
    with pytest.raises(OSError, match="no regular file"):
        read_bytes("/dev/zero")


def test_odd_versions_and_meta(store: Path, tmp_path: Path, capsys: Captured) -> None:
    run = RunFolder(tmp_path)
    for text in ("{}", "3", "[" * 100_000, "no"):
        run.versions.write_text(text)
        run.note_versions(3)
        assert [one["step"] for one in json.loads(run.versions.read_text())] == [3]
    meta = json.loads((store / "meta.json").read_text())
    copy = tmp_path / "store"
    copy.mkdir()
    for file in store.iterdir():
        if file.name != "meta.json":
            (copy / file.name).symlink_to(file)
    for name in meta:
        for odd in (None, 3, -1, "x", [], {}, [3], {"a": 3}, [["a"]], 10**30, True):
            (copy / "meta.json").write_text(json.dumps({**meta, name: odd}))
            code = main(["embed", "--energy_image", "--data", str(copy), "--out", str(tmp_path / "e.npz")])
            error = capsys.readouterr().err
            assert code == 0 or (code == 2 and error.count("\n") == 1), (name, odd, error)


@pytest.mark.parametrize("words", [["recipes"], ["--help"], ["train", "--help"]])
def test_stdout_that_is_full_or_closed(words: list[str], tmp_path: Path) -> None:
    command = f"{sys.executable} -m walkprint {' '.join(words)}"
    for redirected, code, lines in (("> /dev/full", 2, 1), (">&-", 0, 0), ("| head -c 1 > /dev/null", 0, 0)):
        line = f"set -o pipefail; {command} {redirected}"
        done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False, cwd=tmp_path)
        assert (done.returncode, done.stderr.count("\n")) == (code, lines), done.stderr


def test_an_output_of_ascii_shows_everything(tmp_path: Path) -> None:
    (tmp_path / "ümlaut😀.yaml").write_text("# Ünïcode 😀\n")
    command = [sys.executable, "-m", "walkprint", "recipes", "ümlaut😀.yaml"]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = subprocess.run(command, capture_output=True, env=environment, check=False, cwd=tmp_path)
    assert done.returncode == 0
    assert b"\\xdcn\\xefcode \\U0001f600" in done.stdout

"""What verbs do on a Ray cluster of two workers is, byte for byte, what one process does; so is what they resume."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from benchmarks._street import street

from tests.generation.miniatures import tiny_store
from tests.studies.test_grid import CELLS, computed, square
from tests.video.films import film
from walkprint.capture import capture, recordings
from walkprint.core.engine import Ray
from walkprint.core.sequence import SequenceKey
from walkprint.data.packed import Packed
from walkprint.data.prepare import pack
from walkprint.data.walkers import Walkers
from walkprint.evaluation import embed
from walkprint.generation.baselines import NoiseInjection
from walkprint.generation.expand import expand
from walkprint.networks import GaitSet
from walkprint.studies.grid import Cell, read_cells, run_cells
from walkprint.video.background import Background

PEOPLE = {"subjects": 3, "train": 2, "views": ("072", "108"), "frames": 6, "takes": {"nm": 2}}


def content(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


class Interruption(Exception):
    pass


def stop_at(count: int) -> Any:
    def progress(done: int, total: int) -> None:
        if done == count:
            raise Interruption

    return progress


def test_prepare_and_walkers_resumed(cluster: Ray, tmp_path: Path) -> None:
    people, seen = Walkers(**PEOPLE), []
    one = pack(people, tmp_path / "one", workers=1)
    with pytest.raises(Interruption):
        pack(people, tmp_path / "two", workers=1, progress=stop_at(3))
    two = pack(people, tmp_path / "two", engine=cluster, progress=lambda *numbers: seen.append(numbers))
    assert content(tmp_path / "one") == content(tmp_path / "two")
    assert seen == [(done, 12) for done in range(4, 13)]
    assert one.to_dict() | {"path": ""} == two.to_dict() | {"path": ""}


def test_embed(cluster: Ray, tmp_path: Path) -> None:
    store = tiny_store(tmp_path / "store", subjects=4)
    network = GaitSet(channels=(2, 2, 4), strips=(1, 2), feature=4)
    one = embed(network, store, frames_per_batch=24, max_frames=5)
    two = embed(network, store, frames_per_batch=24, max_frames=5, engine=cluster)
    assert (one.vectors == two.vectors).all()
    assert (one.keys, one.source) == (two.keys, two.source)


def test_expand_resumed(cluster: Ray, tmp_path: Path) -> None:
    tiny_store(tmp_path / "store")
    people = Packed(tmp_path / "store", train=2)

    def expanded(name: str, **more: Any) -> dict[str, bytes]:
        return content(expand(people, NoiseInjection(), wanted={"cl": 4}, out=tmp_path / name, seed=3, **more))

    with pytest.raises(Interruption):
        expanded("two", progress=stop_at(2))
    assert expanded("one") == expanded("two", engine=cluster) == expanded("three", workers=2)


def test_segment(cluster: Ray, tmp_path: Path) -> None:
    people = Walkers(subjects=2, frames=24)
    for subject, path in (("001", (0.25, 0.7)), ("002", (0.75, 0.3))):
        key = SequenceKey(subject, "nm", "01", "090")
        shown = street(people, [key], height_px=160, width_px=240, person=0.7, paths=[path], feet=(0.88,))
        (tmp_path / "films" / "nm").mkdir(parents=True, exist_ok=True)
        film(tmp_path / "films" / "nm" / f"{subject}.mp4", [frame for frame, _ in shown])
    videos, seen = recordings(tmp_path / "films"), []
    one = capture(videos, Background(), tmp_path / "one")
    two = capture(
        videos, Background(), tmp_path / "two", engine=cluster, progress=lambda *numbers: seen.append(numbers)
    )
    assert content(tmp_path / "one") == content(tmp_path / "two")
    assert one.to_dict() | {"out": ""} == two.to_dict() | {"out": ""}
    assert all((a.frames == b.frames).all() and a.key == b.key for a, b in zip(one.shown, two.shown, strict=True))
    assert seen == [(1, 2), (2, 2)]


def test_study(cluster: Ray, tmp_path: Path) -> None:
    cells = [*CELLS, Cell("bad", {"number": -1})]
    run_cells(CELLS[:1], square, tmp_path)
    assert run_cells(cells, square, tmp_path, engine=cluster, workers=None) == {"bad": "a negative number"}
    assert [one["square"] for one in read_cells(cells, tmp_path).values()] == [0, 1, 4, 9]
    assert sorted(computed(tmp_path)) == ["bad", *(cell.name for cell in CELLS)]


def test_the_command_joins_a_running_cluster(cluster: Ray, tmp_path: Path) -> None:
    import ray

    pack(Walkers(**PEOPLE), tmp_path / "one", workers=1)
    words = ["walkers", "--out", "two", "--subjects", "3", "--train", "2", "--views", "072,108", "--frames", "6"]
    words += ["--takes", "nm=2", "--engine", "ray", "--address", ray.get_runtime_context().gcs_address]
    subprocess.run([sys.executable, "-m", "walkprint", *words], cwd=tmp_path, check=True, timeout=120)
    assert content(tmp_path / "one") == content(tmp_path / "two")

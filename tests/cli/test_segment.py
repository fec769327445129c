"""`walkprint segment`, from a film of rendered people to a store that `walkprint embed` reads."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from benchmarks._street import street
from tests.video.films import film

from walkprint.capture import _few_frames
from walkprint.cli import main
from walkprint.core.sequence import Clip, SequenceKey
from walkprint.data.packed import Packed
from walkprint.data.store import Store
from walkprint.data.walkers import Walkers
from walkprint.evaluation.sheets import contact_sheet
from walkprint.networks.gaitnet import GaitNet
from walkprint.recipes.segmentation import segment_to_store
from walkprint.video.reader import Video

Captured = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Two films of one walker each, from left to right and back."""
    folder = tmp_path_factory.mktemp("films")
    walkers = Walkers(subjects=2, frames=24)
    files = []
    for name, path in (("anna", (0.25, 0.7)), ("ben", (0.75, 0.3))):
        key = SequenceKey("001" if name == "anna" else "002", "nm", "01", "090")
        shown = street(walkers, [key], height_px=160, width_px=240, person=0.7, paths=[path], feet=(0.88,))
        files.append(str(film(folder / f"{name}.mp4", [frame for frame, _ in shown])))
    return files


def test_films_become_a_store_that_embedding_reads(tmp_path: Path, videos: list[str], capsys: Captured) -> None:
    store, preview = tmp_path / "store", tmp_path / "preview"
    assert main(["segment", *videos, "--out", str(store), "--preview", str(preview), "--json", "--one_person"]) == 0
    printed = capsys.readouterr()
    assert "segmenting: video 2 of 2, 24 of 24 done in" in printed.err
    said = json.loads(printed.out)
    assert (said["subjects"], said["walks"], said["lost"]) == (2, 2, [])
    assert said["artifacts"] == [str(preview / name) for name in ("anna.mp4", "ben.mp4", "sheet.png")]
    assert all(Path(file).is_file() for file in said["artifacts"])
    opened = Store.open(store)
    assert opened.keys == (SequenceKey("anna", "", "01", "right"), SequenceKey("ben", "", "01", "left"))
    assert (opened.channels, opened.height_px) == (1, 64)
    assert opened.lengths.min() >= 20
    clip = opened.read(opened.keys[0])
    assert clip.frame_rate_hz == pytest.approx(25, rel=0.02)
    assert len(np.unique(clip.frames)) > 100, "soft masks"
    assert Packed(store).keys("all")
    assert main(["embed", "--energy_image", "--data", str(store), "--out",
                 str(tmp_path / "e.npz")]) == 0  # fmt: skip
    assert len(list(Video(preview / "anna.mp4"))) == 24
    assert cv2.imread(str(preview / "sheet.png")) is not None


def test_a_second_recording_is_asked_for_and_what_is_left_out_stays_known(
    tmp_path: Path, videos: list[str], capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    film(
        Path("anna.mp4"), [frame.image for frame in [*Video(videos[0]), *list(Video(videos[1]))[:8]]]
    )  # ben: too short
    assert main(["segment", "anna.mp4", "--out", "my store"]) == 0
    said = capsys.readouterr().out
    assert "no subject has a second recording, so identification has no gallery; use --one_person, or more" in said
    left_out = dict(re.findall(r"left out: (\d+) frames?, (.*)", said))
    assert left_out
    assert Store.open("my store").meta["dropped"] == {reason: int(count) for count, reason in left_out.items()}
    command = shlex.split(said.splitlines()[-1].removeprefix("next: walkprint "))
    assert main(command) == 0
    capsys.readouterr()
    assert "has no subject a second reco" in _refused(["evaluate", "--embeddings", command[-1]], capsys)


def test_people_who_are_named_already_need_more_videos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "anna.mp4").touch()
    found = SimpleNamespace(keys=[SequenceKey("anna")], previews=[], to_dict=dict)
    monkeypatch.setattr("walkprint.capture.capture", lambda *_, **__: found)
    monkeypatch.setattr("walkprint.capture.recordings", lambda *_, **__: [])
    said = segment_to_store([tmp_path / "anna.mp4"], out=tmp_path, segmenter="Background", one_person=True).text
    assert "; give more videos of each person, in folders CONDITION/PERSON or by a CSV file" in said
    assert "one_person" not in said


def test_two_walks_of_one_person_are_enough(tmp_path: Path, videos: list[str], capsys: Captured) -> None:
    there_and_back = [frame.image for video in videos for frame in Video(video)]
    both = str(film(tmp_path / "both.mp4", there_and_back))
    assert main(["segment", both, "--one_person", "--out", str(tmp_path / "store")]) == 0
    assert len(Store.open(tmp_path / "store").keys) == 2
    assert "second recording" not in capsys.readouterr().out


def test_color_and_background_and_tracks_as_subjects(tmp_path: Path, videos: list[str]) -> None:
    store = tmp_path / "store"
    words = ["--segmenter", "background", "--set", "segmenter.contrast=20", "--color", "--condition", "nm"]
    assert main(["segment", videos[0], "--out", str(store), *words]) == 0
    opened = Store.open(store)
    assert opened.channels == 3
    assert {(key.subject[:5], key.condition) for key in opened.keys} == {("anna-", "nm")}
    assert opened.meta["settings"]["segmenter"]["class_path"].endswith("Background")


def test_the_crop_of_gaitnet_is_packed_at_its_size(tmp_path: Path, videos: list[str], capsys: Captured) -> None:
    store = tmp_path / "store"
    assert "without color" in _refused(["segment", videos[0], "--out", str(store), "--gaitnet_crop"], capsys)
    words = ["--color", "--gaitnet_crop", "--preview", str(tmp_path / "preview")]
    assert main(["segment", videos[0], "--out", str(store), *words]) == 0
    opened = Store.open(store)
    assert (opened.channels, opened.height_px, opened.width_px) == (3, 64, 32)
    frames = torch.from_numpy(opened.read(opened.keys[0]).frames)
    assert GaitNet(num_subjects=2, width=4).prepare(frames[None]).shape[2:] == (3, 64, 32)
    assert cv2.imread(str(tmp_path / "preview" / "sheet.png")).shape[0] > 63


def test_the_sheet_shows_what_it_would_of_whole_clips() -> None:
    for length in (1, 12, 13, 100):
        frames = np.random.default_rng(length).integers(0, 256, (length, 1, 8, 8), dtype=np.uint8)
        clip = Clip(frames, SequenceKey("anna"))
        assert contact_sheet([_few_frames(clip)]) == contact_sheet([clip])


_MEASURED = """
import re, sys
from pathlib import Path
from walkprint.cli import main
code = main(sys.argv[1:])
print(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
sys.exit(code)
"""


def _peak_kb(folder: Path, frames: int) -> int:
    """The most memory that the verb held in a process of its own, for a film of somebody who walks to and fro.

    Not `ru_maxrss`, which a process takes over from the one that starts it.
    """
    images = []
    for i in range(frames):
        image = np.full((96, 160, 3), 60, np.uint8)
        cv2.ellipse(image, (round(80 + 50 * np.sin(i / 25)), 48), (14, 34), 0, 0, 360, (220, 120, 90), -1)
        images.append(image)
    video = film(folder / f"{frames}.mp4", images)
    words = [
        "segment",
        str(video),
        "--out",
        str(folder / f"{frames}"),
        "--preview",
        str(folder),
        "--color",
        "--keep_all",
    ]
    done = subprocess.run(
        [sys.executable, "-c", _MEASURED, *words, "--keep_all", "--segmenter", "background"],
        env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert Store.open(folder / f"{frames}").lengths.sum() > 0.9 * frames
    return int(done.stdout.split()[-1])


@pytest.mark.slow
def test_memory_does_not_grow_with_the_film(tmp_path: Path) -> None:
    """Both films hold several of the longest walks, so what is held of one is held in both; the rest is fragments."""
    short, long = 1000, 3000
    grown_kb = _peak_kb(tmp_path, long) - _peak_kb(tmp_path, short)
    packed_kb = (long - short) * 3 * 64 * 64 / 1024
    assert grown_kb < packed_kb / 2, (
        "whoever held the pictures that are packed, the least of all, would hold twice this"
    )


def test_a_folder_of_pictures_has_the_rate_that_is_said(tmp_path: Path, videos: list[str]) -> None:
    pictures, store = tmp_path / "pictures", tmp_path / "store"
    pictures.mkdir()
    for frame in Video(videos[0]):
        cv2.imwrite(str(pictures / f"{frame.number}.png"), frame.image[:, :, ::-1])
    assert main(["segment", str(pictures), "--out", str(store), "--image_rate_hz", "10", "--one_person"]) == 0
    opened = Store.open(store)
    assert opened.read(opened.keys[0]).frame_rate_hz == pytest.approx(10, rel=0.05)


def _refused(words: list[str], capsys: Captured) -> str:
    assert main(words) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("walkprint: error: ")
    assert shown.err.count("\n") == 1
    return shown.err


def test_everything_wrong_is_one_line(tmp_path: Path, videos: list[str], capsys: Captured) -> None:
    out = str(tmp_path / "store")
    (tmp_path / "words.mp4").write_text("no video\n" * 50)
    assert "no video that can be read" in _refused(["segment", str(tmp_path / "words.mp4"), "--out", out], capsys)
    assert "no such file" in _refused(["segment", str(tmp_path / "gone.mp4"), "--out", out], capsys)
    assert "two videos are called anna" in _refused(["segment", videos[0], videos[0], "--out", out], capsys)
    assert "already exists" in _refused(["segment", videos[0], "--out", str(tmp_path)], capsys)
    still = str(film(tmp_path / "still.mp4", [np.full((48, 64, 3), 90, np.uint8)] * 20))
    assert "no walk of 15 frames" in _refused(["segment", still, "--out", out], capsys)
    for words in (["--segmenter", "magic"], ["--segmenter=magic"]):
        refused = _refused(["segment", videos[0], "--out", out, *words], capsys)
        assert "expected one of Background, " in refused
        assert "MaskRcnn" in refused  # a class that another test defines may stand between them
    slow = _refused(["segment", str(tmp_path), "--out", out, "--image_rate_hz", "0"], capsys)
    assert "image_rate_hz: expected more than 0, found 0" in slow
    taken = ["--preview", str(tmp_path / "words.mp4")]
    assert "words.mp4: " in _refused(["segment", videos[0], "--out", out, *taken], capsys)
    torn = tmp_path / "torn.avi"
    film(torn, [np.full((48, 64, 3), 90 + i % 2, np.uint8) for i in range(60)])
    torn.write_bytes(torn.read_bytes()[: torn.stat().st_size * 2 // 3])
    assert "of the 60 frames" in _refused(["segment", str(torn), "--out", out], capsys)
    assert not list(tmp_path.glob("*store*")), "nothing is left behind"


def test_an_unfinished_store_takes_no_walks_of_another_video_of_the_same_name(
    tmp_path: Path, videos: list[str], capsys: Captured
) -> None:
    changing = tmp_path / "zoe"  # its pictures differ in size, which shows after anna is packed
    changing.mkdir()
    for number in (1, 2):
        cv2.imwrite(str(changing / f"{number}.png"), np.full((40, 40 + number, 3), 90, np.uint8))
    anna = tmp_path / "anna.mp4"
    words = ["segment", str(anna), str(changing), "--out", str(tmp_path / "store")]
    anna.write_bytes(Path(videos[0]).read_bytes())
    assert "frame 2 is" in _refused(words, capsys)
    anna.write_bytes(Path(videos[1]).read_bytes())
    assert "other settings" in _refused(words, capsys)

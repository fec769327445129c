import os
import shutil
import signal
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest
from tests.data.miniatures import casia_keys, draw_person, write_tree

from walkprint.core.errors import DataError, RecipeError
from walkprint.core.sequence import Clip, SequenceKey
from walkprint.data.base import GaitDataset
from walkprint.data.casia_b import CasiaB
from walkprint.data.folder import Folder
from walkprint.data.packed import Packed
from walkprint.data.prepare import pack, prepare
from walkprint.data.store import Store
from walkprint.data.walkers import Walkers

KEYS = [SequenceKey(s, "nm", t, v) for s in "abc" for t in ("01", "02") for v in ("000", "090")]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    path = tmp_path_factory.mktemp("raw")
    write_tree(path, KEYS)
    return path


def same(one, other):
    return one.keys == other.keys and all((one.read(k).frames == other.read(k).frames).all() for k in one.keys)


def test_processes_make_no_difference(root, tmp_path):
    seen = []
    reports = [
        pack(Folder(root), tmp_path / str(workers), workers=workers, progress=lambda *numbers: seen.append(numbers))
        for workers in (1, 2)
    ]
    assert seen == [(i, 12) for i in range(1, 13)] * 2
    assert [(r.finished, r.sequences, r.frames) for r in reports] == [(True, 12, 72)] * 2
    for file in ("shard-00000.bin", "meta.json"):
        assert (tmp_path / "1" / file).read_bytes() == (tmp_path / "2" / file).read_bytes()
    dataset = Folder(root)
    store = Store.open(tmp_path / "1")
    for key in KEYS:
        np.testing.assert_array_equal(store.read(key).frames, dataset.read(key).frames)
    assert store.meta["dataset"] == "Folder"


def test_shares_make_no_difference(root, tmp_path):
    pack(Folder(root), tmp_path / "whole", workers=1)
    for number in (2, 0, 1):
        report = pack(Folder(root), tmp_path / "s", workers=1, share=(number, 3))
        assert report.finished == (number == 1)
        assert report.sequences == 4
        assert ("other shares are still missing" in str(report)) == (number != 1)
    assert same(Store.open(tmp_path / "s"), Store.open(tmp_path / "whole"))


@pytest.mark.parametrize(("bits", "compression"), [(1, None), (8, "zstd")])
def test_packings(root, tmp_path, bits, compression):
    pack(Folder(root), tmp_path / "s", workers=1, bits=bits, compression=compression)
    frames = Folder(root).read(KEYS[0]).frames
    expected = frames if bits == 8 else np.where(frames >= 128, 255, 0)
    np.testing.assert_array_equal(Store.open(tmp_path / "s").read(KEYS[0]).frames, expected)


def spoil(root):
    write_tree(root, KEYS[:3])
    (root / "a" / "nm-01" / "000" / "2.png").write_bytes(b"torn")
    for frame in (1, 2):
        (root / "a" / "nm-01" / "090" / f"{frame}.png").unlink()
    for file in (root / "a" / "nm-02" / "000").iterdir():
        file.write_bytes(b"")


def test_what_is_left_out_is_said(tmp_path):
    spoil(tmp_path / "raw")
    report = pack(Folder(tmp_path / "raw"), tmp_path / "s", workers=1)
    assert (report.sequences, report.frames) == (2, 9)
    assert report.dropped == {"corrupt": 7}
    assert report.empty == [KEYS[2]]
    assert report.short == [KEYS[1]]
    assert report.faults[0] == "a/nm-01/000/2.png: no picture"
    text = str(report)
    assert "left out: 7 frames, corrupt" in text
    assert "without a usable frame: a/nm-02/000" in text
    assert "fewer than 5 frames: a/nm-01/090" in text
    assert report.to_dict()["empty"] == ["a/nm-02/000"]
    assert Store.open(tmp_path / "s").keys == tuple(KEYS[:2])


@pytest.mark.parametrize("workers", [1, 2])
def test_strict_stops_at_the_first_fault_and_mended_continues(tmp_path, workers):
    spoil(tmp_path / "raw")
    with pytest.raises(DataError, match=r"a/nm-01/000/2\.png: no picture \(strict"):
        pack(Folder(tmp_path / "raw"), tmp_path / "s", workers=workers, strict=True)
    assert not (tmp_path / "s").exists()


def test_everything_unusable(tmp_path):
    (tmp_path / "raw" / "a" / "nm-01" / "000").mkdir(parents=True)
    with pytest.raises(DataError, match=r"no sequence has a usable frame \(no frame at all\)"):
        pack(Folder(tmp_path / "raw"), tmp_path / "s", workers=1)


def test_mended_data_is_read_again(tmp_path):
    write_tree(tmp_path / "good", KEYS[:2])
    shutil.copytree(tmp_path / "good", tmp_path / "raw")
    for file in (tmp_path / "raw").rglob("*.png"):
        file.write_bytes(b"torn")
    with pytest.raises(DataError, match=r"\(12 corrupt; first: a/nm-01/000/1\.png: no picture\)"):
        pack(Folder(tmp_path / "raw"), tmp_path / "s", workers=1)
    shutil.copytree(tmp_path / "good", tmp_path / "raw", dirs_exist_ok=True)
    assert pack(Folder(tmp_path / "raw"), tmp_path / "s", workers=1).frames == 12


def test_pictures_of_other_kinds_are_said(tmp_path):
    write_tree(tmp_path / "raw", KEYS[:2])
    other = tmp_path / "raw" / "a" / "nm-01" / "090"
    for file in other.iterdir():
        file.rename(file.with_suffix(".TIF"))
    (tmp_path / "raw" / "a" / "nm-01" / "000" / "preview.gif").touch()
    (tmp_path / "raw" / "a" / "nm-01" / "000" / "._1.tif").touch()
    report = pack(Folder(tmp_path / "raw"), tmp_path / "s", workers=1)
    assert "left out: 7 frames, unread kind of picture" in str(report)
    assert report.frames == 6
    assert report.faults == ["a/nm-01/090/1.TIF: not a kind that is read; expected .bmp, .jpeg, .jpg, .png"]
    shutil.rmtree(other.with_name("000"))
    with pytest.raises(DataError, match=r"\(6 unread kind of picture; first: .*expected .bmp, .jpeg, .jpg, .png\)"):
        pack(Folder(tmp_path / "raw"), tmp_path / "t", workers=1)


def test_pictures_at_another_depth_are_said(tmp_path):
    raw = tmp_path / "raw"
    write_tree(raw, KEYS[:4])
    for place in ("b/nm-01/1.png", "b/nm-01/10.png", "a/nm-02/000/more/1.png", "sheet.png", ".hidden/1.png", "b/x.txt"):
        (raw / place).parent.mkdir(parents=True, exist_ok=True)
        (raw / place).touch()
    with pytest.raises(
        DataError, match=r"^4 files, not at subject/condition-take/view/\*\.png, e\.g\. a/nm-02/000/more/1"
    ):
        pack(Folder(raw), tmp_path / "s", workers=1, strict=True)
    assert not [path for path in tmp_path.iterdir() if path != raw], "nothing was begun"
    report = pack(Folder(raw), tmp_path / "s", workers=1)
    assert report.misplaced == ["a/nm-02/000/more/1.png", "b/nm-01/1.png", "b/nm-01/10.png", "sheet.png"]
    assert "left out: 4 files, not at subject/condition-take/view/*.png, e.g. a/nm-02/000/more/1.png" in str(report)
    assert "people: 1, conditions: 1, views: 2" in str(report)


def test_masks_of_another_kind_are_left_out(tmp_path):
    write_tree(tmp_path / "raw", KEYS[:4])
    labels, inverted, inverted_ones = (tmp_path / "raw" / key.subject / key.recording / key.view for key in KEYS[1:4])
    for number in range(1, 7):
        mask = draw_person(number)
        cv2.imwrite(str(labels / f"{number}.png"), mask // 255 * 2)
        cv2.imwrite(str(inverted / f"{number}.png"), 255 - mask)
        cv2.imwrite(str(inverted_ones / f"{number}.png"), 1 - mask // 255)
    report = pack(Folder(tmp_path / "raw"), tmp_path / "s", workers=1)
    assert report.frames == 6
    assert report.dropped == {
        "neither 0/1 nor 0/255": 6, "foreground at the border of the frame: inverted?": 12
    }  # fmt: skip
    assert report.faults == ["a/nm-01/090/1.png: a mask of 0, 2; expected 0/1 or 0/255"]
    with pytest.raises(DataError, match=r"a mask of 0, 2; expected 0/1 or 0/255 \(strict"):
        pack(Folder(tmp_path / "raw"), tmp_path / "t", workers=1, strict=True)


def test_people_whom_the_frame_cuts_are_kept(tmp_path):
    folder = tmp_path / "raw" / "a" / "nm-01" / "000"
    folder.mkdir(parents=True)
    for number, (rows, columns) in enumerate([((0, 60), (0, 30)), ((0, 60), (20, 50)), ((5, 60), (0, 50))]):
        mask = np.zeros((60, 50), np.uint8)
        mask[slice(*rows), slice(*columns)] = 255
        cv2.imwrite(str(folder / f"{number}.png"), mask)
    person = draw_person(1)
    rows, columns = np.flatnonzero(person.any(1)), np.flatnonzero(person.any(0))
    cv2.imwrite(str(folder / "9.png"), person[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
    report = pack(Folder(tmp_path / "raw"), tmp_path / "s", workers=1)
    assert (report.frames, report.dropped) == (4, {})


def test_links_inside_are_not_astray(tmp_path):
    write_tree(tmp_path / "raw", KEYS[:2])
    (tmp_path / "raw" / "b").symlink_to(tmp_path / "raw" / "a")
    (tmp_path / "link").symlink_to(tmp_path / "raw")
    report = pack(Folder(tmp_path / "link"), tmp_path / "s", workers=1)
    assert (report.people, report.misplaced) == (2, [])


def test_nobody_with_a_second_recording_is_said(tmp_path):
    keys = [SequenceKey(s, "nm", t, v) for s, t in (("a", "01"), ("b", "02")) for v in ("000", "090")]
    write_tree(tmp_path / "raw", keys)
    assert "no subject has a second recording" in str(pack(Folder(tmp_path / "raw"), tmp_path / "s", workers=1))
    write_tree(tmp_path / "raw", [SequenceKey("b", "cl", "01", "090")])
    for part in (0, 1):  # the part that ends last holds one recording of b, the store two
        report = pack(Folder(tmp_path / "raw"), tmp_path / "t", workers=1, share=(part, 2))
        assert "second recording" not in str(report)


def interrupt(done, of):
    raise KeyboardInterrupt


def test_an_interrupted_run_goes_on_with_the_same_data_only(root, tmp_path, monkeypatch):
    write_tree(tmp_path / "others", KEYS[2:])
    shutil.copytree(root, tmp_path / "copy")
    with pytest.raises(KeyboardInterrupt):
        pack(Folder(root), tmp_path / "s", workers=1, progress=interrupt)
    for other in ("others", "copy"):
        with pytest.raises(DataError, match="an unfinished store with other settings or of other data"):
            pack(Folder(tmp_path / other), tmp_path / "s", workers=1)
    monkeypatch.chdir(root)
    seen = []
    report = pack(Folder("."), tmp_path / "s", workers=1, progress=lambda done, of: seen.append(done))
    assert seen[0] == 2
    assert report.sequences == 12
    meta = Store.open(tmp_path / "s").meta
    assert "inputs" not in meta
    assert str(root) not in str(meta)


SLOW = """
import sys, time
from walkprint.data.folder import Folder
from walkprint.data.prepare import pack
class Slow(Folder):
    def examine(self, key):
        time.sleep(0.1)
        return super().examine(key)
Slow.__name__ = "Folder"
pack(Slow(sys.argv[1]), sys.argv[2], workers=1, progress=lambda done, of: print(done, flush=True))
"""


def test_a_killed_run_continues(root, tmp_path):
    with subprocess.Popen([sys.executable, "-c", SLOW, root, tmp_path / "s"], stdout=subprocess.PIPE) as run:
        for _ in range(3):
            run.stdout.readline()
        os.kill(run.pid, signal.SIGKILL)
    assert not (tmp_path / "s").exists()
    seen = []
    start = time.monotonic()
    report = pack(Folder(root), tmp_path / "s", workers=1, progress=lambda done, of: seen.append(done))
    assert time.monotonic() - start < 20
    assert seen[-1] == 12
    assert seen[0] > 3
    assert (report.sequences, report.frames) == (12, 72)
    pack(Folder(root), tmp_path / "whole", workers=1)
    assert same(Store.open(tmp_path / "s"), Store.open(tmp_path / "whole"))
    assert Store.open(tmp_path / "s").verify() == []


@pytest.mark.parametrize("settings", [{"workers": 0}, {"share": (3, 3)}, {"share": (-1, 2)}])
def test_settings_out_of_range(root, tmp_path, settings):
    with pytest.raises(RecipeError, match=r"expected (at least 1|i/n)"):
        pack(Folder(root), tmp_path / "s", **settings)


class Colored(GaitDataset):
    """Any data set can be prepared: three channels, one sequence that cannot be read."""

    PROTOCOLS = {}

    def catalogue(self):
        return KEYS[:3]

    def subjects(self, split):
        return ["a"] if split == "test" else []

    def read(self, key):
        if key == KEYS[1]:
            raise DataError("lost")
        return Clip(np.full((5, 3, 6, 4), int(key.view), np.uint8), key, 25.0)


def test_any_data_set_can_be_prepared(tmp_path):
    report = pack(Colored(), tmp_path / "s", workers=2)
    assert report.faults == ["lost"]
    assert report.empty == [KEYS[1]]
    store = Store.open(tmp_path / "s")
    assert (store.channels, store.height_px, store.width_px) == (3, 6, 4)
    assert store.read(KEYS[2]).frame_rate_hz == 25.0


def test_what_was_prepared_is_open(root, tmp_path):
    people = prepare(Folder(root, train=["b"]), tmp_path / "s", workers=1, bits=1, compression="zstd")
    assert people.report.to_dict() == pack(Folder(root), tmp_path / "t", workers=1).to_dict() | {
        "path": str(people.root)
    }
    assert people.subjects("train") == ["b"]
    assert (people.store().bits, people.store().meta["compression"]) == (1, "zstd")


def draw(root, key, frames):
    folder = root / key.subject / key.recording / key.view
    folder.mkdir(parents=True)
    for number, frame in enumerate(frames):
        cv2.imwrite(str(folder / f"{number}.png"), frame)


def test_doubtful_frames_are_counted_and_named(tmp_path):
    person = draw_person(1)
    speck = person.copy()
    speck[2:5, 2:5] = 255
    frames = {
        KEYS[0]: [person] * 5,
        KEYS[1]: [speck] * 8,
        KEYS[2]: [np.hstack([person, person])],
        KEYS[3]: [person[:, 25:]],
    }
    for key, some in frames.items():
        draw(tmp_path / "raw", key, some)
    report = pack(Folder(tmp_path / "raw"), tmp_path / "s", workers=1)
    assert report.doubtful == {"looked at": 6, "specks": 2, "two people?": 1, "cut": 1}
    assert "doubtful: 2 of 6 frames looked at (33.3 %), specks beside the person" in str(report)
    assert "doubtful: 1 of 6 frames looked at (16.7 %), a person cut by the border of the frame" in str(report)
    assert "two large pieces in one mask (two people?)" in str(report)
    store = Store.open(tmp_path / "s")
    assert store.meta["doubtful"] == report.doubtful
    assert store.quality.startswith("s: 4 sequences, 15 frames; doubtful: 1 of 6")
    for part in (0, 1):
        pack(Folder(tmp_path / "raw"), tmp_path / "parts", workers=1, share=(part, 2))
    assert Store.open(tmp_path / "parts").meta["doubtful"] == report.doubtful


def test_clean_keeps_the_largest_piece(tmp_path):
    person = draw_person(1)
    speck = person.copy()
    speck[2:5, 2:5] = 255
    draw(tmp_path / "raw", KEYS[0], [speck])
    draw(tmp_path / "alone", KEYS[0], [person])
    cleaned, left, alone = (
        prepare(Folder(tmp_path / raw), tmp_path / out, workers=1, clean=clean)
        for raw, out, clean in (("raw", "a", True), ("raw", "b", False), ("alone", "c", False))
    )
    frames = [one.store().read(KEYS[0]).frames for one in (cleaned, left, alone)]
    np.testing.assert_array_equal(frames[0], frames[2])
    assert (frames[0] != frames[1]).any()
    assert (cleaned.settings, left.settings) == ({"size_px": 64, "clean": True}, {"size_px": 64})
    assert cleaned.report.doubtful["specks"] == 1
    with pytest.raises(RecipeError, match="no masks to clean"):
        pack(Walkers(), tmp_path / "w", clean=True)


def test_a_split_that_leaves_nobody_to_test_is_said(tmp_path):
    write_tree(tmp_path / "raw", casia_keys(subjects=("001", "002"), views=("090",)), frames=1)
    report = pack(CasiaB(tmp_path / "raw"), tmp_path / "s", workers=1)
    assert not report.tested
    assert "all subjects train by this split, none is left to test" in str(report)
    assert pack(Folder(tmp_path / "raw"), tmp_path / "t", workers=1).tested


def test_a_partition_says_who_trains_and_who_tests(tmp_path):
    keys = [SequenceKey(subject, "nm", "01", "090") for subject in "abcd"]
    write_tree(tmp_path / "raw", keys, frames=1)
    file = tmp_path / "split.json"
    file.write_text('{"TRAIN_SET": ["d", "a", "x"], "TEST_SET": ["b", "y"]}')
    packed = prepare(Folder(tmp_path / "raw", partition=file), tmp_path / "s", workers=1)
    assert (packed.subjects("train"), packed.subjects("test")) == (["a", "d"], ["b"])
    assert "left out: 1 subject in neither set of the partition, e.g. c" in str(packed.report)
    whole = prepare(Folder(tmp_path / "raw"), tmp_path / "whole", workers=1)
    opened = Packed(tmp_path / "whole", partition=file)
    assert whole.subjects("train") == []
    assert (opened.subjects("train"), opened.subjects("test")) == (["a", "d"], ["b"])
    assert len(opened.keys("all")) == 4
    with opened.writer(tmp_path / "copy") as writer:
        for key in keys:
            writer.copy(opened.store(), key)
    copied = Packed(tmp_path / "copy")
    assert (copied.subjects("train"), copied.subjects("test")) == (["a", "d"], ["b"])
    for settings, words in (
        ({"partition": file, "train": 1}, "both train and partition"),
        ({"partition": tmp_path / "none.json"}, "cannot be read"),
    ):
        with pytest.raises(RecipeError, match=words):
            Packed(tmp_path / "whole", **settings)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"TRAIN_SET": ["a"]}', "expected TRAIN_SET and TEST_SET"),
        ('{"TRAIN_SET": [1], "TEST_SET": []}', "lists of names"),
        ('{"TRAIN_SET": ["a"], "TEST_SET": ["a"]}', "a is in both sets"),
        ('{"TRAIN_SET": ["a", "a"], "TEST_SET": []}', "a is in TRAIN_SET twice"),
        ('{"TRAIN_SET": ["a"], "TRAIN_SET": [], "TEST_SET": []}', "TRAIN_SET is there twice"),
        ('{"TRAIN_SET": ["x"], "TEST_SET": []}', r"lists none of its 2 subjects \(it lists e\.g\. x"),
        ("[]", "expected TRAIN_SET and TEST_SET"),
    ],
)
def test_a_partition_that_is_none(tmp_path, text, words):
    write_tree(tmp_path / "raw", [SequenceKey(subject, "nm", "01", "090") for subject in "ab"], frames=1)
    (tmp_path / "split.json").write_text(text)
    with pytest.raises(RecipeError, match=words):
        Folder(tmp_path / "raw", partition=tmp_path / "split.json")

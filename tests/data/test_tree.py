import numpy as np
import pytest
from tests.data.miniatures import draw_person, write_tree

from walkprint.core.errors import DataError, RecipeError
from walkprint.core.sequence import SequenceKey
from walkprint.core.silhouette import align
from walkprint.data.folder import Folder
from walkprint.data.prepare import prepare

KEYS = [SequenceKey("a", "nm", "01", "left"), SequenceKey("a", "nm", "02", "left"), SequenceKey("b", "", "01", "v")]


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp"])
def test_frames_are_read_in_order_and_aligned(tmp_path, suffix):
    write_tree(tmp_path, KEYS, frames=11, suffix=suffix)
    dataset = Folder(tmp_path)
    dataset.check()
    assert list(dataset.catalogue()) == sorted(KEYS)
    frames = dataset.read(KEYS[1]).frames
    expected = np.stack([align(draw_person(1000 + frame)) for frame in range(1, 12)])[:, None]
    assert frames.shape == (11, 1, 64, 64)
    np.testing.assert_allclose(frames, expected, atol=0 if suffix != ".jpg" else 255)
    assert (frames != expected).mean() < 0.001


def test_damage_is_named_and_counted(tmp_path):
    write_tree(tmp_path, KEYS[:1])
    folder = tmp_path / "a" / "nm-01" / "left"
    (folder / "3.png").write_bytes(b"torn")
    (folder / "notes.txt").write_text("not a frame")
    (folder / ".DS_Store").write_text("hidden")
    reading = Folder(tmp_path).examine(KEYS[0])
    assert len(reading.clip) == 5
    assert reading.dropped == {"corrupt": 1}
    assert reading.faults == ["a/nm-01/left/3.png: no picture"]


def test_a_sequence_without_usable_frames(tmp_path):
    write_tree(tmp_path, KEYS[:1])
    (tmp_path / "a" / "nm-09" / "left").mkdir(parents=True)
    with pytest.raises(DataError, match="a/nm-09/left has no usable frame"):
        Folder(tmp_path).read(SequenceKey("a", "nm", "09", "left"))
    with pytest.raises(DataError, match="no sequence z"):
        Folder(tmp_path).read(SequenceKey("z"))


@pytest.mark.parametrize(
    ("paths", "found"),
    [
        ([], "an empty folder"),
        (["1.png"], r"1\.png \(1 files\)"),
        (["a/1.png", "a/2.png"], r"a/1\.png \(2 files\)"),
        (["a/nm-01/1.png"], r"a/nm-01/1\.png \(1 files\)"),
        (["data/a/nm-01/left/1.png"], r"data/a/nm-01/left/1\.png \(1 files\)"),
    ],
)
def test_other_layouts_are_described(tmp_path, paths, found):
    for path in paths:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(b"")
    with pytest.raises(DataError, match=f"found {found}; expected subject/condition-take/view"):
        Folder(tmp_path)


def test_a_missing_folder(tmp_path):
    with pytest.raises(DataError, match="no such folder"):
        Folder(tmp_path / "nowhere")


def test_two_folders_of_one_sequence(tmp_path):
    write_tree(tmp_path, KEYS[2:])
    (tmp_path / "b" / "-01" / "v").mkdir(parents=True)
    with pytest.raises(DataError, match="are both sequence b/01/v"):
        Folder(tmp_path)


@pytest.mark.parametrize("place", ["c", "a/nm-03", "a/nm-01/right"])
def test_links_that_lead_out_are_refused(tmp_path, place):
    write_tree(tmp_path / "in", KEYS)
    (tmp_path / "out").mkdir()
    (tmp_path / "in" / place).symlink_to(tmp_path / "out")
    with pytest.raises(DataError, match="leads out of"):
        Folder(tmp_path / "in")


def test_frames_that_lead_out_are_refused(tmp_path):
    write_tree(tmp_path / "in", KEYS)
    (tmp_path / "secret.png").write_bytes(b"x")
    (tmp_path / "in" / "a" / "nm-01" / "left" / "99.png").symlink_to(tmp_path / "secret.png")
    with pytest.raises(DataError, match="leads out of"):
        Folder(tmp_path / "in").read(KEYS[0])


def test_links_inside_and_a_linked_root_are_fine(tmp_path):
    write_tree(tmp_path / "in", KEYS)
    (tmp_path / "in" / "c").symlink_to(tmp_path / "in" / "a")
    (tmp_path / "link").symlink_to(tmp_path / "in")
    assert len(Folder(tmp_path / "link").catalogue()) == 5


def test_raw_tree_and_store_are_the_same_data(tmp_path):
    write_tree(tmp_path / "raw", KEYS)
    raw = Folder(tmp_path / "raw", size_px=32)
    packed = prepare(raw, tmp_path / "store", workers=1)
    assert packed.keys("all") == raw.catalogue()
    for key in KEYS:
        np.testing.assert_array_equal(packed.store().read(key).frames, raw.read(key).frames)
    assert packed.settings == {"size_px": 32}


def test_odd_sizes_are_refused(tmp_path):
    with pytest.raises(RecipeError, match="size_px is 63"):
        Folder(tmp_path, size_px=63)

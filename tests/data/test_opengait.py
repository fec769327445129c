import contextlib
import pickle
import pickletools

import numpy as np
import pytest

from walkprint.core.errors import DataError, RecipeError
from walkprint.core.sequence import SequenceKey
from walkprint.data.opengait import OpenGaitTree, load_array
from walkprint.data.prepare import prepare

FRAMES = np.random.default_rng(0).integers(0, 256, (7, 64, 64)).astype(np.uint8)
KEY = SequenceKey("001", "nm", "01", "090")


def write(root, content, key=KEY, name="090.pkl"):
    folder = root / key.subject / key.recording / key.view
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    return folder / name


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize(
    "array",
    [
        FRAMES,
        np.asfortranarray(FRAMES[:, :5, :6]),
        np.arange(6, dtype=">i4").reshape(2, 3),
        np.linspace(0, 1, 5),
        np.zeros((0, 64, 64), np.uint8),
        np.array([True, False]),
    ],
    ids=lambda a: f"{a.dtype.str}{a.shape}",
)
def test_arrays_of_every_pickle_protocol(tmp_path, array, protocol):
    path = tmp_path / "x.pkl"
    path.write_bytes(pickle.dumps(array, protocol=protocol))
    found = load_array(path)
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)


def test_arrays_of_old_and_new_numpy(tmp_path):
    new = pickle.dumps(FRAMES, protocol=4)
    assert b"numpy._core.multiarray" in new or b"numpy.core.multiarray" in new
    old = pickle.dumps(FRAMES, protocol=2).replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n")
    assert b"numpy.core.multiarray" in old
    write(tmp_path, old)
    np.testing.assert_array_equal(OpenGaitTree(tmp_path).read(KEY).frames[:, 0], FRAMES)


class Malicious:
    """A reader that does what a file asks for writes another file here."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_a_malicious_pickle_is_refused_and_executes_nothing(tmp_path):
    trap = tmp_path / "executed"
    for content in (Malicious(trap), [FRAMES, Malicious(trap)], {"a": Malicious(trap)}):
        path = write(tmp_path / "tree", pickle.dumps(content))
        with pytest.raises(DataError, match=r"asks for (io|_io)\.open; only numpy arrays are admitted"):
            load_array(path)
        assert not trap.exists()
    asked, arguments = Malicious(trap).__reduce__()
    asked(*arguments).close()
    assert trap.exists(), "the trap itself must work, or this test shows nothing"


@pytest.mark.parametrize(
    "name",
    [
        "os.system",
        "builtins.eval",
        "numpy.load",
        "numpy.fromfile",
        "numpy.core.multiarray.scalar",
        "numpy.ndarray.tofile",
    ],
)
def test_only_the_listed_names_are_answered(tmp_path, name):
    module, _, function = name.rpartition(".")
    path = tmp_path / "x.pkl"
    path.write_bytes(f"c{module}\n{function}\n(Vx\ntR.".encode())
    with pytest.raises(DataError, match="nothing was executed"):
        load_array(path)


def test_the_listed_names_are_stand_ins_of_ours(tmp_path):
    for name in ("numpy\nndarray", "numpy\ndtype", "_codecs\nencode"):
        path = tmp_path / "x.pkl"
        path.write_bytes(f"c{name}\n.".encode())
        with pytest.raises(DataError, match="expected one numpy array"):
            load_array(path)


@pytest.mark.parametrize(
    "content",
    [
        np.array([{"a": 1}], dtype=object),
        np.array([("a", 1)], dtype=[("x", "U1"), ("y", int)]),
        np.array(["text"]),
        [1, 2, 3],
        {"frames": FRAMES},
        "text",
        np.float64(3),
    ],
    ids=["object", "record", "text array", "list", "dict", "text", "scalar"],
)
def test_anything_but_an_array_of_numbers_is_refused(tmp_path, content):
    path = tmp_path / "x.pkl"
    path.write_bytes(pickle.dumps(content))
    with pytest.raises(DataError):
        load_array(path)


def test_damaged_pickles_are_data_errors(tmp_path):
    whole = pickle.dumps(FRAMES[:, :4, :4], protocol=2)
    path = tmp_path / "x.pkl"
    rng = np.random.default_rng(0)
    for _ in range(300):
        harmed = bytearray(whole[: rng.integers(1, len(whole))] if rng.random() < 0.3 else whole)
        for place in rng.integers(0, len(harmed), 3):
            harmed[place] = rng.integers(256)
        path.write_bytes(harmed)
        with contextlib.suppress(DataError):
            assert isinstance(load_array(path), np.ndarray)


def test_content_and_shape_must_agree(tmp_path):
    content = pickle.dumps(FRAMES[:, :4, :4], protocol=2)
    place = next(position for op, arg, position in pickletools.genops(content) if (op.name, arg) == ("BININT1", 7))
    harmed = bytearray(content)
    harmed[place + 1] = 200
    (tmp_path / "x.pkl").write_bytes(harmed)
    with pytest.raises(DataError, match=r"array of shape \(200, 4, 4\)"):
        load_array(tmp_path / "x.pkl")


def test_prepare_imports_the_tree(tmp_path):
    other = SequenceKey("002", "", "00", "000")
    write(tmp_path / "in", pickle.dumps(FRAMES))
    write(tmp_path / "in", pickle.dumps(FRAMES[:3]), other, "000.pkl")
    broken = SequenceKey("003", "nm", "01", "090")
    write(tmp_path / "in", pickle.dumps(FRAMES.astype(float)), broken)
    empty = SequenceKey("004", "nm", "01", "090")
    (tmp_path / "in" / "004" / "nm-01" / "090").mkdir(parents=True)
    packed = prepare(OpenGaitTree(tmp_path / "in"), tmp_path / "out", workers=1)
    report = packed.report
    assert (report.sequences, report.frames) == (2, 10)
    assert report.empty == [broken, empty]
    assert report.short == [other]
    assert len(report.faults) == 1
    assert "003/nm-01/090/090.pkl: pixels are float64" in report.faults[0]
    np.testing.assert_array_equal(packed.store().read(KEY).frames[:, 0], FRAMES)


def test_several_pickles_need_one_named_after_the_view(tmp_path):
    write(tmp_path, pickle.dumps(FRAMES), name="other.pkl")
    write(tmp_path, pickle.dumps(FRAMES[:2]), name="more.pkl")
    with pytest.raises(DataError, match=r"expected one pickle, 090\.pkl"):
        OpenGaitTree(tmp_path).read(KEY)
    write(tmp_path, pickle.dumps(FRAMES[:4]))
    assert len(OpenGaitTree(tmp_path).read(KEY)) == 4


def test_a_pickle_is_chosen_by_a_pattern(tmp_path):
    write(tmp_path, pickle.dumps(FRAMES), name="00-rgb.pkl")
    write(tmp_path, pickle.dumps(FRAMES[:2]), name="01-sils.pkl")
    write(tmp_path, pickle.dumps(FRAMES[:3]), name="02-sils_aligned.pkl")
    tree = OpenGaitTree(tmp_path, pickle="*sils.pkl")
    assert len(tree.read(KEY)) == 2
    assert tree.settings == {"size_px": 64, "pickle": "*sils.pkl"}
    fits = "one that fits"
    for pattern, wanted in (
        (None, r"one pickle, 090\.pkl"),
        ("*sil*", rf"{fits} '\*sil\*'"),
        ("x", f"{fits} 'x'"),
    ):
        with pytest.raises(DataError, match=rf"found 00-rgb\.pkl, 01-sils\.pkl, .*; expected {wanted}; choose by the"):
            OpenGaitTree(tmp_path, pickle=pattern).read(KEY)


@pytest.mark.parametrize(("height", "width"), [(64, 44), (128, 88), (64, 64), (32, 22)])
def test_pickles_of_every_size_are_padded_to_a_square(tmp_path, height, width):
    frames = np.random.default_rng(0).integers(0, 256, (5, height, width)).astype(np.uint8)
    write(tmp_path / "in", pickle.dumps(frames))
    packed = prepare(OpenGaitTree(tmp_path / "in"), tmp_path / "out", workers=1)
    found = packed.store().read(KEY).frames[:, 0]
    assert found.shape == (5, height, height)
    left = (height - width) // 2
    np.testing.assert_array_equal(found[:, :, left : left + width], frames)
    assert found.sum() == frames.sum()
    assert packed.settings == {"size_px": height}


def test_a_pickle_of_another_size_says_what_helps(tmp_path):
    write(tmp_path, pickle.dumps(FRAMES))
    wide = np.zeros((3, 64, 80), np.uint8)
    for array, size_px in ((FRAMES, 128), (wide, 64), (FRAMES[0], 64)):
        write(tmp_path, pickle.dumps(array))
        (fault,) = OpenGaitTree(tmp_path, size_px=size_px).examine(KEY).faults
        assert f"{size_px} high as size_px says and at most as wide" in fault
    with pytest.raises(RecipeError, match="cut and scaled already"):
        OpenGaitTree(tmp_path).cleaned()

import numpy as np
import pytest
from tests.pipes import through_a_pipe

from walkprint.core.errors import DataError
from walkprint.core.sequence import Clip, SequenceKey


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("075/nm-05/090", SequenceKey("075", "nm", "05", "090")),
        ("75/05/left", SequenceKey("75", "", "05", "left")),
        ("75/coat/", SequenceKey("75", "coat", "", "")),
        ("a/long-coat-2/v", SequenceKey("a", "long-coat", "2", "v")),
    ],
)
def test_text_and_back(text, key):
    assert SequenceKey.parse(text) == key
    assert str(key) == text


def test_keys_are_ordered_and_hashable():
    late, early = SequenceKey("2", "nm", "01", "000"), SequenceKey("1", "nm", "01", "090")
    assert sorted({late, early, late}) == [early, late]
    assert through_a_pipe(late) == late


@pytest.mark.parametrize("fields", [("",), ("a/b",), ("..",), ("a", "x\n"), ("a", "b", "1-2"), ("a", "\\"), (1,)])
def test_bad_keys(fields):
    with pytest.raises(DataError, match="sequence key"):
        SequenceKey(*fields)


@pytest.mark.parametrize("text", ["", "a", "a/b", "a/b/c/d"])
def test_bad_text(text):
    with pytest.raises(DataError, match="expected subject/condition-take/view"):
        SequenceKey.parse(text)


FRAMES = np.zeros((3, 1, 8, 8), np.uint8)


def test_clip_counts_its_frames():
    assert len(Clip(FRAMES, SequenceKey("a"), 25.0)) == 3


@pytest.mark.parametrize(
    ("frames", "rate"),
    [
        (FRAMES.astype(np.float32), None),
        (FRAMES[0], None),
        (np.zeros((3, 2, 8, 8), np.uint8), None),
        (FRAMES[:0], None),
        (FRAMES, 0.0),
        (FRAMES, float("nan")),
        ([[0]], None),
    ],
)
def test_bad_clips(frames, rate):
    with pytest.raises(DataError, match="clip a"):
        Clip(frames, SequenceKey("a"), rate)

import cv2
import numpy as np
import pytest

from walkprint.core.errors import DataError
from walkprint.core.sequence import Clip, SequenceKey
from walkprint.evaluation.sheets import caption, contact_sheet, picture_grid


def clip(value, size=(6, 4)):
    return Clip(np.full((5, 1, *size), value, np.uint8), SequenceKey("a"))


def read(png):
    return cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)


def test_contact_sheet_places_frames():
    ramp = np.arange(4, dtype=np.uint8)[:, None, None, None] * np.full((1, 1, 6, 5), 60, np.uint8)
    sheet = cv2.imdecode(
        np.frombuffer(
            contact_sheet([Clip(ramp, SequenceKey("a")), Clip(ramp[:1], SequenceKey("b"))], frames_per_clip=2), np.uint8
        ),
        cv2.IMREAD_UNCHANGED,
    )
    assert sheet.shape == (14, 12)
    assert (sheet[:6, :5] == 0).all()
    assert (sheet[:6, 7:] == 180).all()
    assert (sheet[8:, 7:] == 96).all()


def test_contact_sheet_in_color():
    frames = np.zeros((1, 3, 4, 4), np.uint8)
    frames[:, 0] = 200
    picture = contact_sheet([Clip(frames, SequenceKey("a"))], frames_per_clip=1)
    assert cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)[0, 0].tolist() == [0, 0, 200]
    with pytest.raises(DataError, match="expected some of one size"):
        contact_sheet([clip(1), clip(1, size=(8, 8))])
    with pytest.raises(DataError, match="expected some of one size"):
        contact_sheet([])


def test_captions_are_written_above_the_rows():
    walks = [clip(0, size=(20, 40)), clip(255, size=(20, 40))]
    bare, named, other = (
        read(contact_sheet(walks, captions=captions)) for captions in ([], ["a", "b"], ["a", "person Zo\u00eb"])
    )
    assert named.shape == (bare.shape[0] + 2 * 16, bare.shape[1])
    assert np.array_equal(named[16:36], bare[:20])
    assert np.array_equal(named[54:74], bare[22:42])
    assert np.array_equal(named[:38], other[:38])
    assert (named[38:54] != other[38:54]).any()
    assert named[:16].max() > 200


def test_pictures_grow_by_whole_pixels():
    picture = read(picture_grid(np.full((1, 2, 3, 4, 3), 50, np.uint8), scale=2))
    assert picture.shape == (6, 2 * 8 + 2, 3)
    assert (picture[:, :8] == 50).all()


def test_a_caption_is_a_sequence_in_words():
    assert caption(SequenceKey("003", "cl", "01", "090")) == "person 003, in a coat, take 01, view 090"
    assert caption(SequenceKey("anna", "rain"), generated=True) == "person anna, rain, generated"

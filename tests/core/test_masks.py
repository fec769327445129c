"""One rule for every way in: what is a mask, what is scaled, what is refused with which reason."""

import pickle

import cv2
import numpy as np
import pytest
from tests.data.miniatures import draw_person

from walkprint.core.errors import DataError
from walkprint.core.masks import (
    EMPTY,
    INVERTED,
    LABELS,
    NEITHER,
    PICTURE,
    SHADOW,
    NoMaskError,
    doubts,
    inverted,
    silhouette,
    silhouettes,
)
from walkprint.core.sequence import SequenceKey
from walkprint.data.folder import Folder
from walkprint.data.opengait import OpenGaitTree
from walkprint.networks import GaitSet
from walkprint.video.segmenter import Box, PersonMask

PERSON = draw_person(3, 64, 64)
INSIDE = PERSON > 0
SOFT = cv2.GaussianBlur(PERSON, (5, 5), 0)
NOISE = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)


def levels(top, kind=np.uint8):
    return (INSIDE * top).astype(kind)


def color(*rgb):
    return INSIDE[..., None] * np.array(rgb, np.uint8)


def parts(count, background=0):
    rows = np.linspace(1, count + 0.99, 64).astype(int)[:, None]
    return np.where(INSIDE, rows, background).astype(np.uint8)


def palette(count):
    return np.concatenate([[[0, 0, 0]], np.random.default_rng(1).integers(60, 256, (count, 3))]).astype(np.uint8)


def shadowed(top=255):
    frame = levels(top)
    frame[50:60][frame[50:60] == 0] = 127
    return frame


def alpha(channels, opaque=PERSON):
    return np.dstack([np.full((64, 64, channels), 255, np.uint8), opaque])


BLACK_ON_WHITE = np.dstack([255 - PERSON] * 3)
TABLE = {
    "bool": (INSIDE, PERSON),
    "0/1": (levels(1), PERSON),
    "0/255": (PERSON, PERSON),
    "soft edges": (SOFT, SOFT),
    "0/128": (levels(128), PERSON),
    "0/254": (levels(254), PERSON),
    "soft up to 200": ((SOFT * (200 / 255)).astype(np.uint8), SOFT),
    "three equal channels": (np.dstack([SOFT] * 3), SOFT),
    "one channel": (SOFT[..., None], SOFT),
    "palette's first color": (color(128, 0, 0), PERSON),
    "green person": (color(0, 200, 30), PERSON),
    "soft green person": ((SOFT[..., None] * np.array([0.1, 1, 0])).astype(np.uint8), SOFT),
    "alpha": (alpha(3), PERSON),
    "gray and alpha": (alpha(1), PERSON),
    "alpha of black": (np.dstack([np.zeros((64, 64, 3), np.uint8), PERSON]), PERSON),
    "alpha that says nothing": (np.dstack([PERSON] * 3 + [np.full((64, 64), 255, np.uint8)]), PERSON),
    "16 bits, 0/1": (levels(1, np.uint16), PERSON),
    "16 bits, 0/255": (levels(255, np.uint16), PERSON),
    "16 bits, 0/65535": (levels(65535, np.uint16), PERSON),
    "16 bits, 0/32768": (levels(32768, np.uint16), PERSON),
    "16 bits, soft": (SOFT.astype(np.uint16) * 257, SOFT),
    "MOG2's shadow": (shadowed(), PERSON),
    "0/2": (levels(2), NEITHER),
    "0/100": (levels(100), NEITHER),
    "16 bits, 0/1000": (levels(1000, np.uint16), NEITHER),
    "labels": (parts(11), LABELS),
    "bright labels": (parts(5) * np.uint8(51), LABELS),
    "labels with a void of 255": (np.where(INSIDE & (np.arange(64) > 35), np.uint8(255), parts(11)), LABELS),
    "labels in color": (palette(11)[parts(11)], LABELS),
    "a picture": (NOISE, PICTURE),
    "shadow alone": (shadowed(0), SHADOW),
    "inverted": (255 - PERSON, INVERTED),
    "inverted 0/1": (1 - levels(1), INVERTED),
    "inverted in color": (np.where(INSIDE[..., None], np.uint8([0, 0, 0]), np.uint8([0, 90, 255])), INVERTED),
    "green on white": (np.where(INSIDE[..., None], np.uint8([0, 200, 0]), np.uint8([255, 255, 255])), INVERTED),
    "empty": (levels(0), EMPTY),
    "all person": (np.full((64, 64), 255, np.uint8), INVERTED),
    "fractions": (INSIDE.astype(float), "numbers of type float64"),
    "signs": (INSIDE.astype(np.int64), "numbers of type int64"),
}


@pytest.mark.parametrize("name", TABLE)
def test_the_table(name):
    pixels, expected = TABLE[name]
    if isinstance(expected, str):
        with pytest.raises(NoMaskError) as refused:
            silhouette(pixels)
        assert str(refused.value) == expected
        assert refused.value.detail or expected in (EMPTY, INVERTED, SHADOW)
    else:
        found = silhouette(pixels)
        assert (found.dtype, found.shape) == (np.uint8, (64, 64))
        np.testing.assert_allclose(found.astype(int), expected, atol=3 if "soft" in name else 0)


def test_a_sound_mask_is_not_copied():
    assert silhouette(PERSON) is PERSON


REFUSED = {name: expected for name, (_, expected) in TABLE.items() if isinstance(expected, str)}
LABELED = [name for name, reason in REFUSED.items() if reason in (LABELS, NEITHER) and "1000" not in name]


@pytest.mark.parametrize("name", LABELED)
def test_labels_on_request(name):
    np.testing.assert_array_equal(silhouette(TABLE[name][0], labels=True), PERSON)


READABLE = [name for name, (pixels, _) in TABLE.items() if pixels.dtype.itemsize < 4 and pixels.dtype != bool]


@pytest.mark.parametrize("name", [name for name in READABLE if TABLE[name][0].shape[2:] not in ((1,), (2,))])
def test_pictures_are_judged_by_the_table(tmp_path, name):
    pixels, expected = TABLE[name]
    folder = tmp_path / "a" / "nm-01" / "090"
    folder.mkdir(parents=True)
    bgr = pixels[..., [2, 1, 0, 3][: pixels.shape[2]]] if pixels.ndim == 3 else pixels
    cv2.imwrite(str(folder / "1.png"), bgr)
    reading = Folder(tmp_path).examine(SequenceKey("a", "nm", "01", "090"))
    if isinstance(expected, str):
        assert (reading.clip, dict(reading.dropped)) == (None, {expected: 1})
        assert bool(reading.faults) == (expected not in (EMPTY, INVERTED, SHADOW))
    else:
        assert reading.clip.frames.max() == 255


def test_jpeg(tmp_path):
    def read(pixels, quality):
        data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        return silhouette(cv2.imdecode(data, cv2.IMREAD_ANYCOLOR), lossy=True)

    for pixels, quality in ((levels(1), 95), (levels(128), 80), (PERSON, 60), (shadowed(), 80), (color(0, 200, 0), 90)):
        found = read(pixels, quality)
        assert set(np.unique(found)) == {0, 255}
        assert np.mean((found > 0) != INSIDE) < 0.01
    for pixels, reason in ((parts(11), LABELS), (levels(100), NEITHER), (levels(0), EMPTY), (NOISE, PICTURE)):
        with pytest.raises(NoMaskError, match=reason):
            read(pixels, 95)


SINGLE = {name: TABLE[name] for name in READABLE if TABLE[name][0].ndim == 2} | {"bool": TABLE["bool"]}


@pytest.mark.parametrize("name", SINGLE)
def test_pickles_and_arrays_are_judged_by_the_table(tmp_path, name):
    pixels, expected = SINGLE[name]
    clip = np.stack([pixels] * 3)
    folder = tmp_path / "a" / "nm-01" / "090"
    folder.mkdir(parents=True)
    (folder / "090.pkl").write_bytes(pickle.dumps(clip))
    reading = OpenGaitTree(tmp_path).examine(SequenceKey("a", "nm", "01", "090"))
    network = GaitSet(channels=(1, 1, 1), strips=(1,), feature=2)
    if isinstance(expected, str):
        assert reading.clip is None
        assert expected in reading.dropped
        with pytest.raises(DataError, match="no frame shows a person"):
            network.embed(clip)
    else:
        assert reading.clip.frames.max() == 255
        np.testing.assert_allclose(reading.clip.frames[:, 0].astype(int), [expected] * 3, atol=3 * ("soft" in name))
        np.testing.assert_array_equal(network.embed(clip), network.embed(reading.clip.frames))


def test_a_clip_is_judged_as_a_whole():
    frames, dropped = silhouettes(np.stack([levels(128), levels(64), levels(0)]))
    assert dropped == {EMPTY: 1}
    assert frames.max(axis=(1, 2)).tolist() == [255, 128]
    assert len(silhouettes(np.stack([PERSON, 255 - PERSON]))[0]) == 2
    with pytest.raises(NoMaskError, match="inverted"):
        silhouettes(np.stack([PERSON, 255 - PERSON, 255 - PERSON]))
    assert silhouettes(np.zeros((2, 64, 64), np.uint8))[1] == {EMPTY: 2}
    frames, _ = silhouettes(np.stack([parts(3), parts(2)]), labels=True)
    np.testing.assert_array_equal(frames, [PERSON] * 2)


def test_masks_of_videos():
    found = PersonMask.found(levels(1), 1.0)
    assert found is not None
    np.testing.assert_array_equal(found.on_frame(64, 64), PersonMask.found(PERSON, 1.0).on_frame(64, 64))
    with pytest.raises(DataError, match="values 0 and 1; expected 0 to 255"):
        PersonMask(levels(1), Box(0, 0, 64, 64), 0.5, False)


def test_doubts():
    assert doubts(PERSON) == doubts(SOFT) == []
    specks = PERSON.copy()
    specks[3:6, 3:6] = 255
    assert doubts(specks) == ["specks"]
    assert doubts(np.hstack([PERSON, np.zeros_like(PERSON), PERSON])) == ["two people?"]
    assert doubts(PERSON[:, 32:]) == doubts(PERSON[:40]) == ["cut"]
    rows, columns = np.flatnonzero(INSIDE.any(1)), np.flatnonzero(INSIDE.any(0))
    assert doubts(PERSON[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]) == [], "tightly cropped"
    assert not inverted(PERSON[rows[0] : rows[-1] + 1])
    large = np.zeros((480, 640), np.uint8)
    large[100:400, 200:260] = large[120:300, 400:460] = 255
    assert doubts(large) == ["two people?"]

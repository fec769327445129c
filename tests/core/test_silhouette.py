from collections import Counter

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oracles.alignment import align_slowly, clean_slowly

from walkprint.core.errors import DataError
from walkprint.core.silhouette import UnusableFrameError, align, align_clip, clean, energy_image


def person(height=240, width=320, top=40, left=100, tall=150, wide=50):
    frame = np.zeros((height, width), dtype=np.uint8)
    cv2.ellipse(frame, (left + wide // 2, top + tall // 2), (wide // 2, tall // 2), 0, 0, 360, 255, -1)
    cv2.circle(frame, (left + wide // 3, top + 8), 8, 255, -1)
    return frame


def test_reference_pixels(shared):
    reference = np.load(shared / "parity" / "alignment.npz")
    aligned, dropped = align_clip([reference[f"raw_{i}"] for i in range(6)])
    np.testing.assert_array_equal(aligned[:, 0], reference["aligned"])
    assert dropped == Counter({"empty": 1})


def test_masks_of_0_and_1_align_like_masks_of_0_and_255():
    np.testing.assert_array_equal(align(person() // 255), align(person()))


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), size=st.sampled_from([16, 64, 128]))
def test_twin(seed, size):
    rng = np.random.default_rng(seed)
    height, width = rng.integers(1, 200, size=2)
    frame = np.zeros((height, width), dtype=np.uint8)
    for _ in range(rng.integers(0, 4)):
        top, left = rng.integers(height), rng.integers(width)
        frame[top : top + rng.integers(1, 90), left : left + rng.integers(1, 90)] = rng.integers(1, 256)
    expected = align_slowly(frame, size)
    if expected is None:
        with pytest.raises(UnusableFrameError):
            align(frame, size)
    else:
        np.testing.assert_array_equal(align(frame, size), expected)


@settings(deadline=None)
@given(down=st.integers(-40, 45))
def test_silhouette_shifted_down_aligns_to_the_same_picture(down):
    np.testing.assert_array_equal(align(person(top=40 + down)), align(person()))


@settings(deadline=None)
@given(right=st.integers(-40, 80))
def test_silhouette_shifted_sideways_aligns_to_the_same_picture(right):
    # 128 rows scale by exactly a half: steps of two columns keep the phase of the resampling.
    tall = person()[40:168]
    tall[[0, -1], 120] = 255
    shifted = np.roll(tall, 2 * right, axis=1)
    np.testing.assert_array_equal(align(shifted), align(tall))


def test_person_cut_by_the_edge_is_kept():
    assert align(person(left=-20)).any()
    assert align(person(left=300)).any()


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (np.zeros((240, 320), np.uint8), "empty"),
        (np.zeros((0, 320), np.uint8), "empty"),
        (np.pad(np.full((6, 6), 255, np.uint8), 50), "too few pixels"),
        (np.full((200, 1), 255, np.uint8), "too thin"),
    ],
)
def test_hopeless_frames_are_counted(frame, reason):
    aligned, dropped = align_clip([frame, person(), frame])
    assert aligned.shape == (1, 1, 64, 64)
    assert dropped == Counter({reason: 2})


def test_clip_without_any_usable_frame():
    aligned, dropped = align_clip([np.zeros((9, 9), np.uint8)])
    assert aligned.shape == (0, 1, 64, 64)
    assert dropped.total() == 1


@pytest.mark.parametrize("frame", [person().astype(float), person()[None]])
def test_wrong_kind_of_frame(frame):
    with pytest.raises(DataError, match="expected uint8"):
        align(frame)


def test_energy_image_is_the_mean():
    frames = np.random.default_rng(0).integers(0, 256, (7, 1, 4, 5)).astype(np.uint8)
    np.testing.assert_allclose(energy_image(frames), frames.mean(axis=0) / 255, rtol=1e-6)
    assert energy_image(np.full((3, 1, 2, 2), 255, np.uint8)).max() == 1
    with pytest.raises(DataError, match="no frame"):
        energy_image(frames[:0])


def test_clean_keeps_the_largest_piece_and_fills_holes():
    mask = np.zeros((20, 20), np.uint8)
    mask[2:12, 2:12] = 200
    mask[5:7, 5:7] = 0
    mask[15:18, 15:18] = 255
    expected = np.zeros((20, 20), np.uint8)
    expected[2:12, 2:12] = 255
    np.testing.assert_array_equal(clean(mask), expected)
    np.testing.assert_array_equal(clean(mask / 255, threshold=0.5), expected)


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    height=st.integers(1, 30),
    width=st.integers(1, 30),
    coarse=st.sampled_from([1, 3, 7]),
    share=st.floats(0, 1),
)
def test_twin_of_cleaning(seed, height, width, coarse, share):
    lot = np.random.default_rng(seed).random((height, width)) < share
    mask = lot.repeat(coarse, axis=0).repeat(coarse, axis=1).astype(np.uint8) * np.uint8(200)
    expected = clean_slowly(mask)
    if expected is not None:
        np.testing.assert_array_equal(clean(mask), expected)


def test_clean_of_nothing_and_of_everything():
    assert not clean(np.zeros((5, 6), np.uint8)).any()
    assert (clean(np.full((5, 6), 255, np.uint8)) == 255).all()

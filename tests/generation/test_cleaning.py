import cv2
import numpy as np
import pytest

from walkprint.core.silhouette import UnusableFrameError, align
from walkprint.generation.cleaning import clean_frame, clean_frames


def body(left=22, right=42):
    frame = np.zeros((64, 64), np.uint8)
    frame[:, left:right] = 255
    return frame


def test_a_clean_frame_stays():
    cleaned = clean_frame(body())
    assert cleaned.shape == (64, 64)
    np.testing.assert_array_equal(cleaned >= 128, body() >= 128)


def test_specks_go_and_holes_close():
    frame = body()
    frame[10:14, 2:6] = 255
    frame[30:33, 30:33] = 0
    np.testing.assert_array_equal(clean_frame(frame) >= 128, body() >= 128)


def test_faint_pixels_are_background():
    frame = body()
    frame[:, :10] = 100
    np.testing.assert_array_equal(clean_frame(frame) >= 128, body() >= 128)


def test_a_low_frame_is_scaled_to_the_height():
    frame = np.zeros((64, 64), np.uint8)
    frame[14:60, 30:50] = 255
    cleaned = clean_frame(frame)
    assert cleaned[[0, -1]].max(axis=1).min() > 128
    assert abs(np.flatnonzero(cleaned.sum(axis=0)).mean() - 31.5) <= 1


def test_edges_are_soft_as_those_of_real_masks():
    real = np.zeros((160, 160), np.uint8)
    cv2.ellipse(real, (80, 80), (30, 70), 12, 0, 360, 255, -1)
    real = align(real)
    share = ((real > 0) & (real < 255)).mean()
    cleaned = clean_frame(cv2.GaussianBlur(real, (0, 0), 1))
    assert 0.5 * share < ((cleaned > 0) & (cleaned < 255)).mean() < 1.5 * share
    assert np.abs(cleaned.astype(int) - real).mean() < 4


def test_hopeless_frames_have_a_reason():
    low = np.zeros((64, 64), np.uint8)
    low[:20, 20:40] = 255
    frames = np.stack([body(), np.zeros((64, 64), np.uint8), low, np.full((64, 64), 127, np.uint8)])
    cleaned, dropped = clean_frames(frames)
    assert cleaned.shape == (1, 1, 64, 64)
    assert dropped == {"generated: empty": 2, "generated: in pieces": 1}
    with pytest.raises(UnusableFrameError, match="in pieces"):
        clean_frame(low)
    cleaned, dropped = clean_frames(frames[1:])
    assert cleaned.shape == (0, 1, 64, 64)
    assert sum(dropped.values()) == 3

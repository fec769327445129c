import cv2
import numpy as np
import pytest
import torch
from tests.oracles import generated as oracle
from torchmetrics.functional.image import structural_similarity_index_measure

from walkprint.core.errors import DataError
from walkprint.evaluation.similarity import ssim, ssim_of_all


def pictures(count=12, height=64, width=64):
    """Noise, silhouettes, gradients, equal ones, black and white ones; uint8 (picture, height, width) twice."""
    rng = np.random.default_rng(0)
    first = rng.integers(0, 256, (count, height, width)).astype(np.uint8)
    second = (0.7 * first + rng.integers(0, 60, first.shape)).astype(np.uint8)
    for i in range(4):
        first[i] = cv2.ellipse(
            np.zeros((height, width), np.uint8), (width // 2, height // 2), (8, 25), 3 * i, 0, 360, 255, -1
        )
        second[i] = cv2.GaussianBlur(np.roll(first[i], i, axis=1), (0, 0), 1)
    second[4] = first[4]
    first[5], second[5] = 0, 255
    first[6], second[6] = 0, 0
    first[7] = np.linspace(0, 255, width).astype(np.uint8)
    return first, second


@pytest.mark.parametrize("size", [(64, 64), (64, 44), (11, 12)])
def test_twin_window_by_window(size):
    first, second = pictures(8, *size)
    expected = [oracle.ssim(a, b) for a, b in zip(first, second, strict=True)]
    np.testing.assert_allclose(ssim(first, second), expected, atol=2e-5)


def test_twin_of_torchmetrics_inside_the_border():
    first, second = pictures()
    both = (torch.from_numpy(each)[:, None].double() for each in (first, second))
    _, full = structural_similarity_index_measure(*both, data_range=255.0, reduction="none", return_full_image=True)
    expected = full[:, 0, 5:-5, 5:-5].mean(dim=(1, 2)).numpy()
    np.testing.assert_allclose(ssim(first, second), expected, atol=2e-5)


def test_all_pairs_at_once():
    first, second = pictures()
    table = ssim_of_all(first, np.concatenate([second] * 11))  # more than fit into one block
    assert table.shape == (12, 132)
    for i in range(12):
        np.testing.assert_allclose(table[i, :12], ssim(first[[i] * 12], second), atol=1e-6)
    np.testing.assert_array_equal(table[:, :12], table[:, 120:])


def test_equal_is_one_and_order_of_the_two_does_not_matter():
    first, second = pictures()
    np.testing.assert_allclose(ssim(first, first), 1, atol=1e-6)
    np.testing.assert_allclose(ssim(first, second), ssim(second, first), atol=1e-6)
    assert ssim(first, second)[5] < 1e-3  # black and white


def test_no_picture_at_all():
    none = np.empty((0, 64, 64), np.uint8)
    assert ssim(none, none).shape == (0,)
    assert ssim_of_all(none, pictures()[0]).shape == (0, 12)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (np.zeros((2, 64, 64), np.uint8), np.zeros((3, 64, 64), np.uint8)),
        (np.zeros((2, 10, 64), np.uint8), np.zeros((2, 10, 64), np.uint8)),
        (np.zeros((2, 64, 64)), np.zeros((2, 64, 64))),
        (np.zeros((64, 64), np.uint8), np.zeros((64, 64), np.uint8)),
    ],
)
def test_pictures_that_cannot_be_compared(first, second):
    with pytest.raises(DataError, match="ssim: frames"):
        ssim(first, second)
    with pytest.raises(DataError, match="ssim: frames"):
        ssim_of_all(first[:, 1:], second)

"""Structural similarity of silhouettes, for many pairs at once.

Source: Z. Wang, A. C. Bovik, H. R. Sheikh and E. P. Simoncelli, "Image Quality Assessment: From Error Visibility to
Structural Similarity", IEEE Transactions on Image Processing 2004: a Gaussian window of 11 x 11 pixels with a standard
deviation of 1.5, K1 = 0.01, K2 = 0.03, dynamic range 255, mean over all windows.
Deviations: none; at the border, only windows that lie wholly inside the frame count, as in the authors' program (54 x
54 of them in a frame of 64 x 64). Background that both frames share counts as similar, so figures of silhouettes are
high throughout, and only comparable among frames of one size.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from walkprint.core.errors import DataError

Gray = NDArray[np.uint8]

_WINDOW_PX, _DEVIATION_PX = 11, 1.5
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
_SHIFT = 127.5
_PAIRS_AT_ONCE = 64


def ssim(first: Gray, second: Gray) -> NDArray[np.float32]:
    """Structural similarity of frames, pair by pair.

    Args:
        first, second: uint8 (pair, height, width), at least 11 x 11.

    Returns:
        float32 (pair,), at most 1, which means equal.

    Raises:
        DataError: the frames are not uint8, differ in number or size, or are too small.
    """
    if first.shape != second.shape:
        raise DataError(f"ssim: frames of shape {first.shape} and {second.shape}; expected pairs of one size")
    (one, one_at), (other, other_at) = _distinct(first), _distinct(second)
    pairs, place = np.unique(np.stack([one_at, other_at], axis=1), axis=0, return_inverse=True)
    found = [
        one[some[:, 0]].similarity(other[some[:, 1]]).numpy()
        for some in (pairs[i : i + _PAIRS_AT_ONCE] for i in range(0, max(len(pairs), 1), _PAIRS_AT_ONCE))
    ]
    return np.concatenate(found)[place.reshape(-1)]


def ssim_of_all(first: Gray, second: Gray) -> NDArray[np.float32]:
    """Structural similarity of every frame to every other.

    Args:
        first: uint8 (frame, height, width), at least 11 x 11.
        second: uint8 (other frame, height, width).

    Returns:
        float32 (frame, other frame).

    Raises:
        DataError: as `ssim`.
    """
    if first.shape[1:] != second.shape[1:]:
        raise DataError(f"ssim: frames of shape {first.shape[1:]} and {second.shape[1:]}; expected one size")
    (one, one_at), (other, other_at) = _distinct(first), _distinct(second)
    result = np.empty((len(one), len(other)), np.float32)
    for row in range(len(one)):
        for column in range(0, len(other), _PAIRS_AT_ONCE):
            columns = slice(column, column + _PAIRS_AT_ONCE)
            result[row, columns] = one[row : row + 1].similarity(other[columns]).numpy()
    return result[one_at][:, other_at]


def _distinct(frames: Gray) -> tuple["_Windows", NDArray[np.intp]]:
    """Frames that differ, each once, and where among them each frame is: those drawn of few often repeat."""
    places: dict[bytes, int] = {}
    at = [places.setdefault(frame.tobytes(), len(places)) for frame in frames]
    first = np.unique(at, return_index=True)[1] if at else slice(0)
    return _Windows(frames[first]), np.array(at, np.intp)


class _Windows:
    """Frames with the weighted mean and variance of each window; moved by half the range, which saves digits."""

    def __init__(self, frames: Gray) -> None:
        if frames.ndim != 3 or frames.dtype != np.uint8 or min(frames.shape[1:], default=0) < _WINDOW_PX:
            raise DataError(
                f"ssim: frames are {frames.dtype} {frames.shape}, expected uint8 (frame, height, width) of at least "
                f"{_WINDOW_PX} x {_WINDOW_PX} pixels"
            )
        self._down, self._across = (_blur(side) for side in frames.shape[1:])
        self.frames = torch.from_numpy(np.ascontiguousarray(frames)).float() - _SHIFT
        self.mean = self._weighted(self.frames)
        self.variance = self._weighted(self.frames.square()) - self.mean.square()

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, rows: slice | NDArray[np.intp]) -> "_Windows":
        some = object.__new__(_Windows)
        some._down, some._across = self._down, self._across
        some.frames, some.mean, some.variance = self.frames[rows], self.mean[rows], self.variance[rows]
        return some

    def _weighted(self, pictures: Tensor) -> Tensor:
        # Each of both is one large matrix product; windows come out transposed, which their mean does not mind.
        return (pictures @ self._across).transpose(1, 2) @ self._down

    def similarity(self, other: "_Windows") -> Tensor:
        covariance = self._weighted(self.frames * other.frames) - self.mean * other.mean
        one, two = self.mean + _SHIFT, other.mean + _SHIFT
        light = (2 * one * two + _C1) / (one.square() + two.square() + _C1)
        structure = (2 * covariance + _C2) / (self.variance + other.variance + _C2)
        return (light * structure).mean(dim=(1, 2))


def _blur(side_px: int) -> Tensor:
    """The matrix (pixel, window) that takes the weighted mean of each window along one side."""
    offsets = torch.arange(_WINDOW_PX, dtype=torch.float64) - _WINDOW_PX // 2
    weights = torch.exp(-offsets.square() / (2 * _DEVIATION_PX**2))
    matrix = torch.zeros(side_px, side_px - _WINDOW_PX + 1)
    for window in range(matrix.shape[1]):
        matrix[window : window + _WINDOW_PX, window] = (weights / weights.sum()).float()
    return matrix

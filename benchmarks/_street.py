"""Rendered walkers who cross a still picture: frames as a camera would give them, and everybody's true mask."""

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from walkprint.core.sequence import SequenceKey
from walkprint.data.walkers import Walkers

Gray = NDArray[np.uint8]


def street(
    walkers: Walkers,
    keys: Sequence[SequenceKey],
    *,
    height_px: int = 480,
    width_px: int = 640,
    person: float = 0.6,
    paths: Sequence[tuple[float, float]] = ((0.2, 0.8),),
    feet: Sequence[float] = (0.92,),
    shadow: float = 0.25,
    noise: float = 2.5,
    seed: int = 0,
) -> Iterator[tuple[NDArray[np.uint8], list[Gray]]]:
    """Yield frames and masks.

    Args:
        walkers: who walks.
        keys: one walk for each person; those in front come last.
        height_px, width_px: size of the picture.
        person: about how high people are, as a share of the picture's height.
        paths: from where to where each person's middle goes, as shares of the picture's width.
        feet: where each person's feet are, as shares of the picture's height.
        shadow: how much light each person's shadow takes away.
        noise: of the sensor, standard deviation in gray levels.
        seed: of background and noise.

    Returns:
        uint8 (height, width, 3) RGB, and for each person uint8 (height, width): what can be seen of that person.
    """
    rng = np.random.default_rng(seed)
    background = _background(height_px, width_px, rng)
    clips = [walkers.read_color(key) for key in keys]
    for t in range(min(len(color) for color, _ in clips)):
        frame, masks = background.copy(), []
        for (color, soft), path, foot in zip(clips, paths, feet, strict=True):
            share = t / max(len(color) - 1, 1)
            middle = (path[0] + (path[1] - path[0]) * share) * width_px
            to_frame = _placed(soft.frames[:, 0], middle, foot * height_px, person * height_px)
            size = (width_px, height_px)
            mask = np.asarray(cv2.warpAffine(soft.frames[t, 0], to_frame, size), np.uint8)
            rgb = cv2.warpAffine(np.ascontiguousarray(color.frames[t].transpose(1, 2, 0)), to_frame, size)
            if shadow:
                frame *= 1 - shadow * _shadow(mask, foot * height_px)[..., None]
            alpha = mask[..., None].astype(np.float32) / 255
            frame += alpha * (rgb - frame)
            masks = [np.asarray(other * (1 - mask / 255.0) + 0.5, np.uint8) for other in masks] + [mask]
        frame += rng.normal(0, noise, frame.shape).astype(np.float32)
        yield np.clip(frame, 0, 255).astype(np.uint8), masks


def iou(found: Gray, truth: Gray) -> float:
    """Intersection over union at half height; 1 where both are empty."""
    one, other = found >= 128, truth >= 128
    union = int((one | other).sum())
    return float((one & other).sum()) / union if union else 1.0


def _background(height_px: int, width_px: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Ground and wall in soft colors, with coarse and fine structure."""
    coarse = cv2.resize(rng.normal(0, 12, (7, 9, 3)), (width_px, height_px), interpolation=cv2.INTER_CUBIC)
    fine = cv2.GaussianBlur(rng.normal(0, 16, (height_px, width_px, 1)), (0, 0), 1.2)
    picture = rng.uniform(90, 170, 3) + coarse + fine.reshape(height_px, width_px, 1)
    picture[: round(0.55 * height_px)] += rng.uniform(-25, 25, 3)
    return np.clip(picture, 0, 255).astype(np.float32)


def _placed(masks: Gray, middle: float, foot: float, person_px: float) -> NDArray[np.float32]:
    """From a walker's own picture to the street; one scale for the whole walk."""
    rows = np.flatnonzero(masks.max(axis=(0, 2)) > 64)
    scale = person_px / (rows[-1] - rows[0])
    return np.array([[scale, 0, middle - scale * masks.shape[2] / 2], [0, scale, foot - scale * rows[-1]]], np.float32)


def _shadow(mask: Gray, foot: float) -> NDArray[np.float32]:
    """The mask laid down on the ground."""
    to_ground = np.array([[1, -0.9, 0.9 * foot], [0, -0.25, 1.25 * foot]], np.float32)
    lying = cv2.warpAffine(mask, to_ground, mask.shape[::-1])
    return np.asarray(cv2.GaussianBlur(lying, (0, 0), 2.0), np.float32) / 255

"""Walks as a fixed camera films them: color or gray over a place, with shadow, blur, grain and compression.

For segmenters: what one makes of these pictures has the errors of real masks, which `noise` only imitates.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from walkprint.data.walkers.camera import HEIGHT_PX, WIDTH_PX, Camera
from walkprint.data.walkers.render import Scene, pictures

Pictures = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Film:
    """A clip of a walker, who stays in the middle.

    Attributes:
        pictures: uint8 (time, HEIGHT_PX, WIDTH_PX, 3), RGB; three equal channels where the camera is gray.
        masks: uint8 (time, HEIGHT_PX, WIDTH_PX), the true masks, with soft edges.
        empty: uint8 (empty, HEIGHT_PX, WIDTH_PX, 3), the place without the walker.
    """

    pictures: Pictures
    masks: Pictures
    empty: Pictures


@dataclass(frozen=True, slots=True, eq=False)
class _Lens:
    """What one camera does to all its pictures."""

    gray: bool
    blur_px: float
    gain: float
    grains: NDArray[np.float32]
    quality: int

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "_Lens":
        gray, blur_px, grain = rng.random() < 0.6, float(rng.uniform(0, 1.2)), rng.uniform(0, 9)
        gain, lift, quality = float(rng.uniform(0.6, 1.2)), rng.uniform(-25, 35), int(rng.uniform(55, 95))
        shape = (2 * HEIGHT_PX, 2 * HEIGHT_PX, 1)
        grains = np.float32(lift) + rng.standard_normal(shape, np.float32) * np.float32(grain)
        return cls(gray, blur_px, gain, grains, quality)

    def __call__(self, picture: Pictures, rng: np.random.Generator) -> Pictures:
        seen = cv2.GaussianBlur(picture, (5, 5), self.blur_px) if self.blur_px > 0.3 else picture
        seen = cv2.cvtColor(seen, cv2.COLOR_RGB2GRAY)[..., None] if self.gray else seen
        row, column = rng.integers(0, HEIGHT_PX, 2)
        noisy = seen * np.float32(self.gain) + self.grains[row : row + HEIGHT_PX, column : column + WIDTH_PX]
        flat = np.clip(noisy, 0, 255).astype(np.uint8)
        coded = cv2.imencode(".jpg", flat, [cv2.IMWRITE_JPEG_QUALITY, self.quality])[1]  # its channels may be swapped
        decoded = np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE if self.gray else cv2.IMREAD_COLOR), np.uint8)
        return np.repeat(decoded[..., None], 3, -1) if self.gray else decoded


def film(scene: Scene, camera: Camera, rng: np.random.Generator, empty: int = 0) -> Film:
    """Film a walk at a place, and the place so many times before; pixels depend on the arguments alone."""
    place = scenery(rng)
    rgb, masks = pictures(scene, camera, 0.5, rng, place)
    lens, dark = _Lens.draw(rng), rng.random() < 0.35
    shots = np.empty_like(rgb)
    for t, mask in enumerate(masks):
        shots[t] = lens(_with_shadow(rgb[t], mask) if dark else rgb[t], rng)
    before = np.empty((empty, *place.shape), np.uint8)
    for i in range(empty):
        before[i] = lens(place, rng)
    return Film(shots, masks, before)


def scenery(rng: np.random.Generator) -> Pictures:
    """A place, (HEIGHT_PX, WIDTH_PX, 3): a wall, ground, blotches, edges and texture."""
    light, contrast = rng.uniform(30, 220), rng.uniform(4, 32)
    wall = np.full((HEIGHT_PX, WIDTH_PX, 3), light) + rng.normal(0, 10, 3)
    for cells, share in ((5, 1.0), (20, 0.5), (60, 0.35)):
        coarse = rng.normal(0, contrast * share * rng.uniform(0.2, 1), (cells, cells, 1)).astype(np.float32)
        wall = wall + cv2.resize(coarse, (WIDTH_PX, HEIGHT_PX), interpolation=cv2.INTER_CUBIC)[..., None]
    floor = int(rng.uniform(0.62, 0.95) * HEIGHT_PX)
    wall[floor:] += rng.normal(0, 35)
    for _ in range(rng.integers(0, 4)):
        left, wide = int(rng.integers(0, WIDTH_PX)), int(rng.integers(2, 24))
        wall[: int(rng.uniform(0.4, 1) * HEIGHT_PX), left : left + wide] += rng.normal(0, 40)
    return np.asarray(np.clip(wall, 0, 255), np.uint8)


def _with_shadow(picture: Pictures, mask: Pictures) -> Pictures:
    left, top, wide, tall = cv2.boundingRect(mask)
    spot = np.zeros(mask.shape, np.float32)
    cv2.ellipse(spot, (left + wide // 2, top + tall - 2), (max(wide, 8), max(tall // 14, 3)), 0, 0, 360, 1, -1)
    spot = np.asarray(cv2.GaussianBlur(spot, (9, 9), 2.5) * (mask < 128), np.float32)
    return np.asarray(picture * (1 - np.float32(0.55) * spot[..., None]), np.uint8)

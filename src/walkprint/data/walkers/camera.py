"""Where the walk is seen from: a pinhole camera at a height, a distance and an angle to the direction of walking."""

from dataclasses import dataclass

import numpy as np

from walkprint.core.compiled import compiled
from walkprint.data.walkers.body import Floats

HEIGHT_PX, WIDTH_PX = 160, 144


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera that looks at the middle of the path.

    Attributes:
        azimuth_deg: 0 the walker comes towards it, 90 it sees the left side, 180 the back, 270 the right side.
        distance_m: from the middle of the path.
        height_m: above the floor.
        roll_deg: how far it is tilted sideways.
        person_px: height of a person of 1.7 m in the middle of the path.
    """

    azimuth_deg: float
    distance_m: float = 5.0
    height_m: float = 1.3
    roll_deg: float = 0.0
    person_px: float = 110.0


def project(points: Floats, path_m: Floats, camera: Camera) -> Floats:
    """Columns, rows and depths, (time, vertex, 3), the walker kept in the middle of the picture and at one size.

    Args:
        points: (time, vertex, 3) with the floor at z = 0 and the walker at x = y = 0.
        path_m: (time,) how far along x the walker is.
        camera: who looks; pictures are HEIGHT_PX x WIDTH_PX.
    """
    azimuth, roll = np.deg2rad(camera.azimuth_deg), np.deg2rad(camera.roll_deg)
    eye = np.array([camera.distance_m * np.cos(azimuth), camera.distance_m * np.sin(azimuth), camera.height_m])
    waist = np.array([0.0, 0.0, 0.9])
    ahead = (waist - eye) / np.linalg.norm(waist - eye)
    right = np.cross(ahead, (0.0, 0.0, 1.0))
    right /= np.linalg.norm(right)
    down = np.cross(ahead, right)
    right, down = np.cos(roll) * right + np.sin(roll) * down, np.cos(roll) * down - np.sin(roll) * right
    walker = np.stack([path_m, np.zeros_like(path_m), np.zeros_like(path_m)], axis=1)
    return _project(points, walker - eye, waist, np.stack([right, down, ahead]), camera.person_px / 1.7)


@compiled()
def _project(points: Floats, offset: Floats, waist: Floats, axes: Floats, scale_px: float) -> Floats:
    out = np.empty(points.shape)
    for t in range(points.shape[0]):
        middle = axes @ (offset[t] + waist)
        for v in range(points.shape[1]):
            x = points[t, v, 0] + offset[t, 0]
            y = points[t, v, 1] + offset[t, 1]
            z = points[t, v, 2] + offset[t, 2]
            depth = max(axes[2, 0] * x + axes[2, 1] * y + axes[2, 2] * z, 0.3)
            across = axes[0, 0] * x + axes[0, 1] * y + axes[0, 2] * z
            below = axes[1, 0] * x + axes[1, 1] * y + axes[1, 2] * z
            out[t, v, 0] = (across / depth * middle[2] - middle[0]) * scale_px + WIDTH_PX / 2
            out[t, v, 1] = (below / depth * middle[2] - middle[1]) * scale_px + HEIGHT_PX / 2
            out[t, v, 2] = depth
    return out

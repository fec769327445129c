"""From a walk and a camera to pictures: silhouettes as a segmenter would give them, or shaded color with its mask."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from walkprint.data.walkers.body import Floats, ring_faces, skin, template
from walkprint.data.walkers.camera import HEIGHT_PX, WIDTH_PX, Camera, project
from walkprint.data.walkers.carried import AROUND, RINGS, place
from walkprint.data.walkers.clothes import LEVELS, RING, drape, dress
from walkprint.data.walkers.gait import pose
from walkprint.data.walkers.people import Take
from walkprint.data.walkers.raster import fill_color, fill_mask

FRAME_RATE_HZ = 25.0
_LIGHT = np.array([0.4, 0.5, 0.77])


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """Everything that is drawn.

    Attributes:
        points: (time, vertex, 3) in meters, floor at z = 0, walker at x = y = 0.
        faces: (face, 3).
        colors: (face, 3) RGB from 0 to 255.
        path_m: (time,) how far along the walker is.
    """

    points: Floats
    faces: NDArray[np.int64]
    colors: NDArray[np.uint8]
    path_m: Floats


def act(walk: Take, frames: int, rate_hz: float = FRAME_RATE_HZ) -> Scene:
    """Let the walk happen for that many frames."""
    shared, body, outfit = template(), walk.body, walk.outfit
    time_s = np.arange(frames) / rate_hz
    phase = walk.start + walk.gait.style.cadence_hz * time_s
    posed = pose(body, walk.gait, phase, walk.carried.load if walk.carried else None)
    dressed = dress(body, outfit)
    points = skin(dressed, shared.bone, shared.weight, body.heads, posed.rotations, posed.places)
    floor = points[:, shared.vertices_of("foot", "toes"), 2].min(1)
    meshes, faces, colors = [points], [shared.faces], [_skin_colors(walk)]
    if outfit.hanging:
        cloth = outfit.hanging
        covered = np.ascontiguousarray(points[:, shared.vertices_of("spine", "pelvis", "thigh", "shin")])
        hem_m = cloth.hem * floor
        ring = drape(covered, cloth.top_m, hem_m, cloth.thickness_m, cloth.flare, cloth.taut, cloth.lag)
        _append(meshes, faces, colors, ring, ring_faces(LEVELS, RING), outfit.top)
    if walk.carried:
        thing = place(walk.carried, body, posed, phase, outfit.torso_m)
        _append(meshes, faces, colors, thing, ring_faces(RINGS, AROUND), walk.carried.color)
    everything = np.concatenate(meshes, axis=1)
    everything[..., 2] -= floor[:, None, None][:, 0]
    speed_m_s = 1.45 * body.height_m / 1.7 * walk.gait.style.cadence_hz * walk.gait.style.hip_swing
    path_m = speed_m_s * (time_s - time_s.mean())
    return Scene(everything, np.concatenate(faces), np.concatenate(colors), np.clip(path_m, -1.2, 1.2))


def silhouettes(scene: Scene, camera: Camera) -> NDArray[np.uint8]:
    """Perfect masks, uint8 (time, HEIGHT_PX, WIDTH_PX), 0 or 255."""
    return fill_mask(
        project(scene.points, scene.path_m, camera), scene.faces, len(template().faces), HEIGHT_PX, WIDTH_PX
    )


def pictures(
    scene: Scene,
    camera: Camera,
    light: float,
    rng: np.random.Generator,
    background: NDArray[np.uint8] | None = None,
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Shaded color over a background, and the soft mask.

    Args:
        scene: what is drawn.
        camera: who looks.
        light: of the drawn background, 0 dark to 1 bright.
        rng: draws the background.
        background: uint8 (HEIGHT_PX, WIDTH_PX, 3) RGB; a wall and a floor are drawn when None.

    Returns:
        uint8 (time, HEIGHT_PX, WIDTH_PX, 3) RGB, and uint8 (time, HEIGHT_PX, WIDTH_PX), 0 to 255 with soft edges.
    """
    seen = project(scene.points, scene.path_m, camera)
    corners = scene.points[:, scene.faces]
    across = np.cross(corners[:, :, 1] - corners[:, :, 0], corners[:, :, 2] - corners[:, :, 0])
    normals = across / np.maximum(np.linalg.norm(across, axis=-1, keepdims=True), 1e-12)
    shade = 0.55 + 0.45 * np.abs(normals @ _LIGHT)
    shades = np.clip(np.rint(scene.colors * shade[..., None]), 0, 255).astype(np.uint8)
    canvas = np.repeat((_background(light, rng) if background is None else background)[None], len(seen), axis=0)
    mask = fill_color(seen, scene.faces, shades, canvas)
    for t in range(len(seen)):
        mask[t] = cv2.GaussianBlur(mask[t], (3, 3), 0.8)
        canvas[t] = cv2.GaussianBlur(canvas[t], (3, 3), 0.5)
    return canvas, mask


def _append(
    meshes: list[Floats],
    faces: list[NDArray[np.int64]],
    colors: list[NDArray[np.uint8]],
    points: Floats,
    triangles: NDArray[np.int64],
    color: tuple[int, int, int],
) -> None:
    start = sum(mesh.shape[1] for mesh in meshes)
    meshes.append(points)
    faces.append(triangles + start)
    colors.append(np.tile(np.array(color, np.uint8), (len(triangles), 1)))


def _skin_colors(walk: Take) -> NDArray[np.uint8]:
    """Color of each face of the body, by the bone that moves it."""
    shared, outfit = template(), walk.outfit
    by_bone = {
        "thigh": outfit.legs,
        "shin": outfit.legs,
        "pelvis": outfit.legs,
        "foot": outfit.shoes,
        "toes": outfit.shoes,
        "head": outfit.skin,
        "neck": outfit.skin,
        "hand": outfit.skin,
    }
    if outfit.hanging:
        by_bone["pelvis"] = outfit.top
    if outfit.bare_arms:
        by_bone["forearm"] = outfit.skin
    table = np.array([by_bone.get(name.split(".")[0], outfit.top) for name in shared.names], np.uint8)
    vertex = table[shared.bone[:, 0]]
    head = shared.vertices_of("head")
    at = walk.body.vertices[head]
    up = (at[:, 2] - at[:, 2].min()) / np.ptp(at[:, 2])
    back = (at[:, 0].max() - at[:, 0]) / np.ptp(at[:, 0])
    vertex[head[(up > 0.75) | (back > 0.6)]] = outfit.top if outfit.hat or outfit.hood_m else outfit.hair
    return vertex[shared.faces[:, 0]]


def _background(light: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """A wall and a floor with soft blotches."""
    coarse = rng.normal(0, 12, (9, 9, 1)) + rng.normal(0, 8, 3) + 60 + 130 * light
    coarse[6:] *= 0.8
    small = np.clip(np.rint(coarse), 0, 255).astype(np.uint8)
    wide = cv2.resize(small, (WIDTH_PX, HEIGHT_PX), interpolation=cv2.INTER_LINEAR_EXACT)
    return wide.astype(np.uint8)

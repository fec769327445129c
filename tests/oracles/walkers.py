"""Slow, obvious twins of the walkers' fast paths: skinning, projection and drawing."""

import numpy as np


def skin(vertices, bone, weight, heads, rotations, places):
    """Linear blending by one sum over the bones of each vertex."""
    local = vertices[:, None] - heads[bone]
    turned = np.einsum("tvkij,vkj->tvki", rotations[:, bone], local) + places[:, bone]
    return (turned * weight[None, :, :, None]).sum(2)


def project(points, path_m, camera, height_px, width_px):
    """Pinhole projection, one frame after another, the walker in the middle and of one size."""
    azimuth, roll = np.deg2rad(camera.azimuth_deg), np.deg2rad(camera.roll_deg)
    eye = np.array([camera.distance_m * np.cos(azimuth), camera.distance_m * np.sin(azimuth), camera.height_m])
    ahead = np.array([0, 0, 0.9]) - eye
    ahead = ahead / np.linalg.norm(ahead)
    right = np.cross(ahead, [0, 0, 1])
    right = right / np.linalg.norm(right)
    down = np.cross(ahead, right)
    across = np.cos(roll) * right + np.sin(roll) * down
    below = np.cos(roll) * down - np.sin(roll) * right
    frames = []
    for frame, along in zip(points, path_m, strict=True):
        from_eye = frame + [along, 0, 0] - eye
        waist = np.array([along, 0, 0.9]) - eye
        depth = from_eye @ ahead
        scale = camera.person_px / 1.7 * (waist @ ahead)
        column = (from_eye @ across / depth - waist @ across / (waist @ ahead)) * scale + width_px / 2
        row = (from_eye @ below / depth - waist @ below / (waist @ ahead)) * scale + height_px / 2
        frames.append(np.stack([column, row, depth], -1))
    return np.stack(frames)


def fill_mask(points, faces, height, width, sub=16):
    """Every pixel asked about every triangle: inside when it lies on one side of all three edges."""
    rows, columns = np.mgrid[:height, :width] * sub
    out = np.zeros((len(points), height, width), np.uint8)
    for t, frame in enumerate(np.rint(points[..., :2] * sub).astype(int)):
        for a, b, c in frame[faces]:
            sides = [
                (q[0] - p[0]) * (rows - p[1]) - (q[1] - p[1]) * (columns - p[0]) for p, q in ((a, b), (b, c), (c, a))
            ]
            if (b - a)[0] * (c - a)[1] == (b - a)[1] * (c - a)[0]:
                continue
            inside = np.all([s >= 0 for s in sides], 0) | np.all([s <= 0 for s in sides], 0)
            out[t][inside] = 255
    return out


def pull_straight(profile):
    """The smallest concave curve above a profile at whole steps, by trying every chord."""
    count = len(profile)
    best = profile.astype(float).copy()
    for level in range(count):
        for above in range(level + 1):
            for below in range(level, count):
                if above != below:
                    share = (level - above) / (below - above)
                    best[level] = max(best[level], (1 - share) * profile[above] + share * profile[below])
    return best

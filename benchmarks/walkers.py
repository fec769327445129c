"""Rendering walkers at 64 x 64, clothes and mask noise included, against a plain renderer that draws every triangle.

The plain version poses with one sum over all bones and lets OpenCV fill triangle by triangle; it has neither hanging
cloth nor mask noise, so the ratio is against less work.
"""

import itertools

import cv2
import numpy as np
from measure import compare, own_peak_mb, report

from walkprint.core.sequence import SequenceKey
from walkprint.core.silhouette import align_clip
from walkprint.data.walkers import Variety, Walkers
from walkprint.data.walkers.body import template
from walkprint.data.walkers.camera import HEIGHT_PX, WIDTH_PX, project
from walkprint.data.walkers.clothes import dress
from walkprint.data.walkers.gait import pose
from walkprint.data.walkers.people import camera_of, person, walk

FRAMES, CLIPS = 40, 11


def plain_clip(key: SequenceKey) -> np.ndarray:
    """One clip, the obvious way."""
    variety, shared = Variety(), template()
    who = person(0, key.subject, variety)
    one = walk(0, key, who, variety)
    posed = pose(who.body, one.gait, one.start + 0.037 * np.arange(FRAMES))
    dense = np.zeros((shared.vertex_count, len(shared.names)))
    np.put_along_axis(dense, shared.bone, shared.weight, axis=1)
    rest = dress(who.body, one.outfit)
    local = rest[:, None] - who.body.heads
    points = np.einsum("tbij,vbj,vb->tvi", posed.rotations, local, dense) + np.einsum(
        "vb,tbi->tvi", dense, posed.places
    )
    seen = project(points, np.zeros(FRAMES), camera_of(0, key, variety))[..., :2]
    masks = np.zeros((FRAMES, HEIGHT_PX, WIDTH_PX), np.uint8)
    for mask, frame in zip(masks, np.rint(seen).astype(np.int32), strict=True):
        for face in frame[shared.faces]:
            cv2.fillConvexPoly(mask, face, 255)
    return align_clip(masks)[0]


def main() -> None:
    """Print the table."""
    cv2.setNumThreads(1)
    walkers = Walkers(subjects=40, frames=FRAMES)
    rows = []
    for condition in ("nm", "bg", "cl"):
        keys = [SequenceKey("001", condition, "01", view) for view in walkers.views]
        turn = itertools.count()

        def fast(condition: str = condition, turn: itertools.count = turn) -> None:  # another person every time
            subject = walkers.names[next(turn) % len(walkers.names)]
            for view in walkers.views:
                walkers.read(SequenceKey(subject, condition, "01", view))

        def plain(keys: list[SequenceKey] = keys) -> None:
            plain_clip(keys[5])

        result = compare(fast, plain, rounds=5)
        per_frame, plain_per_frame = result["fast_s"] / (FRAMES * CLIPS), result["plain_s"] / FRAMES
        rows.append(
            {
                "condition": condition,
                "ms_per_frame": 1e3 * per_frame,
                "plain_ms_per_frame": 1e3 * plain_per_frame,
                "ratio": plain_per_frame / per_frame,
                "frames_per_s_core": 1 / per_frame,
                "goal_ms": 0.5,
                "peak_mb": own_peak_mb(),
            }
        )
    report("walkers: render, spoil and align at 64 x 64, one core", rows)


if __name__ == "__main__":
    main()

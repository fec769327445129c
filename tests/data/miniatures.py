"""Miniature trees and stores that the tests of data share."""

import cv2
import numpy as np

from walkprint.core.sequence import Clip, SequenceKey
from walkprint.data.writing import StoreWriter


def draw_person(seed, height=60, width=50):
    """A mask, uint8 (height, width), that differs with the seed."""
    rng = np.random.default_rng(seed)
    frame = np.zeros((height, width), np.uint8)
    axes = (int(rng.integers(6, 12)), int(rng.integers(18, 28)))
    cv2.ellipse(frame, (width // 2 + int(rng.integers(-5, 6)), height // 2), axes, 0, 0, 360, 255, -1)
    return frame


def write_tree(root, keys, frames=6, suffix=".png"):
    """Frames 1..n of every key below `root`, numbered without leading zeros."""
    for number, key in enumerate(keys):
        folder = root / key.subject / key.recording / key.view
        folder.mkdir(parents=True)
        for frame in range(1, frames + 1):
            cv2.imwrite(str(folder / f"{frame}{suffix}"), draw_person(1000 * number + frame))


def casia_keys(subjects=("001", "075", "076"), views=("000", "090")):
    takes = [("nm", f"0{i}") for i in range(1, 7)] + [(c, f"0{i}") for c in ("bg", "cl") for i in (1, 2)]
    return [SequenceKey(s, condition, take, view) for s in subjects for condition, take in takes for view in views]


def write_ou_mvlp(root, keys, frames=6):
    """Frames of every key below `root` as OU-MVLP lays them out."""
    for number, key in enumerate(keys):
        folder = root / f"Silhouette_{key.view}-{key.take}" / key.subject
        folder.mkdir(parents=True)
        for frame in range(1, frames + 1):
            cv2.imwrite(str(folder / f"{frame:04d}.png"), draw_person(1000 * number + frame))


def ou_mvlp_keys(subjects=("00001", "00002", "10307"), views=("000", "090", "270")):
    return [SequenceKey(s, "", take, view) for s in subjects for take in ("00", "01") for view in views]


def write_fvg(root, people=(("001", 1), ("004", 1), ("002", 3), ("150", 2), ("151", 2), ("002", 1)), frames=5):
    """All videos of people in one session each, as FVG lays them out; frames are colored, 2:1, of several sizes."""
    for number, (subject, session) in enumerate(people):
        for video in range(1, 13):
            folder = root / f"session{session}" / f"{subject}_{video:02d}"
            folder.mkdir(parents=True)
            for frame in range(1, frames + 1):
                mask = draw_person(1000 * number + 20 * video + frame, height=100 + 2 * frame, width=50 + frame)
                cv2.imwrite(str(folder / f"{frame:05d}.png"), mask[..., None] // np.array([1, 2, 4], np.uint8))


def random_clip(key, length, seed=0, shape=(1, 8, 12)):
    rng = np.random.default_rng([seed, length])
    return Clip(rng.integers(0, 256, (length, *shape)).astype(np.uint8), key)


def write_store(path, lengths, **settings):
    """A store of random clips; `lengths` maps keys to frames. Returns it with its clips by key."""
    clips = {key: random_clip(key, length, seed) for seed, (key, length) in enumerate(lengths.items())}
    writer = StoreWriter(path, **settings)
    for clip in clips.values():
        writer.add(clip)
    return writer.finish(), clips

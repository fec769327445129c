"""A tiny store of people as ellipses, wider in a coat, whose height says who and whose tilt says when."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from walkprint.core.sequence import Clip, SequenceKey
from walkprint.data.store import Store
from walkprint.data.writing import StoreWriter


def person(subject: int, condition: str, frame: int) -> NDArray[np.uint8]:
    """One frame, (64, 64)."""
    y, x = np.mgrid[0:64, 0:64] - 31.5
    x = x - 0.2 * y * np.sin(frame)
    wide = 14 if condition == "cl" else 8
    inside = (x / wide) ** 2 + (y / (20 + 3 * subject)) ** 2 < 1
    return np.where(inside, np.uint8(255), np.uint8(0))


def tiny_store(folder: Path, subjects: int = 3, frames: int = 8, without_coat: int = 0) -> Store:
    """Four takes of normal walking and one in a coat for all but the last `without_coat` subjects."""
    with StoreWriter(folder) as writer:
        for i in range(subjects):
            takes = [("nm", str(take)) for take in range(4)] + ([("cl", "0")] if i < subjects - without_coat else [])
            for condition, take in takes:
                clip = np.stack([person(i, condition, frame + int(take)) for frame in range(frames)])[:, None]
                writer.add(Clip(clip, SequenceKey(f"{i:03d}", condition, take, "090")))
    return Store.open(folder)

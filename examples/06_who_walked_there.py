"""Render three videos, enroll two people by the first two, and ask who walks in the third.

The videos stay in this folder, for `walkprint enroll`, `identify`, `watch` and `serve`.
"""

import cv2
import numpy as np

from walkprint import Walkers
from walkprint.core.sequence import SequenceKey
from walkprint.recognizer import Recognizer

HEIGHT, WIDTH, PERSON = 240, 360, 170


def film(path: str, walkers: Walkers, subject: str, take: str) -> None:
    """A rendered person walks from left to right past a wall."""
    color, mask = walkers.read_color(SequenceKey(subject, "nm", take, "090"))
    reached = mask.frames[:, 0].max(axis=0) >= 128
    rows, columns = np.flatnonzero(reached.any(axis=1)), np.flatnonzero(reached.any(axis=0))
    cut = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    size = (PERSON * len(columns) // len(rows), PERSON)
    rng = np.random.default_rng(0)
    wall = cv2.resize(rng.uniform(130, 170, (6, 9, 3)), (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    file = cv2.VideoWriter(path, cv2.VideoWriter_fourcc(*"mp4v"), 25, (WIDTH, HEIGHT))
    for number, (picture, shape) in enumerate(zip(color.frames.transpose(0, 2, 3, 1), mask.frames[:, 0], strict=True)):
        image = wall + rng.normal(0, 2, wall.shape)
        left = 20 + (WIDTH - 40 - size[0]) * number // len(color)
        place = image[-PERSON - 20 : -20, left : left + size[0]]
        opaque = cv2.resize(shape[cut], size)[..., None] / 255
        place += opaque * (cv2.resize(picture[cut], size) - place)
        file.write(np.clip(image, 0, 255).astype(np.uint8)[..., ::-1])
    file.release()


def main() -> None:
    walkers = Walkers(subjects=2, frames=30, size_px=128)
    for path, subject, take in (("anna.mp4", "001", "01"), ("ben.mp4", "002", "01"), ("hall.mp4", "001", "02")):
        film(path, walkers, subject, take)
    recognizer = Recognizer("example.gallery", false_positive_rate=0.05)
    for name in ("Anna", "Ben"):
        print(recognizer.enroll(f"{name.lower()}.mp4", name, consent="rendered"))
    for seen in recognizer.identify("hall.mp4"):
        print(seen)


if __name__ == "__main__":
    main()

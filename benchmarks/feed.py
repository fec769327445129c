"""How fast training clips come from a packed store: 8 subjects x 16 clips x 30 frames, plain and augmented.

The textbook twin keeps one .npy file per sequence, loads it whole, draws 30 frames, turns and erases frame by frame
with OpenCV and stacks them; a second twin reads one PNG per frame.
"""

import sys
import tempfile
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from measure import compare, own_peak_mb, peak_memory_mb, report

from walkprint.core.sequence import Clip, SequenceKey
from walkprint.data.augment import Augmentation, Erasing, Flip, Rotation
from walkprint.data.frames import RandomSubset
from walkprint.data.loading import TrainingBatches
from walkprint.data.sampling import SubjectSampler
from walkprint.data.store import Store
from walkprint.data.writing import StoreWriter

SUBJECTS, TAKES, FRAMES = 20, 16, 30
BATCH = (8, 16)


def walking_blob(rng: np.random.Generator, length: int) -> np.ndarray:
    """Something as large as a person, uint8 (time, 1, 64, 64), with soft edges."""
    frames = np.zeros((length, 64, 64), np.uint8)
    for t in range(length):
        swing = int(9 * np.sin(t / 4))
        cv2.circle(frames[t], (32, 7), 6, 255, -1)
        cv2.ellipse(frames[t], (32, 26), (int(rng.integers(7, 11)), 16), 0, 0, 360, 255, -1)
        for foot in (-swing, swing):
            cv2.line(frames[t], (32, 36), (32 + foot, 62), 255, 5, cv2.LINE_AA)
    return frames[:, None]


def write(folder: Path, png: bool) -> Store:
    rng = np.random.default_rng(0)
    for name in ("npy", "png"):
        (folder / name).mkdir()
    for name, bits in (("s8", 8), ("s1", 1)):
        rng = np.random.default_rng(0)
        with StoreWriter(folder / name, bits=bits) as writer:
            for subject in range(SUBJECTS):
                for take in range(TAKES):
                    frames = walking_blob(rng, int(rng.integers(60, 100)))
                    writer.add(Clip(frames, SequenceKey(f"{subject:03d}", "nm", f"{take:02d}", "090")))
                    if bits == 8:
                        place = f"{subject:03d}-{take:02d}"
                        np.save(folder / "npy" / f"{place}.npy", frames[:, 0])
                        for t in range(len(frames) if png else 0):
                            cv2.imwrite(str(folder / "png" / f"{place}-{t}.png"), frames[t, 0])
    return Store.open(folder / "s8")


def textbook_augment(frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    height, width = frames.shape[1:]
    if rng.random() < 0.3:
        frames = np.stack([frame[:, ::-1] for frame in frames])
    if rng.random() < 0.3:
        turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), rng.uniform(-10, 10), 1)
        frames = np.stack([cv2.warpAffine(frame, turn, (width, height)) for frame in frames])
    if rng.random() < 0.3:
        top, left = rng.integers(height // 2), rng.integers(width // 2)
        frames = np.stack([frame.copy() for frame in frames])
        for frame in frames:
            frame[top : top + 20, left : left + 16] = 0
    return frames


def textbook(folder: Path, kind: str, augmented: bool) -> np.ndarray:
    rng = np.random.default_rng(0)
    batch = []
    for subject in rng.choice(SUBJECTS, BATCH[0], replace=False):
        for take in rng.choice(TAKES, BATCH[1], replace=False):
            place = f"{subject:03d}-{take:02d}"
            if kind == "npy":
                sequence = np.load(folder / "npy" / f"{place}.npy")
                frames = [sequence[i] for i in rng.choice(len(sequence), FRAMES, replace=False)]
            else:
                frames = [
                    cv2.imread(str(folder / "png" / f"{place}-{i}.png"), cv2.IMREAD_GRAYSCALE)
                    for i in rng.choice(60, FRAMES, replace=False)
                ]
            clip = np.asarray(frames)
            batch.append(textbook_augment(clip, rng) if augmented else clip)
    return np.asarray(batch)[:, :, None]


def feed(store: Store, augmented: bool, width_px: int | None = None) -> TrainingBatches:
    augmentations: tuple[Augmentation, ...] = (Flip(p=0.3), Rotation(p=0.3), Erasing(p=0.3)) if augmented else ()
    return TrainingBatches(
        store,
        store.keys,
        chooser=RandomSubset(FRAMES),
        sampler=SubjectSampler(*BATCH),
        augmentations=augmentations,
        width_px=width_px,
    )


def several(batches: TrainingBatches, count: int) -> None:
    for step in range(count):
        batches.batch(step)


MEMORY = """
import sys
from pathlib import Path
sys.path.insert(0, {folder!r})
import feed
from walkprint.data.store import Store
path = Path(sys.argv[1])
batches = feed.feed(Store.open(path / "s8"), sys.argv[2] == "augmented")
mark()
if sys.argv[2] == "textbook": [feed.textbook(path, "npy", False) for _ in range(3)]
else: feed.several(batches, 3)
"""


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    rows = []
    count, repeat = BATCH[0] * BATCH[1] * FRAMES, 5
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        eight = write(folder, png=True)
        one = Store.open(folder / "s1")
        script = MEMORY.format(folder=str(Path(__file__).resolve().parent))
        for label, store, augmented, width, kind in (
            ("plain, 8 bits, 64 x 64", eight, False, None, "npy"),
            ("plain, 8 bits, 64 x 44", eight, False, 44, "npy"),
            ("plain, 1 bit, 64 x 64", one, False, None, "npy"),
            ("plain, 8 bits, 64 x 64, against PNG", eight, False, None, "png"),
            ("flip + rotation + erasing, 64 x 64", eight, True, None, "npy"),
            ("flip + rotation + erasing, 64 x 44", eight, True, 44, "npy"),
        ):
            batches = feed(store, augmented, width)
            few = rounds if kind == "npy" else 2
            found = compare(partial(several, batches, repeat), partial(textbook, folder, kind, augmented), few)
            rows.append(
                {
                    "feed": label,
                    "frames/s": count * repeat / found["fast_s"],
                    "textbook frames/s": count / found["plain_s"],
                    "ratio": found["ratio"] * repeat,
                }
            )
        for label, mode in (("plain", "plain"), ("augmented", "augmented"), ("textbook", "textbook")):
            rows.append({"feed": f"peak memory, {label}", "MB": peak_memory_mb(script, name, mode)})
    rows.append({"feed": "peak memory, this whole script", "MB": own_peak_mb()})
    report("feed of 8 x 16 x 30 frames, one core", rows)


if __name__ == "__main__":
    cv2.setNumThreads(1)
    main()

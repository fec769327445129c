"""How fast raw PNG frames become aligned ones, pixel for pixel the same as the textbook's.

The textbook twin reads with OpenCV and finds the center with a loop over columns that sums the image anew for each.
"""

import sys
import tempfile
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from measure import compare, own_peak_mb, peak_memory_mb, report

from walkprint.core.silhouette import align
from walkprint.data.folder import Folder
from walkprint.data.images import read_gray
from walkprint.data.prepare import prepare

SEQUENCES, FRAMES = 10, 50


def write(root: Path) -> list[Path]:
    """Frames of 320 x 240 with somebody of 150 px walking through."""
    for number in range(SEQUENCES):
        folder = root / f"{number:03d}" / "nm-01" / "090"
        folder.mkdir(parents=True)
        for t in range(FRAMES):
            frame = np.zeros((240, 320), np.uint8)
            x, swing = 60 + 4 * t, int(25 * np.sin(t / 4))
            cv2.circle(frame, (x, 60), 13, 255, -1)
            cv2.ellipse(frame, (x, 105), (18 + number, 38), 0, 0, 360, 255, -1)
            for foot in (-swing, swing):
                cv2.line(frame, (x, 130), (x + foot, 195), 255, 13)
            cv2.imwrite(str(folder / f"{t}.png"), frame)
    return sorted(root.rglob("*.png"))


def textbook_frame(path: Path, size: int = 64) -> np.ndarray | None:
    frame = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if frame.sum() <= 10_000:
        return None
    rows = frame.sum(axis=1)
    top = (rows != 0).argmax(axis=0)
    bottom = (rows != 0).cumsum(axis=0).argmax(axis=0)
    person = frame[top : bottom + 1]
    person = cv2.resize(person, (int(size * (person.shape[1] / person.shape[0])), size), interpolation=cv2.INTER_CUBIC)
    columns = person.sum(axis=0).cumsum()
    center = 0
    for x, mass in enumerate(columns):
        if mass > person.sum() / 2:
            center = x
            break
    padded = np.concatenate([np.zeros((size, size // 2)), person, np.zeros((size, size // 2))], axis=1)
    return padded[:, center : center + size].astype(np.uint8)


def ours(paths: list[Path]) -> list[np.ndarray]:
    return [align(read_gray(path)) for path in paths]


def textbook(paths: list[Path]) -> list[np.ndarray | None]:
    return [textbook_frame(path) for path in paths]


def whole(root: Path, counter: list[int]) -> None:
    counter[0] += 1
    prepare(Folder(root), root.parent / f"store{counter[0]}", workers=1)


MEMORY = """
import sys
from pathlib import Path
from walkprint.data.folder import Folder
from walkprint.data.prepare import prepare
dataset = Folder(sys.argv[1])
dataset.read(dataset.catalogue()[0])
mark()
prepare(dataset, sys.argv[2], workers=1)
"""


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    rows = []
    with tempfile.TemporaryDirectory() as name:
        root = Path(name) / "raw"
        paths = write(root)
        same = all(np.array_equal(a, b) for a, b in zip(ours(paths), textbook(paths), strict=True))
        if not same:
            raise SystemExit("our pixels differ from the textbook's: no figure is worth anything")
        for label, fast in (("read and align", partial(ours, paths)), ("whole prepare", partial(whole, root, [0]))):
            found = compare(fast, partial(textbook, paths), rounds)
            rows.append(
                {
                    "prepare": label,
                    "frames/s": len(paths) / found["fast_s"],
                    "textbook frames/s": len(paths) / found["plain_s"],
                    "ratio": found["ratio"],
                }
            )
        rows.append({"prepare": "peak memory", "MB": peak_memory_mb(MEMORY, str(root), str(Path(name) / "m"))})
    rows.append({"prepare": "peak memory, this whole script", "MB": own_peak_mb()})
    report("prepare of 320 x 240 PNG frames, one core, pixels equal", rows)


if __name__ == "__main__":
    cv2.setNumThreads(1)
    main()

"""Segmenters on rendered walkers at 640 x 480: overlap with the true masks by condition, frames a second on one core.

The default beside itself with its network run by OpenCV comes first, frame by frame in turn, and the network alone. The
plain twin for speed and for overlap is OpenCV's mixture model (MOG2, its shadows left out, largest piece) warmed up
on the same frames. Weights that are not there (`make models`) leave a row out.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
from _street import iou, street
from measure import own_peak_mb, report

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.oracles.mediapipe import PlainMediaPipe

from walkprint.core.errors import DataError
from walkprint.core.process import keep_freed_memory
from walkprint.core.sequence import SequenceKey
from walkprint.data.walkers import Walkers
from walkprint.video.background import Background
from walkprint.video.mediapipe import MediaPipe
from walkprint.video.segmenter import Segmenter

PEOPLE, VIEWS, FRAMES = 4, ("054", "090", "126"), 30
MAKERS: dict[str, Callable[[], Segmenter]] = {
    "background": Background,
    "mediapipe selfie": MediaPipe,
    "mediapipe pose": lambda: MediaPipe(model="pose"),
}


class Mixture:
    """OpenCV's mixture of Gaussians, the obvious way."""

    def learn(self, images: list[np.ndarray]) -> None:
        """Warm up."""
        self.model = cv2.createBackgroundSubtractorMOG2(history=len(images), detectShadows=True)
        for image in images:
            self.model.apply(image)

    def mask(self, image: np.ndarray) -> np.ndarray:
        """The largest piece that moves."""
        seen = (self.model.apply(image, learningRate=0) > 200).astype(np.uint8)
        seen = cv2.morphologyEx(seen, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
        count, labels, figures, _ = cv2.connectedComponentsWithStats(seen)
        largest = 1 + int(np.argmax(figures[1:, cv2.CC_STAT_AREA])) if count > 1 else -1
        return np.where(labels == largest, 255, 0).astype(np.uint8)


def one_mask(segmenter: Segmenter, image: np.ndarray) -> np.ndarray:
    """The surest person on the frame."""
    people = segmenter(image)
    return people[0].on_frame(*image.shape[:2]) if people else np.zeros(image.shape[:2], np.uint8)


def measure(name: str, films: list[list[tuple[np.ndarray, np.ndarray]]]) -> tuple[np.ndarray, float]:
    """Overlaps with the truth, and CPU seconds a frame."""
    made = Mixture() if name == "plain mixture" else MAKERS[name]()
    overlaps, seconds = [], []
    for film in films:
        made.learn([frame for frame, _ in film])
        for frame, truth in film:
            start = time.process_time()
            mask = made.mask(frame) if isinstance(made, Mixture) else one_mask(made, frame)
            seconds.append(time.process_time() - start)
            overlaps.append(iou(mask, truth))
    return np.array(overlaps), float(np.median(seconds))


def beside_opencv(film: list[np.ndarray]) -> None:
    """Whole frames, and the network alone, in torch and by OpenCV in turn: median CPU seconds, and their ratio."""
    ours, plain = MediaPipe(), PlainMediaPipe()
    for segmenter in (ours, plain):
        segmenter.learn(film)
    crops = [cv2.resize(frame, (256, 256)) for frame in film]
    rows = []
    for name, calls, shown in (("frame", (ours, plain), film), ("network", (ours._infer, plain._infer), crops)):
        seconds = np.empty((2, len(shown)))
        for n, picture in enumerate(shown):
            for which, call in enumerate(calls):
                start = time.process_time()
                call(picture)
                seconds[which, n] = time.process_time() - start
        torch_s, opencv_s = np.median(seconds[:, 3:], axis=1)
        ratio = float(np.median(seconds[1, 3:] / seconds[0, 3:]))
        rows.append({"work": name, "torch_ms": 1e3 * torch_s, "opencv_ms": 1e3 * opencv_s, "ratio": ratio})
    report("the default segmenter in torch and by OpenCV, one core", rows)


def main() -> None:
    """Print the tables."""
    keep_freed_memory()  # as the command does
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    walkers = Walkers(subjects=PEOPLE, frames=FRAMES)
    beside_opencv([frame for frame, _ in street(walkers, [SequenceKey("001", "nm", "01", "090")])])
    rows = []
    for condition in ("nm", "bg", "cl"):
        films = [
            [(frame, masks[0]) for frame, masks in street(walkers, [SequenceKey(who, condition, "01", view)], seed=n)]
            for n, (who, view) in enumerate((who, view) for who in walkers.names for view in VIEWS)
        ]
        for name in ("plain mixture", *MAKERS):
            try:
                overlaps, seconds = measure(name, films)
            except DataError as error:
                print(f"{name}: {error}")
                continue
            low, middle, high = np.percentile(overlaps, [5, 50, 95])
            rows.append(
                {
                    "condition": condition, "segmenter": name, "frames": len(overlaps), "iou_median": float(middle),
                    "iou_5_percent": float(low), "iou_95_percent": float(high), "ms_per_frame": 1e3 * seconds,
                    "frames_per_s_core": 1 / seconds, "goal_frames_per_s": 10, "peak_mb": own_peak_mb(),
                }
            )  # fmt: skip
    report("segmenters: one rendered walker at 640 x 480, one core", rows)


if __name__ == "__main__":
    main()

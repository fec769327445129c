"""MediaPipe's masks of one person, computed wherever the background moves; run by torch.

Source: the models of MediaPipe (Google, Apache License 2.0): "selfie", its selfie segmentation; "pose", the mask of its
pose landmark model, V. Bazarevsky et al., "BlazePose: On-device Real-time Body Pose Tracking", CVPR workshops 2020.
Deviations: crops come from moving pixels instead of a face or pose detector; where clothes have the color of the
background, so that only head and legs move, there is a crop of both as well; mask pixels far from all moving pixels are
dropped; people whose masks do not touch are separated, even if they share a box.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from walkprint.core.bounds import Fraction, OpenFraction, Range
from walkprint.core.errors import DataError
from walkprint.video.background import Background, stacked
from walkprint.video.segmenter import Box, Gray, PersonMask, Segmenter, pieces
from walkprint.video.tflite import TfliteNetwork

MODELS = Path(__file__).parent / "models"
BUNDLED = "selfie_segmentation.tflite"
_SIZE_PX = 256
_MOST_UNSEEN = 0.35  # of a person's height: what moves above it and below may belong together
_LEAST_HEAD = 0.08  # of a person's height: lower boxes are specks


@dataclass(frozen=True, slots=True)
class _Model:
    file: str
    sha256: str
    output: str  # of several; "" for the only one
    logits: bool
    margin: float
    advice: str


_KNOWN = {
    "selfie": _Model(
        file=BUNDLED,
        sha256="8d13b7fae74af625c641226813616a2117bd6bca19eb3b75574621fc08557f27",
        output="",
        logits=False,
        margin=1.25,
        advice="it belongs to the package: install it again",
    ),
    "pose": _Model(
        file="pose_landmark_lite.tflite",
        sha256="f17bfbecadb61c3be1baa8b8d851cc6619c870a87167b32848ad20db306b9d61",
        output="Identity_2",
        logits=True,
        margin=1.25,
        advice="get it with `make models`, or choose the model selfie",
    ),
}


class MediaPipe(Segmenter):
    """A soft mask from a small network for each box of moving pixels; for fixed cameras.

    Args:
        model: "selfie" comes with the package, keeps bags and coats, and may join people who touch; "pose" is fetched
            with `make models`, keeps to one of several people, and may drop carried things.
        contrast: as in `Background`; low values find people in front of walls of their own color.
        least_height: people lower than this share of the frame's height are left out.
        least_score: masks with a lower mean confidence are left out.

    Raises:
        RecipeError: a setting is out of range.
        DataError: the model's file is missing or not the known one.
    """

    LOOKS_FIRST: ClassVar[bool] = True

    def __init__(
        self,
        *,
        model: Literal["selfie", "pose"] = "selfie",
        contrast: Annotated[float, Range(1, 254)] = 16.0,
        least_height: OpenFraction = 0.08,
        least_score: Fraction = 0.6,
    ) -> None:
        self.model, self.least_score = model, least_score
        self._known = _KNOWN[model]
        self._background = Background(contrast=contrast, least_height=least_height, shadows=False)
        self._net = _read(self._known)

    def sample(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """See `Segmenter`."""
        return self._background.sample(image)

    def learn(self, images: Sequence[NDArray[np.uint8]]) -> None:
        """See `Segmenter`."""
        self._background.learn(images)

    def __call__(self, image: NDArray[np.uint8]) -> list[PersonMask]:
        """See `Segmenter`."""
        moving = self._background.foreground(image)
        scale = (image.shape[1] / moving.shape[1], image.shape[0] / len(moving))
        boxes = self._background.moving(moving)
        found: list[PersonMask] = []
        for box in dict.fromkeys([*boxes, *_joined(boxes)]):
            if self._background.fits(box, len(moving)):
                found += self._people(image, moving, box, scale)
        return _without_doubles(found)

    def _people(self, image: NDArray[np.uint8], moving: Gray, box: Box, scale: tuple[float, float]) -> list[PersonMask]:
        """The people in one box of moving pixels; `scale` is frame pixels per such pixel, across and down."""
        side = max(box.width * scale[0], box.height * scale[1]) * self._known.margin
        center = ((box.left + box.width / 2) * scale[0], (box.top + box.height / 2) * scale[1])
        zoom = _SIZE_PX / side
        to_crop = np.array(
            [[zoom, 0, _SIZE_PX / 2 - center[0] * zoom], [0, zoom, _SIZE_PX / 2 - center[1] * zoom]], np.float32
        )
        shrink = cv2.INTER_AREA if zoom < 1 else cv2.INTER_LINEAR
        crop = cv2.warpAffine(image, to_crop, (_SIZE_PX, _SIZE_PX), flags=shrink, borderMode=cv2.BORDER_REPLICATE)
        probability = self._infer(crop)
        moves = cv2.warpAffine(
            (moving >= 128).astype(np.uint8), to_crop @ np.diag([*scale, 1]).astype(np.float32), (_SIZE_PX, _SIZE_PX),
            flags=cv2.INTER_NEAREST,
        )  # fmt: skip
        near = cv2.dilate(_bridged(moves), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (25, 25)))
        soft = np.asarray(np.clip(255 * probability + 0.5, 0, 255) * near, np.uint8)
        found = []
        for piece in pieces(soft, least_px=round(0.02 * _SIZE_PX**2)):
            certain = piece >= 128
            if moves[certain].mean() < 0.25:  # it does not move: a poster, a chair, a seated person
                continue
            score = float(piece[certain].mean()) / 255
            person = _onto_frame(piece, to_crop, image.shape[:2], score)
            if person is not None and score >= self.least_score:
                found.append(person)
        return found

    def _infer(self, crop: Any) -> NDArray[np.float32]:
        """Probability of each pixel to be a person's: (256, 256), 0 to 1."""
        with torch.inference_mode():
            mask = self._net(torch.from_numpy(crop)[None].permute(0, 3, 1, 2) / 255)[0, 0]
            return np.asarray((torch.sigmoid(mask) if self._known.logits else mask).numpy())


def _read(known: _Model) -> TfliteNetwork:
    path = MODELS / known.file
    if not path.is_file():
        raise DataError(f"mediapipe: {known.file} is missing; {known.advice}")
    if hashlib.sha256(path.read_bytes()).hexdigest() != known.sha256:
        raise DataError(f"{path}: not the expected file, by its SHA-256; {known.advice}")
    return TfliteNetwork(path, known.output).eval()


def _joined(boxes: list[Box]) -> list[Box]:
    """Boxes of head and legs as one, where nothing moves between them; specks are left out."""
    tallest = max((box.height for box in boxes), default=0)
    return stacked([box for box in boxes if box.height >= _LEAST_HEAD * tallest], 0, share=_MOST_UNSEEN)


def _bridged(moves: NDArray[Any]) -> NDArray[np.uint8]:
    """With gaps between what moves above and below filled; nothing above the highest or below the lowest."""
    size = round(_MOST_UNSEEN * len(moves)) | 1
    edge = np.pad(moves, ((size, size), (0, 0)))  # else OpenCV would fill up to the edge of the crop
    return np.asarray(cv2.morphologyEx(edge, cv2.MORPH_CLOSE, np.ones((size, 1), np.uint8))[size:-size], np.uint8)


def _onto_frame(piece: Gray, to_crop: NDArray[np.float32], frame: tuple[int, int], score: float) -> PersonMask | None:
    """The person of a crop, on the frame."""
    left, top, width, height = cv2.boundingRect(piece)
    zoom = float(to_crop[0, 0])
    first = np.floor((np.array([left, top]) - 1 - to_crop[:, 2]) / zoom).astype(int)
    last = np.ceil((np.array([left + width, top + height]) + 1 - to_crop[:, 2]) / zoom).astype(int)
    first, last = np.maximum(first, 0), np.minimum(last, (frame[1], frame[0]))
    if (last <= first).any():
        return None
    move = to_crop.copy()
    move[:, 2] += zoom * first
    own = cv2.warpAffine(
        piece, move, tuple(int(size) for size in last - first), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    )
    return PersonMask.found(np.asarray(own, np.uint8), score, at=(int(first[1]), int(first[0])), frame=frame)


def _without_doubles(found: list[PersonMask]) -> list[PersonMask]:
    """Of two masks of one person from two crops, keep the one of the higher score."""
    kept: list[PersonMask] = []
    for person in sorted(found, key=lambda one: -one.score * one.box.height):
        if all(_shared(person, other) < 0.5 for other in kept):
            kept.append(person)
    return sorted(kept, key=lambda person: -person.score)


def _shared(one: PersonMask, other: PersonMask) -> float:
    """Share of the smaller mask that lies in the other."""
    left, top = max(one.box.left, other.box.left), max(one.box.top, other.box.top)
    right = min(one.box.left + one.box.width, other.box.left + other.box.width)
    bottom = min(one.box.top + one.box.height, other.box.top + other.box.height)
    if right <= left or bottom <= top:
        return 0.0

    def part(person: PersonMask) -> NDArray[np.bool_]:
        rows = slice(top - person.box.top, bottom - person.box.top)
        return person.mask[rows, left - person.box.left : right - person.box.left] >= 128

    smaller = min(int((one.mask >= 128).sum()), int((other.mask >= 128).sum()))
    return float((part(one) & part(other)).sum()) / max(smaller, 1)

"""Any instance-segmentation network in an ONNX file with the outputs of a Mask R-CNN; needs onnxruntime.

The input is one picture, float32 RGB, 0 to 1, (3, height, width) or (1, 3, height, width). The outputs, with or without
a leading batch axis of 1, are:

- `scores`: (instance,), 0 to 1;
- `masks`: (instance, height, width) or (instance, 1, height, width), 0 to 1, at the size of the picture or at another
  size that covers all of it;
- `labels`, if there are several classes: (instance,) integers, one of which means a person.

torchvision's export of Mask R-CNN fits.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from walkprint.core.bounds import CountOrZero, Fraction
from walkprint.core.errors import DataError, first_line
from walkprint.video.mask_rcnn import instances
from walkprint.video.segmenter import PersonMask, Segmenter

Run = Callable[[NDArray[np.float32]], Mapping[str, NDArray[Any]]]


class Onnx(Segmenter):
    """Instance masks by a network in a file.

    Args:
        file: the ONNX file.
        person_label: which label means a person.
        least_score: instances with at most this score are left out.
        run: a network to use instead of the file: from (3, height, width) to arrays by the names above.

    Raises:
        DataError: onnxruntime or the file is missing, or the file has other inputs or outputs; when called: outputs of
            other shapes.
    """

    def __init__(
        self,
        *,
        file: Path | None = None,
        person_label: CountOrZero = 1,
        least_score: Fraction = 0.9,
        run: Run | None = None,
    ) -> None:
        if file is None and run is None:
            raise DataError("onnx: no file; give one as `file`")
        self.person_label, self.least_score = person_label, least_score
        self._run = _session(Path(file)) if file is not None else run

    def __call__(self, image: NDArray[np.uint8]) -> list[PersonMask]:
        """See `Segmenter`."""
        assert self._run is not None
        outputs = self._run(np.ascontiguousarray(image.transpose(2, 0, 1), np.float32) / np.float32(255))
        scores = np.asarray(outputs["scores"], np.float32).reshape(-1)
        masks = np.asarray(outputs["masks"], np.float32)
        if masks.ndim < 3 or masks.size == 0:
            masks = masks.reshape(0, 1, 1) if masks.size == 0 else masks
        if masks.ndim < 3 or int(np.prod(masks.shape[:-2])) != len(scores):
            raise DataError(f"onnx: masks {masks.shape} for scores {scores.shape}; expected one mask for each score")
        masks = masks.reshape(len(scores), *masks.shape[-2:])
        wanted = scores > self.least_score
        if "labels" in outputs:
            labels = np.asarray(outputs["labels"]).reshape(-1)
            if len(labels) != len(scores):
                raise DataError(f"onnx: {len(labels)} labels for {len(scores)} scores; expected one for each")
            wanted &= labels == self.person_label
        high, wide = image.shape[:2]
        soft = [cv2.resize(mask, (wide, high), interpolation=cv2.INTER_LINEAR) for mask in masks[wanted]]
        levels = np.clip(255 * np.stack(soft) + 0.5, 0, 255) if soft else np.empty((0, high, wide))
        return instances(levels.astype(np.uint8), np.clip(scores[wanted], 0, 1))


def _session(file: Path) -> Run:
    try:
        import onnxruntime  # type: ignore[import-not-found, unused-ignore]
    except ImportError as error:
        raise DataError("onnx: onnxruntime is not installed; install it, or choose the segmenter mediapipe") from error
    if not file.is_file():
        raise DataError(f"{file}: no such file; expected an ONNX file")
    try:
        session = onnxruntime.InferenceSession(str(file), providers=onnxruntime.get_available_providers())
    except Exception as error:  # onnxruntime has many errors of its own
        raise DataError(f"{file}: no ONNX file that can be run ({first_line(error)})") from error
    inputs, names = session.get_inputs(), [output.name for output in session.get_outputs()]
    if len(inputs) != 1 or len(inputs[0].shape) not in (3, 4) or not {"scores", "masks"} <= set(names):
        raise DataError(
            f"{file}: {len(inputs)} inputs and outputs {', '.join(names)}; expected one picture, and scores and masks"
        )
    batched = len(inputs[0].shape) == 4

    def run(picture: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
        try:
            values = session.run(None, {inputs[0].name: picture[None] if batched else picture})
        except Exception as error:  # as above, e.g. its input has a fixed size
            raise DataError(
                f"{file}: cannot be run on frames of {picture.shape[1:]} px ({first_line(error)})"
            ) from error
        return dict(zip(names, values, strict=True))

    return run

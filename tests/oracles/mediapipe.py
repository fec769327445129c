"""MediaPipe's networks as OpenCV runs them."""

from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from walkprint.video.mediapipe import MODELS, MediaPipe

FILES = {"selfie": ("selfie_segmentation.tflite", ""), "pose": ("pose_landmark_lite.tflite", "Identity_2")}


class PlainMediaPipe(MediaPipe):
    """The segmenter with its network run by OpenCV."""

    def __init__(self, *, model: Literal["selfie", "pose"] = "selfie") -> None:
        super().__init__(model=model)
        file, self._output = FILES[model]
        self._plain = cv2.dnn.readNetFromTFLite(str(MODELS / file))

    def _infer(self, crop: Any) -> NDArray[np.float32]:
        self._plain.setInput(cv2.dnn.blobFromImage(crop, 1 / 255))
        mask = self._plain.forward(self._output) if self._output else self._plain.forward()
        mask = mask.reshape(crop.shape[:2])
        return np.asarray(1 / (1 + np.exp(-np.clip(mask, -20, 20))) if self._output else mask, np.float32)

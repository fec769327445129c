"""Mask R-CNN by torchvision: instance masks of people from any camera, slow; needs torchvision and its weights.

Source: K. He, G. Gkioxari, P. Dollár and R. Girshick, "Mask R-CNN", ICCV 2017, as Z. Zhang et al., "Gait Recognition
via Disentangled Representation Learning", CVPR 2019, prepare their frames: soft masks, score above 0.9.
Deviations: all people are kept, not only the one of the highest score. The paper drops frames whose mask comes near the
border; here the person is marked as cut and left out of walks, also if a crop twice as high as wide at 1.5 times the
box's height would leave the frame sideways. Clips are aligned to the person's own height, as for every segmenter,
unless that crop is chosen (`Cut.gaitnet_crop`).
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from walkprint.core.bounds import Fraction
from walkprint.core.errors import DataError, first_line
from walkprint.video.segmenter import PersonMask, Segmenter

_PERSON = 1
_CROP_HEIGHTS, _CROP_SHAPE = 1.5, 0.5
Model = Callable[[list[torch.Tensor]], list[Mapping[str, torch.Tensor]]]


class MaskRcnn(Segmenter):
    """Instance masks by torchvision's `maskrcnn_resnet50_fpn`.

    Args:
        weights: a file of its weights (state dict); None uses those that torchvision has stored or downloads.
        sha256: expected SHA-256 of the file; not checked if None.
        device: cpu or cuda.
        least_score: detections with at most this score are left out.
        model: a network to use instead: from a list of (3, height, width) float32, 0 to 1, to boxes (n, 4), labels
            (n,), scores (n,) and masks (n, 1, height, width) of each.

    Raises:
        DataError: torchvision or the weights are missing, or the file is another one.
    """

    def __init__(
        self,
        *,
        weights: Path | None = None,
        sha256: str | None = None,
        device: str = "cpu",
        least_score: Fraction = 0.9,
        model: Model | None = None,
    ) -> None:
        self.least_score, self.device = least_score, device
        self._model = _torchvision_model(weights, sha256, device) if model is None else model

    def __call__(self, image: NDArray[np.uint8]) -> list[PersonMask]:
        """See `Segmenter`."""
        picture = torch.from_numpy(np.ascontiguousarray(image)).to(self.device).permute(2, 0, 1).float() / 255
        with torch.inference_mode():
            found = self._model([picture])[0]
        wanted = (found["labels"] == _PERSON) & (found["scores"] > self.least_score)
        masks = (255 * found["masks"][wanted, 0]).round().clamp(0, 255).to(torch.uint8).cpu().numpy()
        scores = found["scores"][wanted].cpu().numpy()
        return instances(masks, scores)


def instances(masks: NDArray[np.uint8], scores: NDArray[np.floating[Any]]) -> list[PersonMask]:
    """From instance masks of a frame to people, by falling score; no two share a pixel.

    A pixel belongs to the mask with its highest value, and among equals to the one of the higher score. A mask that
    loses more than half of its certain pixels this way is a second detection, and is left out.

    Args:
        masks: uint8 (instance, height, width).
        scores: (instance,), 0 to 1.
    """
    order = np.argsort(-scores, kind="stable")
    masks, scores = masks[order], scores[order]
    own = masks
    while len(masks):
        owner = masks.argmax(axis=0)  # among equals the first, of the higher score
        own = masks * (owner == np.arange(len(masks))[:, None, None])
        doubles = np.flatnonzero(2 * (own >= 128).sum(axis=(1, 2)) < (masks >= 128).sum(axis=(1, 2)))
        if not len(doubles):
            break
        masks, scores = np.delete(masks, doubles[-1], axis=0), np.delete(scores, doubles[-1])  # its pixels go to others
    found = [
        PersonMask.found(np.asarray(mask, np.uint8), float(score)) for mask, score in zip(own, scores, strict=True)
    ]
    return [_marked(person, masks.shape[2]) for person in found if person is not None]


def _marked(person: PersonMask, width_px: int) -> PersonMask:
    """The person, marked as cut if GaitNet's crop would leave the frame sideways."""
    box = person.box
    half = _CROP_HEIGHTS * box.height * _CROP_SHAPE / 2
    middle = box.left + box.width / 2
    leaves = middle - half < 0 or middle + half > width_px
    return replace(person, cut=person.cut or leaves)


def _torchvision_model(weights: Path | None, sha256: str | None, device: str) -> Model:
    try:
        from torchvision.models.detection import (  # type: ignore[import-not-found, unused-ignore]
            MaskRCNN_ResNet50_FPN_Weights,
            maskrcnn_resnet50_fpn,
        )
    except (ImportError, RuntimeError) as error:
        raise DataError(
            f"mask_rcnn: torchvision cannot be used ({first_line(error)}); install the torchvision that belongs to "
            f"your torch {torch.__version__}, or choose the segmenter mediapipe"
        ) from error
    try:
        if weights is None:
            model = maskrcnn_resnet50_fpn(weights=MaskRCNN_ResNet50_FPN_Weights.DEFAULT)
        else:
            model = maskrcnn_resnet50_fpn(weights=None, weights_backbone=None)
            model.load_state_dict(_checked(weights, sha256))
    except (OSError, RuntimeError, TypeError) as error:
        raise DataError(f"mask_rcnn: no weights ({first_line(error)}); give a file of them as `weights`") from error
    network: Model = model.eval().to(device)
    return network


def _checked(weights: Path, sha256: str | None) -> dict[str, torch.Tensor]:
    digest = hashlib.sha256(Path(weights).read_bytes()).hexdigest()
    if sha256 is not None and digest != sha256.lower():
        raise DataError(f"{weights}: SHA-256 is {digest}, expected {sha256}; fetch the file again")
    try:
        state: dict[str, torch.Tensor] = torch.load(weights, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises almost anything on a damaged file
        raise DataError(f"{weights}: no weights that can be loaded ({first_line(error)})") from error
    return state

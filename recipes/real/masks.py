"""The real segmenter in the loop: crops of `film.py` to aligned masks, in batches, on a GPU or the CPU."""

from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from film import CROP_PX, FRAMES
from torch import Tensor

from walkprint.video import mediapipe
from walkprint.video.tflite import TfliteNetwork

_WEIGHTS = (1 << torch.arange(7, -1, -1)).to(torch.uint8)


class Segmenter:
    """The bundled selfie network as the product uses it: near what moves, by its score, aligned to 64 x 44."""

    def __init__(self, device: torch.device, perfect: bool = False) -> None:
        self.device, self.perfect = device, perfect  # perfect: a trial of the rest without the network
        self.half = device.type == "cuda"
        network = TfliteNetwork(mediapipe.MODELS / "selfie_segmentation.tflite").eval().to(device)
        self.network = network.half().to(memory_format=torch.channels_last) if self.half else network

    @torch.inference_mode()
    def __call__(self, crops: Tensor, clean: Tensor) -> tuple[Tensor, Tensor]:
        """Aligned masks.

        Args:
            crops: uint8 (frame, 128, 128, 3), RGB.
            clean: uint8 (frame, 128, 128), 0 or 1: where something moves.

        Returns:
            bool (frame, 64, 44), and whether a frame shows a person at all, bool (frame,).
        """
        pictures = crops.permute(0, 3, 1, 2).to(torch.float16 if self.half else torch.float32) / 255
        pictures = F.interpolate(pictures, scale_factor=2, mode="bilinear", align_corners=False)
        sure = clean.float() if self.perfect else F.avg_pool2d(self.network(pictures).float(), 2)[:, 0]
        near = F.max_pool2d(clean[:, None].float(), 13, stride=1, padding=6)[:, 0]
        soft = sure * near
        there = soft >= 0.5
        area = there.sum((1, 2))
        score = (soft * there).sum((1, 2)) / area.clamp_min(1)
        kept = (there * clean).sum((1, 2)) >= 0.6 * clean.sum((1, 2))  # a judge of walks leaves the others out
        seen = (area >= 0.02 * CROP_PX**2) & (score >= 0.6) & kept
        return aligned(soft), seen


def aligned(soft: Tensor) -> Tensor:
    """Cropped to the person's height, 64 rows, 44 columns around the column of half the mass; bool (frame, 64, 44)."""
    frames, size = soft.shape[0], soft.shape[-1]
    top, center, scale = placed(soft)
    row = top[:, None] + (torch.arange(64, device=soft.device) + 0.5) * scale[:, None] - 0.5
    column = center[:, None] + (torch.arange(44, device=soft.device) - 22 + 0.5) * scale[:, None]
    grid = torch.stack(
        [
            ((column + 0.5) / size * 2 - 1)[:, None, :].expand(frames, 64, 44),
            ((row + 0.5) / size * 2 - 1)[:, :, None].expand(frames, 64, 44),
        ],
        -1,
    )
    return F.grid_sample(soft[:, None], grid, align_corners=False)[:, 0] >= 0.5


def placed(soft: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Each frame's first row, column of half the mass, and crop pixels per aligned pixel."""
    size = soft.shape[-1]
    there = soft >= 0.5
    rows = there.any(2)
    place = torch.arange(size, device=soft.device)
    top = torch.where(rows, place, size).amin(1).clamp_max(size - 2).float()
    bottom = torch.where(rows, place, -1).amax(1).clamp_min(1).float()
    mass = there.sum(1).cumsum(1)
    center = (mass * 2 <= mass[:, -1:]).sum(1).float()
    return top, center, (bottom - top + 1).clamp_min(8) / 64


def pack(masks: Tensor) -> Tensor:
    """Bool (..., 64, 44) to bits, uint8 (..., 352)."""
    bits = masks.flatten(-2).unflatten(-1, (352, 8)).to(torch.uint8)
    return (bits * _WEIGHTS.to(masks.device)).sum(-1, dtype=torch.uint8)


def unpack(bits: Tensor) -> Tensor:
    """Bits, uint8 (..., 352), to float (..., 64, 44), 0 or 1."""
    shifts = torch.arange(7, -1, -1, device=bits.device, dtype=torch.uint8)
    return (bits.unsqueeze(-1) >> shifts & 1).flatten(-2).unflatten(-1, (64, 44))


def read(file: Path) -> dict[str, np.ndarray]:
    """A person's file with its crops decoded: `crops` uint8 (clip * time, 128, 128, 3), BGR."""
    with np.load(file, allow_pickle=False) as stored:
        found = {name: stored[name] for name in ("drawn", "clean", "condition", "film")}
    strip = cv2.imdecode(found.pop("film"), cv2.IMREAD_COLOR)
    found["crops"] = strip.reshape(-1, CROP_PX, CROP_PX, 3)
    return found


def clips_of(people: list[dict[str, np.ndarray]], segmenter: Segmenter) -> tuple[Tensor, Tensor]:
    """The segmented clips of some people, without waiting for the device.

    Returns:
        Bits uint8 (clip, time, 352), and which clips show a person in at least half of their frames, bool (clip,).
    """
    device = segmenter.device
    crops = torch.from_numpy(np.concatenate([one["crops"] for one in people])).to(device, non_blocking=True).flip(-1)
    clean = torch.from_numpy(np.concatenate([one["clean"] for one in people])).to(device, non_blocking=True)
    shifts = torch.arange(7, -1, -1, device=device, dtype=torch.uint8)
    clean = (clean.unsqueeze(-1) >> shifts & 1).reshape(-1, CROP_PX, CROP_PX)
    with torch.backends.cudnn.flags(enabled=True, benchmark=False):  # every number of people is another shape
        masks, seen = segmenter(crops, clean)
    bits, seen = pack(masks).view(-1, FRAMES, 352), seen.view(-1, FRAMES)
    order = torch.argsort(seen.logical_not().to(torch.uint8), dim=1, stable=True)  # usable frames first, in order
    count = seen.sum(1, keepdim=True).clamp_min(1)
    pick = order.gather(1, torch.arange(FRAMES, device=device)[None] % count)
    return bits.gather(1, pick[..., None].expand(-1, -1, 352)), seen.sum(1) >= FRAMES // 2

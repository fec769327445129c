"""Alignment by the skeleton, guessed from the mask alone: neck at a fixed place, length from the skeleton, upright.

A small network learns on rendered people, whose joints are known, where neck, pelvis and feet are in an aligned mask
with faults. `upright` then turns, scales and moves the frames of a clip: the neck of each frame comes to one place, the
clip's length from neck to floor to another, and the clip's mean line from pelvis to neck stands upright. Masks of any
origin can be aligned so, also where no picture is left.

Source of the idea: "DAGait: generalized skeleton-guided data alignment for gait recognition", ICME 2025; ours guesses
the skeleton from the mask.
"""

import itertools
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

JOINTS = ("neck", "pelvis", "head", "left foot", "right foot", "chest")
NECK_ROW, FLOOR_ROW, MIDDLE = 9.5, 61.5, 21.5


class Landmarks(nn.Module):
    """Where the joints of a mask are: (frame, 1, 64, 44) in 0 and 1 to (frame, joint, 2), column and row in pixels."""

    def __init__(self) -> None:
        super().__init__()
        widths = (1, 12, 24, 48, 64)
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise(widths):
            layers += [nn.Conv2d(before, after, 3, 2, 1), nn.BatchNorm2d(after), nn.ReLU()]
        self.body = nn.Sequential(*layers, nn.Flatten(), nn.Linear(64 * 4 * 3, 128), nn.ReLU())
        self.head = nn.Linear(128, 2 * len(JOINTS))

    def forward(self, masks: Tensor) -> Tensor:
        """See the class."""
        places = self.head(self.body(masks)).unflatten(1, (len(JOINTS), 2))
        return places * 10 + places.new_tensor([22.0, 32.0])


def learn(masks: NDArray[np.uint8], joints: NDArray[np.float32], steps: int = 3000, seed: int = 0) -> Landmarks:
    """Masks bits (frame, 352) and joints (frame, joint, 2) of rendered people."""
    torch.manual_seed(seed)
    network, rng = Landmarks().train(), np.random.default_rng(seed)
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, steps)
    for step in range(steps):
        rows = rng.integers(len(masks), size=64)
        frames = np.unpackbits(masks[rows], axis=1).reshape(-1, 1, 64, 44).astype(np.float32)
        loss = F.smooth_l1_loss(network(torch.from_numpy(frames)), torch.from_numpy(joints[rows]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 500 == 0:
            print(f"landmarks: step {step} of {steps}, loss {float(loss.detach()):.3f}", flush=True)
    return network.eval()


@torch.inference_mode()
def joints_of(network: Landmarks, masks: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Joints (frame, joint, 2) of masks uint8 (frame, 64, 44), 0 or 1."""
    some = torch.from_numpy(masks[:, None].astype(np.float32)).split(256)
    return torch.cat([network(one) for one in some]).numpy()


def upright(masks: NDArray[np.uint8], joints: NDArray[np.float32]) -> NDArray[np.uint8]:
    """A clip's masks uint8 (time, 64, 44), 0 or 1, aligned by their joints (time, joint, 2)."""
    neck, feet = joints[:, 0], joints[:, 3:5]
    under = feet.mean(1)
    lean = np.median(np.arctan2(neck[:, 0] - under[:, 0], under[:, 1] - neck[:, 1]))
    length = np.quantile(feet[..., 1].max(1) - neck[:, 1], 0.8)
    zoom = float(np.clip((FLOOR_ROW - NECK_ROW) / max(length, 20.0), 0.7, 1.4))
    turn = float(np.clip(lean, -0.25, 0.25))
    smooth = np.stack([np.convolve(np.pad(neck[:, i], 1, mode="edge"), [0.25, 0.5, 0.25], "valid") for i in (0, 1)], 1)
    c, s = zoom * np.cos(turn), zoom * np.sin(turn)
    out = np.empty_like(masks)
    for t, mask in enumerate(masks):
        x, y = smooth[t]
        matrix = np.array([[c, s, MIDDLE - c * x - s * y], [-s, c, NECK_ROW + s * x - c * y]])
        out[t] = cv2.warpAffine(mask * np.uint8(255), matrix, (44, 64)) >= 128
    return out


def upright_bits(network: Landmarks, bits: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A clip's bits (time, 352), aligned; empty frames stay empty."""
    masks = np.unpackbits(bits, axis=1).reshape(-1, 64, 44)
    there = masks.any((1, 2))
    if there.any():
        masks[there] = upright(masks[there], joints_of(network, masks[there]))
    return np.packbits(masks.reshape(len(masks), -1), axis=1)


def learn_file(pool: Path, out: Path) -> Landmarks:
    """From `marks` and `marked` of a pool; kept in a file."""
    network = Landmarks().eval()
    if not out.exists():
        with np.load(pool, allow_pickle=False) as stored:
            masks, joints = stored["marked"], stored["marks"].astype(np.float32)
        network = learn(masks, joints)
        torch.save(network.state_dict(), out)
    network.load_state_dict(torch.load(out, weights_only=True))
    return network

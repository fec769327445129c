"""A fast model of the bundled segmenter: from a clean mask to what the segmenter would have made of its picture.

    python recipes/real/mask_model.py --pool pool.npz --out model.npz

It learns from the pairs of clean and segmented masks of `pool.py` and replaces the picture, the rendering of clothes in
color and the network by one small step: a conditional variational autoencoder whose latent grid of 4 x 3 cells says
where the segmenter adds and loses something. Part of the grid stays the same during a clip, as much as was found in the
pairs. `model.npz` holds masks that it drew from the pool's clean ones, for the arm `model` of `grid.py`. Printed: how
far the drawn masks resemble segmented ones, and the time a frame takes.
"""

import argparse
import time
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from masks import pack, unpack
from numpy.typing import NDArray
from torch import Tensor, nn

from walkprint.core.process import keep_freed_memory

LATENT, STEPS, BATCH = 6, 2500, 64
ROWS = (8, 12, 18, 26, 32, 40, 48, 61)


def _down(before: int, after: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(before, after, 3, 2, 1), nn.BatchNorm2d(after), nn.ReLU())


def _same(before: int, after: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(before, after, 3, 1, 1), nn.BatchNorm2d(after), nn.ReLU())


class MaskModel(nn.Module):
    """Masks float (frame, 1, 64, 44) in 0 and 1; latents (frame, LATENT, 4, 3)."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(_same(8, 16), _down(16, 32), _down(32, 48), _down(48, 48))
        self.to_latent = nn.Conv2d(48, 2 * LATENT, 1)
        self.first, self.second, self.deep = _same(4, 24), _down(24, 32), nn.Sequential(_down(32, 48), _down(48, 48))
        self.join = _same(48 + LATENT, 48)
        self.up_second, self.up_first = _same(48 + 32, 32), _same(32 + 24, 24)
        self.head = nn.Conv2d(24, 4, 3, 1, 1)

    def encode(self, clean: Tensor, segmented: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and logarithm of the variance of the latents."""
        mean, spread = self.to_latent(self.encoder(F.pixel_unshuffle(torch.cat([clean, segmented], 1), 2))).chunk(2, 1)
        return mean, spread.clamp(-6, 2)

    def forward(self, clean: Tensor, latents: Tensor) -> Tensor:
        """Logits of the segmented mask."""
        first = self.first(F.pixel_unshuffle(clean, 2))
        second = self.second(first)
        found = self.join(torch.cat([self.deep(second), latents], 1))
        for layer, beside in ((self.up_second, second), (self.up_first, first)):
            found = layer(torch.cat([F.interpolate(found, beside.shape[-2:]), beside], 1))
        return F.pixel_shuffle(self.head(found), 2)


def learn(clean: Tensor, segmented: Tensor, steps: int = STEPS, seed: int = 0) -> MaskModel:
    """From bits (frame, 352) of both."""
    torch.manual_seed(seed)
    model, rng = MaskModel().train(), np.random.default_rng(seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, steps)
    for step in range(steps):
        rows = torch.from_numpy(rng.integers(len(clean), size=BATCH))
        source, target = (unpack(some[rows]).float().unsqueeze(1) for some in (clean, segmented))
        mean, spread = model.encode(source, target)
        drawn = mean + torch.randn(mean.shape) * (spread / 2).exp()
        pixels = F.binary_cross_entropy_with_logits(model(source, drawn), target, reduction="none").sum((1, 2, 3))
        apart = 0.5 * (mean.square() + spread.exp() - 1 - spread).sum((1, 2, 3))
        loss = (pixels + min(1.0, 2 * step / steps) * apart).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 250 == 0:
            nats = f"{float(pixels.detach().mean()):.0f} + {float(apart.detach().mean()):.0f} nats"
            print(f"step {step} of {steps}: {nats}", flush=True)
    return model.eval()


@torch.inference_mode()
def lasting(model: MaskModel, clean: Tensor, segmented: Tensor) -> float:
    """Which share of the latents' variance is a clip's; bits (clip, time, 352) whose frames all show a person."""
    some = [unpack(bits).float().flatten(0, 1).unsqueeze(1) for bits in (clean, segmented)]
    mean, spread = model.encode(*some)
    drawn = (mean + torch.randn(mean.shape) * (spread / 2).exp()).unflatten(0, clean.shape[:2])
    middle = drawn - drawn.mean((0, 1))
    one, other = middle[:, :-4], middle[:, 4:]  # a third of a second apart
    return float(((one * other).mean() / middle.square().mean()).clamp(0, 1))


@torch.inference_mode()
def draw(model: MaskModel, clean: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Bits (time, 352) of a clip, as the segmenter might have made them."""
    shape = (LATENT, 4, 3)
    whole = torch.randn(1, *shape, generator=generator) * share**0.5
    latents = whole + torch.randn(len(clean), *shape, generator=generator) * (1 - share) ** 0.5
    masks = model(unpack(clean).float().unsqueeze(1), latents)[:, 0] > 0
    return pack(masks)


def statistics(bits: NDArray[np.uint8], clean: NDArray[np.uint8]) -> dict[str, float]:
    """Widths in pixels at rows, small holes a frame, and the overlap with the clean masks, of bits (frame, 352)."""
    masks, true = (np.unpackbits(some, axis=1).reshape(-1, 64, 44) for some in (bits, clean))
    found = {f"row {row}": float(masks[:, row].sum(1).mean()) for row in ROWS}
    holes = [cv2.connectedComponents(np.pad(1 - mask, 1, constant_values=1), connectivity=4)[0] - 2 for mask in masks]
    either = (masks | true).sum((1, 2)).clip(1)
    overlap = (masks & true).sum((1, 2)) / either
    return found | {"holes": float(np.mean(holes)), "overlap": float(overlap.mean()), "spread": float(overlap.std())}


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pool", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--held-out", type=int, default=50, help="people at the pool's end from whom it does not learn")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    keep_freed_memory()
    with np.load(given.pool, allow_pickle=False) as stored:
        clean, film, seen = (torch.from_numpy(stored[name]) for name in ("clean", "film", "seen"))
    seen = seen & (clean != 0).any(-1)
    cut = len(clean) - given.held_out
    model = learn(clean[:cut][seen[:cut]], film[:cut][seen[:cut]], given.steps, given.seed)
    whole = seen[:cut].all(-1)
    share = lasting(model, clean[:cut][whole][:200], film[:cut][whole][:200])
    generator = torch.Generator().manual_seed(given.seed)
    began = time.process_time()
    drawn = torch.stack([draw(model, clip, share, generator) for clip in clean.flatten(0, 1)]).view_as(clean)
    spent = 1000 * (time.process_time() - began) / clean[..., 0].numel()
    drawn[(clean == 0).all(-1)] = 0
    there = seen[cut:].numpy()
    rows = {
        name: statistics(some[cut:].numpy()[there], clean[cut:].numpy()[there])
        for name, some in (("clean", clean), ("segmented", film), ("drawn", drawn))
    }
    print(f"{spent:.2f} ms of CPU a frame; {100 * share:.0f} % of the variance is a clip's")
    for name in rows["clean"]:
        print(f"{name:8}", *(f"{kind} {values[name]:6.2f}" for kind, values in rows.items()))
    np.savez(given.out, model=drawn.numpy())


if __name__ == "__main__":
    main()

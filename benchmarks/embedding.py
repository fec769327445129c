"""Embedding clips: ours in bfloat16 against the textbook network in float32."""

import sys
from pathlib import Path

import torch
from measure import compare, own_peak_mb, report
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.oracles.networks import PlainGaitBase, PlainGaitSet, share_weights

from walkprint.networks import GaitBase, GaitSet

CASES = {
    "GaitSet": (GaitSet, PlainGaitSet, 80),
    "GaitBase": (lambda: GaitBase(num_subjects=74), lambda: PlainGaitBase(74), 40),
}


@torch.inference_mode()
def embed(network: nn.Module, frames: torch.Tensor, precision: torch.dtype | None) -> torch.Tensor:
    with torch.autocast("cpu", dtype=precision, enabled=precision is not None):
        return network(frames).embeddings


def main(rounds: int = 5) -> None:
    torch.set_num_threads(1)
    rows = []
    for name, (build, build_plain, time) in CASES.items():
        network, plain = build(), build_plain()
        share_weights(plain, network)
        network.eval(), plain.eval()
        frames = (nn.functional.interpolate(torch.rand(time, 1, 8, 6), (64, 44), mode="bilinear") > 0.5).float()
        clip = frames.unsqueeze(0)
        timed = compare(
            lambda: embed(network, clip, torch.bfloat16),  # noqa: B023
            lambda: embed(plain, clip, None),  # noqa: B023
            rounds,
        )
        exact, rough = embed(plain, clip, None), embed(network, clip, torch.bfloat16)
        rows.append(
            {
                "network": name,
                "frames": time,
                "ours_s": timed["fast_s"],
                "textbook_s": timed["plain_s"],
                "ratio": timed["ratio"],
                "frames_per_s_and_core": time / timed["fast_s"],
                "relative_difference": float((exact - rough).abs().max() / exact.abs().max()),
                "peak_mb_so_far": own_peak_mb(),
            }
        )
    report("embedding, bfloat16 against textbook float32, one core", rows)


if __name__ == "__main__":
    main()

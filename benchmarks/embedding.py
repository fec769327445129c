"""Embedding clips: ours in bfloat16 against the textbook network in float32.

Names of networks as arguments restrict it to these.
"""

import sys

import torch
from measure import compare, own_peak_mb, report
from torch import nn
from twins import pairs, silhouettes, with_mean

TIMES = {"GaitSet": 80, "GaitPart": 80, "GaitGL": 40, "GaitBase": 40, "DeepGaitV2": 40}


@torch.inference_mode()
def embed(network: nn.Module, frames: torch.Tensor, precision: torch.dtype | None) -> torch.Tensor:
    with torch.autocast("cpu", dtype=precision, enabled=precision is not None):
        return network(frames).embeddings


def main(names: list[str], rounds: int = 5) -> None:
    torch.set_num_threads(1)
    rows = []
    for name, network, plain in pairs(names):
        network.eval(), plain.eval()
        time = TIMES[name]
        clip = silhouettes(1, time)
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
    report("embedding, bfloat16 against textbook float32, one core", with_mean(rows))


if __name__ == "__main__":
    main(sys.argv[1:])

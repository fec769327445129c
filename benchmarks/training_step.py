"""One training step, network and losses and gradients: ours in bfloat16 against the textbook network in float32.

Names of networks as arguments restrict it to these.
"""

import sys

import torch
from measure import compare, own_peak_mb, report
from torch import nn
from twins import pairs, silhouettes, with_mean

from walkprint.losses import CrossEntropyLoss, TripletLoss
from walkprint.training.learner import keep_channels_last

SUBJECTS, CLIPS = 4, 4
TIMES = {"GaitSet": 12, "GaitPart": 12, "GaitGL": 9, "GaitBase": 4, "DeepGaitV2": 4}


def step(network: nn.Module, frames: torch.Tensor, precision: torch.dtype | None) -> None:
    subjects = torch.arange(SUBJECTS).repeat_interleave(CLIPS)
    with torch.autocast("cpu", dtype=precision, enabled=precision is not None):
        output = network(frames)
    value = TripletLoss()(output, subjects).value
    if output.logits is not None:
        value = value + CrossEntropyLoss()(output, subjects).value
    network.zero_grad()
    value.backward()


def main(names: list[str], rounds: int = 3) -> None:
    torch.set_num_threads(1)
    rows = []
    for name, network, plain in pairs(names):
        keep_channels_last(network)  # as the recipes do
        frames = silhouettes(SUBJECTS * CLIPS, TIMES[name])
        timed = compare(
            lambda: step(network, frames, torch.bfloat16),  # noqa: B023
            lambda: step(plain, frames, None),  # noqa: B023
            rounds,
        )
        count = SUBJECTS * CLIPS * TIMES[name]
        rows.append(
            {
                "network": name,
                "frames": count,
                "ours_s": timed["fast_s"],
                "textbook_s": timed["plain_s"],
                "ratio": timed["ratio"],
                "frames_per_s_and_core": count / timed["fast_s"],
                "peak_mb_so_far": own_peak_mb(),
            }
        )
    report("training step, bfloat16 against textbook float32, one core", with_mean(rows))


if __name__ == "__main__":
    main(sys.argv[1:])

"""One training step, network and losses and gradients: ours in bfloat16 against the textbook network in float32."""

import sys
from collections.abc import Callable
from pathlib import Path

import torch
from measure import compare, own_peak_mb, report
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.oracles.networks import PlainGaitBase, PlainGaitSet, share_weights

from walkprint.losses import CrossEntropyLoss, TripletLoss
from walkprint.networks import GaitBase, GaitSet

SUBJECTS, CLIPS = 4, 4
CASES: dict[str, tuple[Callable[[], nn.Module], Callable[[], nn.Module], int]] = {
    "GaitSet": (GaitSet, PlainGaitSet, 12),
    "GaitBase": (lambda: GaitBase(num_subjects=74), lambda: PlainGaitBase(74), 4),
}


def step(network: nn.Module, frames: torch.Tensor, precision: torch.dtype | None) -> None:
    subjects = torch.arange(SUBJECTS).repeat_interleave(CLIPS)
    with torch.autocast("cpu", dtype=precision, enabled=precision is not None):
        output = network(frames)
    value = TripletLoss()(output, subjects).value
    if output.logits is not None:
        value = value + CrossEntropyLoss()(output, subjects).value
    network.zero_grad()
    value.backward()


def main(rounds: int = 3) -> None:
    torch.set_num_threads(1)
    rows = []
    for name, (build, build_plain, time) in CASES.items():
        network, plain = build(), build_plain()
        share_weights(plain, network)
        clips = torch.rand(SUBJECTS * CLIPS * time, 1, 8, 6)
        frames = (nn.functional.interpolate(clips, (64, 44), mode="bilinear") > 0.5).float()
        frames = frames.view(SUBJECTS * CLIPS, time, 1, 64, 44)
        timed = compare(
            lambda: step(network, frames, torch.bfloat16),  # noqa: B023
            lambda: step(plain, frames, None),  # noqa: B023
            rounds,
        )
        count = SUBJECTS * CLIPS * time
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
    report("training step, bfloat16 against textbook float32, one core", rows)


if __name__ == "__main__":
    main()

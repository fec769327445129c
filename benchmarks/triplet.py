"""Triplet loss over all triplets with its gradient: time and memory against the textbook form."""

import sys
from pathlib import Path

import torch
from measure import compare, peak_memory_mb, report
from torch import Tensor

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.oracles.triplet import textbook_triplet  # noqa: E402

from walkprint.core.batch import GaitOutput  # noqa: E402
from walkprint.losses import TripletLoss  # noqa: E402

SUBJECTS, CLIPS, PARTS, FEATURE = 32, 8, 62, 256


def inputs() -> tuple[Tensor, Tensor]:
    """Embeddings that are a little nearer within subjects, and the subjects."""
    torch.manual_seed(0)
    subjects = torch.arange(SUBJECTS).repeat_interleave(CLIPS)
    centers = 0.3 * torch.randn(SUBJECTS, PARTS, FEATURE)
    return (centers[subjects] + torch.randn(len(subjects), PARTS, FEATURE)).requires_grad_(), subjects


def ours(embeddings: Tensor, subjects: Tensor) -> Tensor:
    return torch.autograd.grad(TripletLoss()(GaitOutput(embeddings), subjects).value, embeddings)[0]


def textbook(embeddings: Tensor, subjects: Tensor) -> Tensor:
    return torch.autograd.grad(textbook_triplet(embeddings, subjects), embeddings)[0]


def main(rounds: int = 5) -> None:
    torch.set_num_threads(1)
    embeddings, subjects = inputs()
    timed = compare(lambda: ours(embeddings, subjects), lambda: textbook(embeddings, subjects), rounds)
    wide = embeddings.detach()[:, :8].double().requires_grad_()  # float64: no term sits on the hinge's edge by rounding
    first, second = ours(wide, subjects), textbook(wide, subjects)
    script = (
        f"import sys; sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / 'benchmarks')!r}]\n"
        "import torch, triplet\ntorch.set_num_threads(1)\n"
        "given = triplet.inputs()\n"
        "small = given[0][:16, :2].detach().requires_grad_(), given[1][:16]\n"
        "triplet.{0}(*small)\nmark()\ntriplet.{0}(*given)"
    )
    memory = {name: peak_memory_mb(script.format(name)) for name in ("ours", "textbook")}
    report(
        f"batch-all triplet, {SUBJECTS} x {CLIPS} clips, {PARTS} parts, one core",
        [
            {
                "ours_s": timed["fast_s"],
                "textbook_s": timed["plain_s"],
                "ratio": timed["ratio"],
                "ours_mb": memory["ours"],
                "textbook_mb": memory["textbook"],
                "memory_ratio": memory["textbook"] / memory["ours"],
                "gradient_difference": float((first - second).abs().max() / second.abs().max()),
            }
        ],
    )


if __name__ == "__main__":
    main()

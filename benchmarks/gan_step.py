"""One adversarial step of the autoencoder-guided GAN: bf16 and channels-last against plain float32, batch of 64.

Usage: python benchmarks/gan_step.py [ROUNDS]
"""

import sys
from collections.abc import Callable, Iterator

import measure
import torch
from torch import Tensor

from walkprint.generation.ae_guided import AEGuidedGAN
from walkprint.generation.batches import GeneratorBatch
from walkprint.generation.labels import LabelNames, Labels
from walkprint.training.generator_learner import GeneratorLearner
from walkprint.training.loop import Loop, Precision, launch

SUBJECTS, BATCH, STEPS = 74, 64, 1000


class Noise:
    """Frames of noise, always the same, in the place of `FrameBatches`."""

    seed = 0
    names = LabelNames(tuple(f"{i:03d}" for i in range(SUBJECTS)), ("cl", "nm"), ("090",))

    def __init__(self) -> None:
        self.frames = torch.randint(0, 256, (BATCH, 1, 64, 64), dtype=torch.uint8)
        row = torch.arange(BATCH)
        self.labels = Labels(row % SUBJECTS, row % 2, row * 0)

    def batch(self, step: int, repeat: int = 0) -> GeneratorBatch:
        """The same at every step."""
        return GeneratorBatch(self.frames, self.labels, self.frames, self.labels)

    def takes(self) -> Iterator[tuple[Tensor, Labels]]:
        """The frames as one take."""
        yield self.frames, self.labels


def step(widths: tuple[int, ...], precision: Precision, channels_last: bool) -> Callable[[], object]:
    """A GAN ready for its second step, as a call that does one."""
    batches, names = Noise(), Noise.names
    model = AEGuidedGAN(subjects=names.subjects, conditions=names.conditions, views=names.views, widths=widths)
    loop = Loop(steps=STEPS, accelerator="cpu", precision=precision, channels_last=channels_last, ema_decay=0.999)
    learner = GeneratorLearner(launch(loop), model, batches, loop)  # type: ignore[arg-type]
    first = STEPS // 2 + 1
    learner.learn(first)
    return lambda: learner.learn(first + 1)


def main() -> None:
    torch.set_num_threads(1)
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    rows = []
    for widths in ((24, 48, 64, 96), (64, 128, 128, 256)):
        found = measure.compare(step(widths, "bf16-mixed", True), step(widths, "32-true", False), rounds)
        rows.append({"widths": str(list(widths)), **found, "steps_per_s": 1 / found["fast_s"]})
    measure.report(f"GAN step, batch of {BATCH}, one thread", rows)


if __name__ == "__main__":
    main()

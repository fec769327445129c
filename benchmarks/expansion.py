"""How fast generated takes are made and measured.

The textbook twin of expansion sends one frame after another through the generator, looks for the largest piece by a
flood fill in Python's own loops, and aligns with a loop over columns; it writes nothing. That of similarity is
torchmetrics, one pair after another. The generator is not trained: its frames are those of its source, so that cleaning
has people to clean, but the work of its layers is done.
"""

import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from measure import compare, own_peak_mb, report
from torchmetrics.functional.image import structural_similarity_index_measure

from walkprint.core.sequence import Clip, SequenceKey
from walkprint.data.folder import Folder
from walkprint.data.packed import Packed
from walkprint.data.writing import StoreWriter
from walkprint.evaluation.similarity import ssim_of_all
from walkprint.generation.ae_guided import AEGuidedGAN
from walkprint.generation.baselines import Copying, MorphologicalCoat, NoiseInjection
from walkprint.generation.cleaning import clean_frames
from walkprint.generation.expand import expand
from walkprint.generation.expander import Expander, GeneratorExpander
from walkprint.generation.layers import WIDTHS

SUBJECTS, TAKES, FRAMES, WANTED = 2, 4, 40, 8
SHIPPED = (24, 48, 64, 96)


def person(subject: int, t: int) -> np.ndarray:
    """One frame of somebody walking, drawn at four times the size, so that edges are soft."""
    frame = np.zeros((256, 256), np.uint8)
    swing = int(40 * np.sin(t / 4))
    cv2.circle(frame, (128, 22), 21, 255, -1)
    cv2.ellipse(frame, (128, 95), (28 + 4 * subject, 60), 0, 0, 360, 255, -1)
    for foot in (-swing, swing):
        cv2.line(frame, (128, 130), (128 + foot, 250), 255, 20)
    return cv2.resize(frame, (64, 64), interpolation=cv2.INTER_AREA)


def write(root: Path) -> Folder:
    with StoreWriter(root) as writer:
        for subject in range(SUBJECTS):
            for condition, takes in (("nm", TAKES), ("cl", 1)):
                for take in range(takes):
                    frames = np.stack([person(subject, t + take) for t in range(FRAMES)])[:, None]
                    writer.add(Clip(frames, SequenceKey(f"{subject}", condition, f"{take + 1:02d}", "090")))
    return Packed(root, train=SUBJECTS)


class Echo(AEGuidedGAN):
    """Does the generator's work, then shows its source."""

    def generate(self, sources: torch.Tensor, labels: Any, generator: torch.Generator) -> torch.Tensor:
        """Its source, once the work is done."""
        return super().generate(sources, labels, generator).float() * 0 + self.to_unit(sources)


def model(widths: tuple[int, ...]) -> Echo:
    torch.manual_seed(0)
    names = [str(i) for i in range(SUBJECTS)]
    return Echo(subjects=names, conditions=("cl", "nm"), views=("090",), widths=widths, latent_size=64).eval()


def textbook_clean(frame: np.ndarray) -> np.ndarray:
    mask = frame >= 128
    left = set(zip(*np.nonzero(mask), strict=True))
    largest: set[tuple[int, int]] = set()
    while left:
        stack, piece = [left.pop()], set[tuple[int, int]]()
        while stack:
            y, x = stack.pop()
            piece.add((y, x))
            for near in ((y + i, x + j) for i in (-1, 0, 1) for j in (-1, 0, 1)):
                if near in left:
                    left.remove(near)
                    stack.append(near)
        largest = max(largest, piece, key=len)
    person = np.zeros_like(frame)
    for y, x in largest:
        person[y, x] = 255
    rows = np.flatnonzero(person.sum(axis=1))
    person = person[rows[0] : rows[-1] + 1]
    person = cv2.resize(person, (64 * person.shape[1] // person.shape[0], 64), interpolation=cv2.INTER_CUBIC)
    center, total = 0, person.sum()
    for x, mass in enumerate(person.sum(axis=0).cumsum()):
        if mass > total / 2:
            center = x
            break
    padded = np.pad(person, ((0, 0), (32, 32)))
    return padded[:, center : center + 64]


def textbook_expansion(dataset: Folder, generator: Echo) -> None:
    rng = torch.Generator().manual_seed(0)
    for number in range(SUBJECTS):
        for take in range(WANTED - 1):
            frames = dataset.read(SequenceKey(str(number), "nm", f"{take % TAKES + 1:02d}", "090")).frames
            labels = generator.names.labels([SequenceKey(str(number), "cl", "01", "090")])
            for frame in frames:
                textbook_clean(generator.sample(torch.from_numpy(frame)[None], labels, rng)[0, 0].numpy())


def ours(dataset: Folder, expander: Expander, folder: Path, counter: Counter[str]) -> None:
    counter["runs"] += 1
    expand(dataset, expander, wanted={"cl": WANTED}, out=folder / f"store{counter['runs']}")


def textbook_similarity(first: np.ndarray, second: np.ndarray) -> None:
    for one in first:
        for other in second:
            pair = (torch.from_numpy(each)[None, None].float() for each in (one, other))
            structural_similarity_index_measure(*pair, data_range=255.0)


def row(name: str, unit: str, count: int, fast: Callable[[], object], plain: Callable[[], object], rounds: int) -> dict:
    found = compare(fast, plain, rounds)
    return {
        "work": name,
        "unit": f"{unit}/s a core",
        "ours": count / found["fast_s"],
        "textbook": count / found["plain_s"],
        "ratio": found["ratio"],
    }


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    made = SUBJECTS * (WANTED - 1) * FRAMES
    rows = []
    with tempfile.TemporaryDirectory() as name:
        dataset, counter = write(Path(name) / "people"), Counter[str]()
        for label, widths, bf16 in (
            ("generator of the recipes for walkers, bf16", SHIPPED, True),
            ("the same, fp32", SHIPPED, False),
            ("generator of BAGAN-GP's widths, bf16", WIDTHS, True),
        ):
            generator = model(widths)
            expander = GeneratorExpander(generator, bf16=bf16)
            fast = partial(ours, dataset, expander, Path(name), counter)
            plain = partial(textbook_expansion, dataset, model(widths))
            rows.append(row(label, "frames", made, fast, plain, rounds))
        for simple in (Copying(), NoiseInjection(), MorphologicalCoat()):
            fast = partial(ours, dataset, simple, Path(name), counter)
            rows.append(row(simple.name, "frames", made, fast, fast, 1) | {"textbook": "", "ratio": ""})
    frames = np.stack([person(0, t) for t in range(FRAMES)])
    plain = partial(lambda some: [textbook_clean(frame) for frame in some], frames)
    rows.append(row("cleaning alone", "frames", FRAMES, partial(clean_frames, frames), plain, rounds))
    fast, plain = (partial(each, frames[:10], frames) for each in (ssim_of_all, textbook_similarity))
    rows.append(row("structural similarity", "pairs", 10 * FRAMES, fast, plain, rounds))
    rows.append({"work": "peak memory, this whole script", "unit": "MB", "ours": own_peak_mb()})
    report("expansion: generate, clean, align, write; and its measures", rows)


if __name__ == "__main__":
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    main()

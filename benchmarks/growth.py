"""How work grows with data, over two decades: the exponent of CPU seconds, fitted to the logarithms of three sizes.

Preparing, embedding and one question to a gallery are counted by sequences, evaluation by comparisons (probes times
gallery). The goal of each exponent is 1.1. What a run needs once (compiling, loading) is over before the first size;
but for preparing, small sizes are repeated, and their mean counts. `--tiny` divides all sizes by ten.
"""

import argparse
import gc
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from evaluate_scale import write as write_embeddings
from measure import report
from search import BATCH, Population, fill

from walkprint import EmbeddingSet, identify, verify
from walkprint.data.casia_b import CasiaB
from walkprint.data.ou_mvlp import OuMvlp
from walkprint.data.prepare import pack
from walkprint.data.store import Store
from walkprint.evaluation import Scoring, embed
from walkprint.gallery import Binding, Gallery
from walkprint.networks import GaitSet
from walkprint.recognizer.cohort import Cohort
from walkprint.recognizer.many import ManyVerdict

GOAL, FRAMES, PARTS, FEATURES = 1.1, 5, 31, 128
SEQUENCES, EVALUATED, ENROLLED = (100, 1000, 10_000), (560, 1680, 5600), (2000, 20_000, 200_000)


def cpu_seconds(call: Callable[[], object], least: float = 0.5) -> float:
    """Mean of as many calls as take half a second."""
    gc.collect()
    begun, calls = time.process_time(), 0
    while not calls or time.process_time() - begun < least:
        call()
        calls += 1
    return (time.process_time() - begun) / calls


def row(work: str, counted: str, sizes: Sequence[int], seconds: Sequence[float]) -> dict[str, object]:
    """A row of the table, with the slope of a line through the logarithms."""
    slope = float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])
    return {
        "work": work,
        "counted by": counted,
        "sizes": " ".join(map(str, sizes)),
        "CPU s": " ".join(f"{one:.3g}" for one in seconds),
        "exponent": slope,
        "goal": GOAL,
    }


def prepare_and_embed(sizes: Sequence[int], folder: Path) -> list[dict[str, object]]:
    """PNG files to a store, and the store through a narrow network."""
    mask = np.zeros((80, 60), np.uint8)
    cv2.ellipse(mask, (30, 40), (10, 30), 0, 0, 360, 255, -1)
    picture = cv2.imencode(".png", mask)[1].tobytes()
    network = GaitSet(channels=(4, 8, 8), feature=16)
    prepared, embedded = [], []
    for size in (sizes[0] // 10, *sizes):
        raw, store = folder / f"raw-{size}", folder / f"store-{size}"
        for number in range(size):
            place = raw / f"{number // 10:03d}" / f"nm-{number % 10 + 1:02d}" / "090"
            place.mkdir(parents=True)
            for frame in range(FRAMES):
                (place / f"{frame:03d}.png").write_bytes(picture)
        begun = time.process_time()
        pack(CasiaB(raw), store, workers=1)
        prepared.append(time.process_time() - begun)
        opened = Store.open(store)
        embedded.append(cpu_seconds(lambda: embed(network, opened)))  # noqa: B023
        shutil.rmtree(raw)
    return [
        row(work, "sequences", sizes, seconds[1:])
        for work, seconds in (("prepare", prepared), ("embed, narrow GaitSet", embedded))
    ]


def evaluate(sizes: Sequence[int], folder: Path) -> list[dict[str, object]]:
    """Tables under OU-MVLP's protocol, without intervals, whose cost grows with people alone."""
    protocol = next(iter(OuMvlp.PROTOCOLS.values()))
    scoring, pairs, found = Scoring(resamples=0), [], {"identify": [], "verify": []}
    for number, size in enumerate((sizes[0], *sizes)):
        write_embeddings(folder / "set.npz", size)
        vectors = EmbeddingSet.load(folder / "set.npz")
        if not number:  # compiles
            identify(vectors, protocol, scoring=scoring), verify(vectors, protocol, scoring=scoring)
            continue
        found["identify"].append(cpu_seconds(lambda: identify(vectors, protocol, scoring=scoring)))  # noqa: B023
        found["verify"].append(cpu_seconds(lambda: verify(vectors, protocol, scoring=scoring)))  # noqa: B023
        pairs.append((len(vectors) // 2) ** 2)
    return [row(work, "comparisons", pairs, seconds) for work, seconds in found.items()]


def search(sizes: Sequence[int], folder: Path) -> dict[str, object]:
    """A question to a gallery that proposes by codes, in batches of sixteen."""
    rng, seconds = np.random.default_rng(0), []
    people = rng.standard_normal((500, 1, PARTS, FEATURES)).astype(np.float32)
    walks = (people + 0.7 * rng.standard_normal((500, 2, PARTS, FEATURES))).reshape(-1, PARTS, FEATURES)
    population = Population(walks.astype(np.float32), np.repeat(np.arange(500), 2))
    known = population.people(rng, 200)
    strangers = Cohort(population.walks(rng, population.people(rng, 20)), np.repeat(np.arange(10), 2), "toy")
    probes = population.walks(rng, known[:BATCH])
    for size in sizes:
        path = folder / f"{size}.gallery"
        fill(path, Binding("toy", "toy", PARTS, FEATURES, "cosine"), population, size, known)
        verdict = ManyVerdict(Gallery.open(path), strangers)
        verdict.compare(probes, ["left"] * BATCH)
        seconds.append(cpu_seconds(lambda: verdict.compare(probes, ["left"] * BATCH)) / BATCH)  # noqa: B023
        path.unlink()
    return row("a question to a gallery", "walks", sizes, seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tiny", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(1)
    small = 10 if given.tiny else 1
    sequences, evaluated, enrolled = ([size // small for size in one] for one in (SEQUENCES, EVALUATED, ENROLLED))
    with tempfile.TemporaryDirectory() as folder:
        rows = prepare_and_embed(sequences, Path(folder))
        rows += evaluate(evaluated, Path(folder))
        rows.append(search(enrolled, Path(folder)))
    report("growth of work with data, one thread", rows)


if __name__ == "__main__":
    main()

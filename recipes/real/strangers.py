"""Makes the file of rendered strangers that comes with the network `street`: `python recipes/real/strangers.py`.

It renders 1,000 people (seed 4242, two walks each), embeds them on one core in half an hour or more, and writes
`src/walkprint/recognizer/strangers/*.safetensors` anew (`--out` for another place). On the machine that made the
bundled file the digest is the same. Elsewhere another order of additions can turn a number that lies at a level's edge:
`--check` accepts a file of which at most one bit in a thousand differs.
"""

import argparse
import hashlib
import sys
from pathlib import Path

import numpy as np
import torch

from walkprint import load_network
from walkprint.core.digest import weights_source
from walkprint.core.embedding import unit_parts
from walkprint.evaluation.whitening import moved
from walkprint.recognizer import cohort

TOLERANCE = 1e-3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=cohort.BUNDLED)
    parser.add_argument("--people", type=int, default=cohort.PEOPLE, help="fewer, with --check, for a quick look")
    parser.add_argument("--check", action="store_true", help="compare with the bundled file instead of writing")
    given = parser.parse_args()
    torch.set_num_threads(1)
    network = load_network("street")
    whitening = network.whitening
    source = f"{weights_source(network)}, cosine, {whitening}"
    name = f"{hashlib.sha256(source.encode()).hexdigest()[:16]}.safetensors"

    def embed(frames: np.ndarray) -> np.ndarray:
        return moved(unit_parts(network.embed(frames)[None]), whitening.mean, whitening.root)[0]

    if given.check:
        bundled = cohort.Cohort.load(cohort.BUNDLED / name)
        walkers = cohort.rendered()
        keys = [key for key in walkers.catalogue() if int(key.subject) <= given.people]
        clips = [
            clip for key in keys if (clip := walkers.examine(key).clip) is not None and len(clip) >= cohort.FRAMES // 2
        ]
        made = np.stack([embed(clip.frames) for clip in clips])
        codes = (cohort.two_bits(one) for one in (made, bundled.vectors[: len(made)]))
        differ = np.mean([a != b for a, b in zip(*(np.unpackbits(one).tolist() for one in codes), strict=True)])
        print(f"{len(made)} walks, {differ:.2e} of all bits differ; at most {TOLERANCE:g} may")
        sys.exit(int(differ > TOLERANCE))
    cohort.make(embed, source, people=given.people).save(given.out / name, small=True)
    print(given.out / name, hashlib.sha256((given.out / name).read_bytes()).hexdigest())


if __name__ == "__main__":
    main()

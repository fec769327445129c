"""What a network recognizes people by: their body, their walk or their clothes. Only rendered people can answer that.

`python recipes/real/anatomy.py street` prints, for a bundled network or the folder of one:

- rank-1 among people of one build in the same clothes, who differ in their walk alone, and among people of one walk in
  the same clothes, who differ in their build alone; for people who differ in all, as a comparison;
- how often a linear probe reads from the embedding which of eight outfits somebody wears, on people it never saw;
  chance is 12.5 %.

Clean silhouettes from the side, two takes of each person, no variation of the camera; intervals of 95 % over people.
"""

import argparse
from dataclasses import replace

import numpy as np

from walkprint import load_network
from walkprint.core.embedding import unit_parts
from walkprint.core.sequence import SequenceKey
from walkprint.data.walkers import Variety, Walkers
from walkprint.data.walkers.clothes import draw_outfit
from walkprint.data.walkers.people import person, walk
from walkprint.data.walkers.render import act

PLAIN = Variety(noise=0, camera=0)
VIEW, FRAMES, OUTFITS = "090", 24, 8


class Fixed(Walkers):
    """People who share what is named: "body", "gait", "outfit"."""

    shared = ()

    def _make_person(self, subject):
        model = person(self.seed + 1, "model", self.variety)
        return replace(super()._make_person(subject), **{name: getattr(model, name) for name in self.shared})


class OneBuild(Fixed):
    """Who differ in their walk alone."""

    shared = ("body", "outfit", "coat")


class OneWalk(Fixed):
    """Who differ in their build alone."""

    shared = ("gait", "outfit", "coat")


class SameClothes(Fixed):
    """Who differ in build and walk."""

    shared = ("outfit", "coat")


class EightOutfits(Walkers):
    """Whose takes are the same eight outfits."""

    def _make_scene(self, subject, condition, take):
        who = replace(self._person(subject), outfit=draw_outfit(np.random.default_rng(int(take))))
        return act(walk(self.seed, SequenceKey(subject, condition, take), who, self.variety), self.frames)


def embeddings(network, people: Walkers) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Embeddings on unit parts (sequence, feature), subjects and takes."""
    keys = people.catalogue()
    vectors = np.stack([network.embed(people.read(key).frames) for key in keys])
    return _flat(vectors), np.array([key.subject for key in keys]), np.array([key.take for key in keys])


def interval(right: np.ndarray, resamples: int = 2000) -> str:
    """Mean and 95 % interval over people, in percent."""
    drawn = np.random.default_rng(0).integers(len(right), size=(resamples, len(right)))
    low, high = np.percentile(right[drawn].mean(axis=1), (2.5, 97.5))
    return f"{100 * right.mean():.1f} [{100 * low:.1f}, {100 * high:.1f}]"


def rank_1(found) -> str:
    """Take 02 looked up in take 01."""
    vectors, _, takes = found
    gallery, probes = vectors[takes == "01"], vectors[takes == "02"]
    return interval((np.argmax(probes @ gallery.T, axis=1) == np.arange(len(probes))).astype(float))


def probe(vectors, subjects, outfits) -> np.ndarray:
    """A ridge regression on the outfit, learned on half of the people: shares read correctly of each of the others."""
    names = np.unique(subjects)
    learned = np.isin(subjects, names[: len(names) // 2])
    wanted = np.eye(OUTFITS)[outfits]
    mean = vectors[learned].mean(axis=0)
    inputs = vectors - mean
    gram = inputs[learned] @ inputs[learned].T
    ridge = 0.01 * np.trace(gram) / len(gram) * np.eye(len(gram))
    answers = inputs[~learned] @ inputs[learned].T @ np.linalg.solve(gram + ridge, wanted[learned] - 1 / OUTFITS)
    right = answers.argmax(axis=1) == outfits[~learned]
    people = subjects[~learned]
    return np.array([right[people == name].mean() for name in np.unique(people)])


def probe_of(vectors, subjects, outfits) -> float:
    """The mean of `probe` in percent, on unit parts of embeddings (clip, part, feature)."""
    return 100 * float(probe(_flat(vectors), subjects, outfits).mean())


def _flat(vectors: np.ndarray) -> np.ndarray:
    vectors = unit_parts(vectors)
    return vectors.reshape(len(vectors), -1) / np.sqrt(vectors.shape[1])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", help="a bundled network's name, or a folder")
    parser.add_argument("--people", type=int, default=200, help="of each kind (default: 200)")
    parser.add_argument("--seed", type=int, default=20)
    given = parser.parse_args()
    network = load_network(given.network)
    plain = {"seed": given.seed, "views": [VIEW], "frames": FRAMES, "variety": PLAIN}
    for kind, what in ((OneBuild, "the walk alone"), (OneWalk, "the build alone"), (SameClothes, "build and walk")):
        people = kind(subjects=given.people, takes={"nm": 2}, **plain)
        print(f"rank-1 of {given.people} who differ in {what}: {rank_1(embeddings(network, people))}", flush=True)
    people = EightOutfits(subjects=given.people // 2, takes={"nm": OUTFITS}, **plain)
    vectors, subjects, takes = embeddings(network, people)
    read = interval(probe(vectors, subjects, takes.astype(int) - 1))
    print(f"outfit read by a linear probe, chance {100 / OUTFITS}: {read}", flush=True)


if __name__ == "__main__":
    main()

"""How often strangers are named, and known people are not, on real people: the tables of docs/results/recognizer.md.

`python recipes/real/recognize.py DATA --embeddings kth.npz` cuts the walks out of DATA/kth-walking/video by the
product's own segmentation (`--from masks`: takes the masks of DATA/kth-walking/masks; `--from usf`: the half cycles of
DATA/usf-gait, two walks of each person and probe set), embeds them, keeps the embeddings in that file, which is never
part of the project, and prints the table. Some people are enrolled by one recording outdoors (USF: of the gallery), the
others are strangers; who is drawn many times over. `--sites` calibrates each place by its other walks, as
`fair.py` does.
"""

import argparse
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np

from walkprint import load_network
from walkprint.core.digest import weights_source
from walkprint.core.embedding import EmbeddingSet, unit_parts
from walkprint.core.sequence import SequenceKey
from walkprint.core.silhouette import align_clip
from walkprint.evaluation.site import CLIPS_PER_VIEW, Site
from walkprint.gallery import Templates
from walkprint.recognizer.cohort import find_or_make
from walkprint.recognizer.sources import walks_of
from walkprint.recognizer.verdict import Verdict
from walkprint.video.mediapipe import MediaPipe

RATES = (0.01, 0.05)


def embed_videos(data: Path, network) -> dict[str, np.ndarray]:
    """Every walk of every video: vectors, subject, condition, take, view, frames."""
    found = defaultdict(list)
    videos = sorted((data / "kth-walking" / "video").glob("*/*.mp4"))
    videos.sort(key=lambda file: file.parent.name != "outdoor")
    for video in videos:
        for number, walk in enumerate(walks_of(video, MediaPipe())):
            labels = (video.stem, video.parent.name, f"{number:02d}", walk.view)
            _add(found, network.embed(walk.silhouettes), labels, len(walk.silhouettes))
        print(video.parent.name, video.stem, number + 1, flush=True)
    return {name: np.array(values) for name, values in found.items()}


def embed_masks(data: Path, network) -> dict[str, np.ndarray]:
    """The same from the masks."""
    found = defaultdict(list)
    for folder in sorted((data / "kth-walking" / "masks").glob("*/*/*")):
        frames = np.stack([cv2.imread(str(file), cv2.IMREAD_GRAYSCALE) for file in sorted(folder.glob("*.png"))])
        condition, take = folder.parent.name.split("-")
        _add(found, network.embed(frames), (folder.parts[-3], condition, take, folder.name), len(frames))
    return {name: np.array(values) for name, values in found.items()}


def embed_usf(data: Path, network) -> dict[str, np.ndarray]:
    """The half cycles of USF; those of a person and set are two walks, which are means of embeddings."""
    found = defaultdict(list)
    with np.load(data / "usf-gait" / "half_cycles.npz", allow_pickle=False) as usf:
        for name in ("gallery", "A", "B", "D"):
            small, subjects = np.unpackbits(usf[name], axis=-1)[..., :22], usf[f"{name}_subjects"]
            for who in np.unique(subjects[subjects > 0]):
                cycles = [_enlarged(one) for one in small[subjects == who]]
                for number, half in enumerate(np.array_split(np.arange(len(cycles)), 2)):
                    if len(half):
                        vectors = np.mean([network.embed(cycles[at]) for at in half], axis=0)
                        labels = (f"{who:03d}", "outdoor" if name == "gallery" else name, f"{number:02d}", "")
                        _add(found, vectors, labels, 10 * len(half))
            print(name, flush=True)
    return {name: np.array(values) for name, values in found.items()}


def _enlarged(cycle: np.ndarray) -> np.ndarray:
    """(time, 32, 22) of 0 and 1 -> aligned (time, 64, 64) of 0 and 255."""
    large = [cv2.resize(frame.astype(np.float32), (44, 64)) >= 0.5 for frame in cycle]
    frames, _ = align_clip(np.pad(255 * np.stack(large).astype(np.uint8), ((0, 0), (0, 0), (10, 10))), 64)
    return frames[:, 0]


SOURCES = {"videos": embed_videos, "masks": embed_masks, "usf": embed_usf}


def _add(found, vectors, labels, frames: int) -> None:
    for name, value in zip(("subject", "condition", "take", "view"), labels, strict=True):
        found[name].append(value)
    found["vectors"].append(vectors)
    found["frames"].append(frames)


class OtherWalks:
    """A site in which each walk is seen from the mean of all other walks of its place and direction.

    Outdoor and other clothes are one place. A direction with fewer than ten walks is seen from the whole place.
    """

    def __init__(self, walks) -> None:
        self.unit, self.view = unit_parts(walks["vectors"].astype(np.float32)), walks["view"]
        self.place = np.where(walks["condition"] == "clothes", "outdoor", walks["condition"])
        self.question: list[int] = []

    def outdoors(self, source: str) -> Site:
        """The site of all walks outdoors, from which known people are seen."""
        outdoor = np.flatnonzero(self.place == "outdoor")
        keys = [SequenceKey(f"{row:06d}", view=str(self.view[row])) for row in outdoor]
        return Site.learn(EmbeddingSet(self.unit[outdoor], keys, source))

    def origins(self, keys) -> np.ndarray:
        """See `Site`; of the walks of `question`."""
        return np.stack([self._origin(row) for row in self.question])

    def _origin(self, row: int) -> np.ndarray:
        others = (self.place == self.place[row]) & (np.arange(len(self.view)) != row)
        same = others & (self.view == self.view[row])
        return self.unit[same if same.sum() >= CLIPS_PER_VIEW else others].mean(axis=0)


def table(walks, network, cohort, people: int, draws: int, fuse: bool, sites: bool = False) -> None:
    """Print rank-1, and FPIR and FNIR for each rate asked, over draws of who is enrolled; intervals over people."""
    subject, condition, take, view = (walks[name] for name in ("subject", "condition", "take", "view"))
    everyone, rng = np.unique(subject), np.random.default_rng(0)
    named, missed, first, sure = defaultdict(list), defaultdict(list), defaultdict(list), []
    here = OtherWalks(walks)
    places = (here, here.outdoors(weights_source(network))) if sites else ()
    for _ in range(draws):
        known = rng.permutation(everyone)[:people]
        enrolled = np.isin(subject, known) & (condition == "outdoor") & (take <= _first(subject, condition, take, view))
        rows = np.flatnonzero(enrolled)
        names = dict(zip(known, known, strict=True))
        templates = Templates(walks["vectors"][rows], subject[rows], view[rows], names, 0)
        judge = Verdict(templates, cohort, network.whitening, *places)
        limits = {rate: [judge.threshold(rate, count) for count in (1, 2)] for rate in RATES}
        for probe in _probes(np.flatnonzero(~enrolled), subject, condition, fuse):
            who, where = subject[probe[0]], condition[probe[0]]
            here.question = probe
            seen = judge.score(walks["vectors"][probe], view[probe], walks["frames"][probe])
            right = seen.people[0] == who
            sure.append((seen.probabilities[0], right))
            if who in known:
                first[where].append((who, right))
            for rate in RATES:
                limit = limits[rate][len(probe) > 1]
                if who in known:
                    missed[rate, where].append((who, not (right and seen.scores[0] >= limit)))
                else:
                    named[rate, where].append((who, seen.scores[0] >= limit))
    print(
        f"\n{people} people enrolled, {'walks of a recording together' if fuse else 'each walk alone'}, {draws} draws"
        + (", each place calibrated" if sites else "")
    )
    print("rank-1", "; ".join(f"{where} {_figure(first[where])}" for where in dict.fromkeys(["outdoor", *condition])))
    for rate in RATES:
        for what, found in (("FPIR", named), ("FNIR", missed)):
            parts = {where: found[rate, where] for where in dict.fromkeys(["outdoor", *condition])}
            parts["all"] = [one for values in parts.values() for one in values]
            cells = [f"{where} {_figure(values)}" for where, values in parts.items()]
            print(f"asked {rate:.0%}: {what} {'; '.join(cells)}")
    chance, right = np.array(sure, float).T
    for low, high in ((0, 0.1), (0.1, 0.5), (0.5, 0.9), (0.9, 1.01)):
        among = (chance >= low) & (chance < high)
        if among.any():
            share = f"{right[among].mean():.0%} right"
            print(f"probability {low:.0%} to {min(high, 1):.0%}: {among.sum()} sightings, {share}")


def _first(subject, condition, take, view):
    """For each walk the first take outdoors of that person and direction."""
    first = {}
    for one in sorted(zip(subject, view, take, condition, strict=True)):
        if one[3] == "outdoor":
            first.setdefault(one[:2], one[2])
    return np.array([first.get(one, "") for one in zip(subject, view, strict=True)])


def _probes(rows, subject, condition, fuse: bool):
    if not fuse:
        return [[row] for row in rows]
    groups = defaultdict(list)
    for row in rows:
        groups[subject[row], condition[row]].append(row)
    return list(groups.values())


def _figure(found) -> str:
    """Percent, with a 95 % interval by bootstrap over people, and how many."""
    if not found:
        return "-"
    people = defaultdict(list)
    for who, value in found:
        people[who].append(value)
    sums = np.array([(np.sum(one), len(one)) for one in people.values()], float)
    drawn = np.random.default_rng(0).integers(0, len(sums), (1000, len(sums)))
    spread = sums[drawn].sum(axis=1)
    low, high = np.percentile(100 * spread[:, 0] / spread[:, 1], (2.5, 97.5))
    return f"{100 * sums[:, 0].sum() / sums[:, 1].sum():.1f} [{low:.0f} to {high:.0f}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--embeddings", type=Path, required=True)
    parser.add_argument("--from", dest="source", choices=list(SOURCES), default="videos")
    parser.add_argument("--people", type=int, nargs="+", default=(3, 6, 9), help="how many are enrolled")
    parser.add_argument("--draws", type=int, default=40)
    parser.add_argument("--sites", action="store_true", help="calibrate each place")
    given = parser.parse_args()
    network = load_network("street")
    if not given.embeddings.exists():
        np.savez(given.embeddings, **SOURCES[given.source](given.data, network))
    with np.load(given.embeddings, allow_pickle=False) as file:
        walks = {name: file[name] for name in file.files}
    cohort = find_or_make(lambda _: np.zeros(0), f"{weights_source(network)}, cosine, {network.whitening}")
    print(f"{len(walks['vectors'])} walks of {len(np.unique(walks['subject']))} people")
    for people in given.people:
        for fuse in (False, True):
            table(walks, network, cohort, people, given.draws, fuse, given.sites)


if __name__ == "__main__":
    main()

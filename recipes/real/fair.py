"""Rank-1 on real people by a scoring that treats all of them equally; intervals over people.

A site is the mean of all clips of one place and direction but the probe itself, seen from the gallery and the probe
alike, as a camera sees it whose passers-by are the people it is to recognize. Outdoor and other clothes are one place:
a camera cannot know that people changed. Where a direction of a place has fewer than ten clips, all directions of that
place share one mean.

    python recipes/real/fair.py street street-large --real real.npz --videos stores/kth-selfie

prints the table of bundled networks, or of folders with a network and its whitening. `load` reads a file of
`score.pack_real` and aligns the masks as `prepare` does, without which USF loses 11 points in A; `of_store` reads walks
that `walkprint segment` cut out of the videos.
"""

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from anatomy import probe_of
from numpy.typing import NDArray
from safetensors.torch import load_file

from walkprint import load_network
from walkprint.core.embedding import unit_parts
from walkprint.core.silhouette import align_clip
from walkprint.data.packed import Packed
from walkprint.networks.base import Network

Floats = NDArray[np.float32]
Embed = Callable[[NDArray[np.uint8]], Floats]
KTH, USF = ("outdoor", "clothes", "scale", "indoor"), ("A", "B", "D")
FEWEST_OF_A_DIRECTION = 10
WAYS = ("none", "whitened", "site", "site_whitened")


@dataclass(frozen=True, eq=False)
class Clips:
    """Recordings with labels, one entry per clip.

    Attributes:
        frames: packed bits, uint8 (time, 352) each, of masks of 64 x 44.
        subject, condition, take, view: labels; of one condition and view only take "01" may be gallery.
    """

    frames: list[NDArray[np.uint8]]
    subject: NDArray[np.str_]
    condition: NDArray[np.str_]
    take: NDArray[np.str_]
    view: NDArray[np.str_]


@dataclass(frozen=True, eq=False)
class Hits:
    """Of one column: whose the probes are, and whether each was found first."""

    subject: NDArray[np.str_]
    right: NDArray[np.bool_]

    @property
    def percent(self) -> float:
        """Rank-1."""
        return 100 * float(self.right.mean())


def _aligned(bits: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Bits (time, 352), cropped and centered anew."""
    masks = np.unpackbits(bits, axis=1).reshape(len(bits), 64, 44) * np.uint8(255)
    frames, _ = align_clip(np.pad(masks, ((0, 0), (0, 0), (10, 10))), 64)
    return np.packbits((frames[:, 0, :, 10:54] >= 128).reshape(len(frames), -1), axis=1)


def load(file: Path) -> dict[str, Clips]:
    """The sets of a file of `score.pack_real`: "kth" and "usf"."""
    with np.load(file, allow_pickle=False) as stored:
        labels = [label.split("/") for label in stored["kth_labels"].tolist()]
        ends = np.cumsum(stored["kth_lengths"])[:-1]
        places = [label[1].split("-") for label in labels]
        kth = Clips(
            [_aligned(clip) for clip in np.split(stored["kth"], ends)],
            np.array([label[0] for label in labels]),
            np.array([place[0] for place in places]),
            np.array([place[1] for place in places]),
            np.array([label[2] for label in labels]),
        )
        frames, subject, condition = [], [], []
        for name in ("gallery", *USF):
            known = stored[f"usf_{name}_subjects"] > 0
            frames += [_aligned(clip) for clip in stored[f"usf_{name}"][known]]
            subject += stored[f"usf_{name}_subjects"][known].tolist()
            condition += [name] * int(known.sum())
    names = np.array([str(one) for one in subject])
    return {
        "kth": kth,
        "usf": Clips(frames, names, np.array(condition), np.full(len(names), "01"), np.full(len(names), "")),
    }


def of_store(store: Path) -> Clips:
    """Walks of a store that `walkprint segment` made of the videos; the first of each direction is take "01"."""
    people = Packed(store)
    packed = people.store()
    frames, labels, seen = [], [], {}
    for key in sorted(people.keys("all"), key=lambda key: (key.subject, key.condition, key.take)):
        clip = packed.read(key).frames[:, 0, :, 10:54] >= 128
        frames.append(np.packbits(clip.reshape(len(clip), -1), axis=1))
        number = seen[key.subject, key.condition, key.view] = seen.get((key.subject, key.condition, key.view), 0) + 1
        labels.append((key.subject, key.condition, f"{number:02d}", key.view))
    return Clips(frames, *(np.array(column) for column in zip(*labels, strict=True)))


def _moved(unit: Floats, origin: Floats | float, root: Floats | None) -> Floats:
    """Unit parts (clip, part, feature) seen from an origin, whitened, at unit length again."""
    moved = unit - origin
    if root is not None:
        moved = np.einsum("cpf,pfg->cpg", moved, root)
    return unit_parts(moved)


def hits(vectors: Floats, clips: Clips, mean: Floats | None, root: Floats | None, site: bool) -> dict[str, Hits]:
    """Nearest gallery clip by cosine on unit parts, among those of the probe's direction.

    Args:
        vectors: float32 (clip, part, feature).
        clips: their labels.
        mean, root: of a whitening, or None.
        site: whether each place's mean is the origin, instead of the whitening's.
    """
    unit = unit_parts(vectors)
    usf = "gallery" in clips.condition
    gallery_name = "gallery" if usf else "outdoor"
    place = np.where(clips.condition == "clothes", "outdoor", clips.condition)
    group = np.array([f"{one}/{view}" for one, view in zip(place, clips.view, strict=True)])
    for one in np.unique(place):
        at = place == one
        if min(np.unique(group[at], return_counts=True)[1]) < FEWEST_OF_A_DIRECTION:
            group[at] = one
    found: dict[str, Hits] = {}
    for column in USF if usf else KTH:
        names, right = [], []
        for view in np.unique(clips.view):
            mine = (clips.condition == gallery_name) & (clips.view == view) & (clips.take == "01")
            probes = np.flatnonzero((clips.condition == column) & (clips.view == view) & ~mine)
            gallery = np.flatnonzero(mine)
            if len(probes) and not len(gallery):
                raise SystemExit(f"{gallery_name}: no first take in direction {str(view)!r}, where {column} has probes")
            for probe in probes:
                ends = []
                for rows in (np.array([probe]), gallery):
                    if site:
                        same = group == group[rows[0]]
                        same[probe] = False
                        if not same.any():
                            raise SystemExit(f"{group[rows[0]]}: no clip but the probe, so it has no site")
                        origin: Floats | float = unit[same].mean(0)
                    else:
                        origin = 0.0 if root is None or mean is None else mean
                    ends.append(_moved(unit[rows], origin, root))
                nearest = gallery[np.einsum("pf,gpf->g", ends[0][0], ends[1]).argmax()]
                names.append(clips.subject[probe])
                right.append(clips.subject[nearest] == clips.subject[probe])
        found[column] = Hits(np.array(names), np.array(right))
    return found


def of_subjects(vectors: Floats, clips: Clips) -> tuple[Floats, Clips]:
    """Mean unit vector of each subject and condition, as USF's half cycles are scored."""
    unit = unit_parts(vectors)
    labels = np.array([f"{one}/{who}" for one, who in zip(clips.condition, clips.subject, strict=True)])
    names, index = np.unique(labels, return_inverse=True)
    total = np.zeros((len(names), *unit.shape[1:]))
    np.add.at(total, index, unit)
    means = (total / np.bincount(index)[:, None, None]).astype(np.float32)
    condition, subject = (np.array([name.split("/")[i] for name in names]) for i in (0, 1))
    one, none = np.full(len(names), "01"), np.full(len(names), "")
    return means, Clips([], subject, condition, one, none)


def score(
    sets: Mapping[str, Clips], embed: Callable[[list[NDArray[np.uint8]]], Floats], mean: Floats, root: Floats
) -> dict[str, dict[str, dict[str, Hits]]]:
    """Way -> set -> column -> hits; `embed` takes a list of clips in bits."""
    found: dict[str, dict[str, dict[str, Hits]]] = {way: {} for way in WAYS}
    for name, clips in sets.items():
        vectors, labels = embed(clips.frames), clips
        if name == "usf":
            vectors, labels = of_subjects(vectors, clips)
        for way in WAYS:
            white = "whitened" in way
            found[way][name] = hits(vectors, labels, mean if white else None, root if white else None, "site" in way)
    return found


def mean_interval(columns: list[dict[str, Hits]], resamples: int = 2000) -> tuple[float, float, float]:
    """Mean over columns and runs in percent, with 95 % by bootstrap over people, runs kept together."""
    people = np.unique(np.concatenate([one.subject for run in columns for one in run.values()]))
    right, count = [], []
    for run in columns:
        for one in run.values():
            index = np.searchsorted(people, one.subject)
            right.append(np.bincount(index, one.right, len(people)))
            count.append(np.bincount(index, minlength=len(people)))
    drawn = np.random.default_rng(0).integers(len(people), size=(resamples, len(people)))
    weight = np.stack([np.bincount(row, minlength=len(people)) for row in drawn])
    shares = (weight @ np.stack(right).T) / np.maximum(weight @ np.stack(count).T, 1)
    low, high = np.percentile(100 * shares.mean(1), (2.5, 97.5))
    return float(np.mean([one.percent for run in columns for one in run.values()])), float(low), float(high)


def networks_of(names: list[str], run: Path | None, chosen: list[str]) -> Iterator[tuple[str, Embed, Floats, Floats]]:
    """Name, function of clips in bits, and the whitening's mean and root, of bundled networks and of a run's arms."""
    for name in names:
        network = load_network(name)
        yield name, network.embed, network.whitening.mean, network.whitening.root
    if run is not None:
        from train import arms

        for arm in arms(tiny=False):
            if chosen and arm.name not in chosen:
                continue
            stored = load_file(run / f"{arm.file}.safetensors")
            mine = {
                key.removeprefix(f"{arm.name}/"): value for key, value in stored.items() if key.startswith(arm.name)
            }
            mean, root = (mine.pop(f"whitening/{what}").float().numpy() for what in ("mean", "root"))
            arm.network.load_state_dict(
                {key: value.float() if value.is_floating_point() else value for key, value in mine.items()}
            )
            thinned = 2 if arm.ordered else 1  # it learned 12.5 frames a second
            yield arm.name, partial(_embed, arm.network.eval(), thinned), mean, root


def _embed(network: Network, step: int, frames: NDArray[np.uint8]) -> Floats:
    return network.embed(frames[::step] if len(frames) > 10 * step else frames)


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", help="names of bundled networks, or folders")
    parser.add_argument("--run", type=Path, help="folder of `train.py`, for its arms")
    parser.add_argument("--arms", nargs="*", default=[], help="only these of the run")
    parser.add_argument("--real", type=Path, required=True, help="file of `score.pack_real`")
    parser.add_argument("--videos", type=Path, nargs="*", default=[], help="stores that `walkprint segment` made")
    parser.add_argument("--outfits", type=Path, help="`outfits.npz` of `pool.py`: also print how well clothes are read")
    given = parser.parse_args()
    sets = load(given.real) | {store.name: of_store(store) for store in given.videos}
    print("network, way, set: rank-1 of each column, mean [95 % over people]")
    for name, embed, mean, root in networks_of(given.networks, given.run, given.arms):

        def embed_all(clips: Sequence[NDArray[np.uint8]], embed: Embed = embed) -> Floats:
            frames = (np.unpackbits(clip, axis=1).reshape(-1, 64, 44) * np.uint8(255) for clip in clips)
            return np.stack([embed(one) for one in frames])

        for way, groups in score(sets, embed_all, mean, root).items():
            for group, columns in groups.items():
                each = " / ".join(f"{one.percent:.0f}" for one in columns.values())
                middle, low, high = mean_interval([columns])
                print(f"{name}, {way}, {group}: {each}, {middle:.1f} [{low:.0f} to {high:.0f}]", flush=True)
        if given.outfits:
            with np.load(given.outfits, allow_pickle=False) as stored:
                read = probe_of(embed_all(stored["bits"]), stored["subject"], stored["outfit"])
            print(f"{name}, outfit read by a linear probe (chance 12.5): {read:.1f}", flush=True)


if __name__ == "__main__":
    main()

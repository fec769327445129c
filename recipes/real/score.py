"""Rank-1 on real people, by the scoring of the run that `docs/results/real.md` reports.

Its sites flatter: the mean from which others are seen holds the clips of the person looked up. `walkprint calibrate`
and `Scoring` do it without that effect; this file stays as it was, so that the reported table can be repeated.

`real.npz` is made by `pack_real` from the recordings of a data folder; it is never part of the project.
"""

from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

PROBES = ("outdoor", "clothes", "scale", "indoor")


def pack_real(data: Path, out: Path) -> None:
    """KTH masks and USF half cycles as bits of 64 x 44, with their labels as text."""
    frames, lengths, labels = [], [], []
    for folder in sorted((data / "kth-walking" / "masks").glob("*/*/*")):
        clip = [cv2.imread(str(file), cv2.IMREAD_GRAYSCALE)[:, 10:54] >= 128 for file in sorted(folder.glob("*.png"))]
        frames += clip
        lengths.append(len(clip))
        labels.append("/".join(folder.parts[-3:]))
    stored = {"kth": np.packbits(np.stack(frames).reshape(len(frames), -1), axis=1), "kth_lengths": np.array(lengths)}
    stored["kth_labels"] = np.array(labels)
    with np.load(data / "usf-gait" / "half_cycles.npz", allow_pickle=False) as usf:
        for name in ("gallery", "A", "B", "D"):
            small = np.unpackbits(usf[name], axis=-1)[..., :22]
            large = [cv2.resize(one.astype(np.float32), (44, 64)) >= 0.5 for one in small.reshape(-1, 32, 22)]
            stored[f"usf_{name}"] = np.packbits(np.stack(large).reshape(*small.shape[:2], -1), axis=-1)
            stored[f"usf_{name}_subjects"] = usf[f"{name}_subjects"]
    np.savez(out, **stored)


def whitening(vectors: Tensor, labels: Tensor, shrinkage: float = 0.3) -> tuple[Tensor, Tensor]:
    """Per part the mean (part, feature) of unit vectors, and the inverse root of the covariance within people."""
    unit = F.normalize(vectors.double(), dim=-1)
    classes, index = labels.unique(return_inverse=True)
    means = torch.zeros(len(classes), *unit.shape[1:], dtype=unit.dtype, device=unit.device).index_add_(0, index, unit)
    means /= index.bincount().view(-1, 1, 1)
    rest = (unit - means[index]).transpose(0, 1)
    covariance = rest.transpose(1, 2) @ rest / rest.shape[1]
    size = covariance.shape[-1]
    level = covariance.diagonal(dim1=1, dim2=2).mean(1).view(-1, 1, 1)
    covariance = (1 - shrinkage) * covariance + shrinkage * level * torch.eye(size, device=unit.device)
    values, axes = torch.linalg.eigh(covariance)
    return unit.mean(0).float(), (axes * values.rsqrt().unsqueeze(1) @ axes.transpose(1, 2)).float()


def moved(vectors: Tensor, origin: Tensor | float, white: Tensor | None) -> Tensor:
    """Unit parts around an origin, whitened, at unit length again."""
    unit = F.normalize(vectors.float(), dim=-1) - origin
    if white is not None:
        unit = (unit.transpose(0, 1) @ white).transpose(0, 1)
    return F.normalize(unit, dim=-1)


def without_own(subjects: Tensor, passers: tuple[Tensor, Tensor]) -> Tensor:
    """For each subject the mean unit vector of the other people who passed the same camera: (vectors, subjects)."""
    unit = F.normalize(passers[0].float(), dim=-1)
    others = (subjects[:, None] != passers[1][None]).float()
    return torch.einsum("ij,jpf->ipf", others / others.sum(1, keepdim=True).clamp_min(1), unit)


WAYS = ("none", "whitened", "site", "site_whitened")


def _ways(
    groups: dict[str, tuple[Tensor, Tensor]],
    white: tuple[Tensor, Tensor],
    passers: dict[str, tuple[Tensor, Tensor]],
) -> dict[str, dict[str, Tensor]]:
    """Vectors of each group by each way of scoring; `passers` are all who passed the group's camera that way."""
    mean, root = white
    found: dict[str, dict[str, Tensor]] = {way: {} for way in WAYS}
    for name, (vectors, subjects) in groups.items():
        site = without_own(subjects, passers[name])
        found["none"][name] = moved(vectors, 0.0, None)
        found["whitened"][name] = moved(vectors, mean, root)
        found["site"][name] = moved(vectors, site, None)
        found["site_whitened"][name] = moved(vectors, site, root)
    return found


class Real:
    """The recordings, ready to be embedded and scored."""

    def __init__(self, file: Path, device: torch.device, unpack) -> None:
        with np.load(file, allow_pickle=False) as stored:
            kth = torch.from_numpy(stored["kth"]).to(device)
            self.clips = list(kth.split(stored["kth_lengths"].tolist()))
            self.labels = [label.split("/") for label in stored["kth_labels"].tolist()]
            self.usf = {
                name: (torch.from_numpy(stored[f"usf_{name}"]).to(device), stored[f"usf_{name}_subjects"])
                for name in ("gallery", "A", "B", "D")
            }
        self.device, self.unpack = device, unpack

    def score(self, embed, white: tuple[Tensor, Tensor], step: int = 1) -> dict[str, dict[str, float]]:
        """Rank-1 in percent, way -> column; `embed` takes bits (clip, time, 352), `step` thins frames of 25 Hz out."""
        return {
            way: kth | usf
            for way, kth, usf in zip(WAYS, self._kth(embed, white, step), self._usf(embed, white), strict=True)
        }

    def _kth(self, embed, white, step) -> list[dict[str, float]]:
        vectors = torch.cat([embed(clip[None, ::step]) for clip in self.clips])
        subject = torch.tensor([int(one[0]) for one in self.labels], device=self.device)
        place = [one[1].split("-") + [one[2]] for one in self.labels]
        groups, where = {}, {}
        for condition in PROBES:
            for view in ("left", "right"):
                at = [i for i, one in enumerate(place) if one[0] == condition and one[2] == view]
                where[condition, view] = at
                groups[condition, view] = (vectors[at], subject[at])
        passers = dict(groups)
        for view in ("left", "right"):  # a camera cannot know that somebody wears other clothes than usually
            pair = [groups["outdoor", view], groups["clothes", view]]
            together = (torch.cat([one[0] for one in pair]), torch.cat([one[1] for one in pair]))
            passers["outdoor", view] = passers["clothes", view] = together
        results = []
        for found in _ways(groups, white, passers).values():
            right = {condition: [] for condition in PROBES}
            for view in ("left", "right"):
                at = where["outdoor", view]
                known = [k for k, i in enumerate(at) if place[i][1] == "01"]
                gallery, names = found["outdoor", view][known], subject[at][known]
                for condition in PROBES:
                    own = where[condition, view]
                    probes = [k for k, i in enumerate(own) if condition != "outdoor" or place[i][1] != "01"]
                    nearest = torch.einsum("ipf,jpf->ij", found[condition, view][probes], gallery).argmax(1)
                    right[condition] += (names[nearest] == subject[own][probes]).float().tolist()
            numbers = {condition: 100 * float(np.mean(hits)) for condition, hits in right.items()}
            results.append(numbers | {"kth": float(np.mean(list(numbers.values())))})
        return results

    def _usf(self, embed, white) -> list[dict[str, float]]:
        groups = {}
        for name, (bits, subjects) in self.usf.items():
            keep = np.flatnonzero(subjects > 0)
            names, index = np.unique(subjects[keep], return_inverse=True)
            index = torch.from_numpy(index).to(self.device)
            vectors = torch.cat([embed(some) for some in bits[torch.from_numpy(keep).to(self.device)].split(512)])
            unit = F.normalize(vectors.float(), dim=-1)
            means = torch.zeros(len(names), *unit.shape[1:], device=self.device).index_add_(0, index, unit)
            groups[name] = (means / index.bincount().view(-1, 1, 1), torch.from_numpy(names).to(self.device))
        results = []
        for found in _ways(groups, white, groups).values():
            numbers = {}
            for name in ("A", "B", "D"):
                near = torch.einsum("ipf,jpf->ij", found[name], found["gallery"]).argmax(1)
                hits = groups["gallery"][1][near] == groups[name][1]
                numbers[name] = 100 * float(hits.float().mean())
            results.append(numbers | {"usf": float(np.mean(list(numbers.values())))})
        return results

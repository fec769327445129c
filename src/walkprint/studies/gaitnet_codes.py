"""What the codes of a disentangling network reveal: linear probes for who walks, in what, and at which phase.

A probe is a ridge regression onto one-hot classes, or onto the cosine and sine of a phase, always tested on sequences
or people that it did not see.

Source: linear probes after Alain, Bengio, "Understanding intermediate layers using linear classifier probes", 2016.
Deviations: ridge regression in closed form instead of logistic regression; rare classes weigh as much as frequent ones.
"""

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from walkprint.core.sequence import SequenceKey
from walkprint.data.packed import Packed
from walkprint.data.walkers import Variety
from walkprint.data.walkers.people import person, walk
from walkprint.data.walkers.render import FRAME_RATE_HZ
from walkprint.networks.gaitnet import GaitNet, wear

Floats = NDArray[np.float64]
CODES = ("appearance", "canonical", "pose", "gait")
_RIDGE = 1.0


@torch.no_grad()
def codes_of(network: GaitNet, people: Packed, keys: Sequence[SequenceKey]) -> dict[str, list[Floats]]:
    """Codes by name, (time, feature) for every sequence; "gait" is the gait feature, (1, feature)."""
    found: dict[str, list[Floats]] = {name: [] for name in CODES}
    device = next(network.parameters()).device
    for key in keys:
        frames = network.prepare(torch.from_numpy(people.store().read(key).frames)[None].to(device))
        codes = network.eval().encode(frames)
        gait = network.gait_features(codes.pose)[:, None]
        for name, code in zip(CODES, (codes.appearance, codes.canonical, codes.pose, gait), strict=True):
            if code is not None:
                found[name].append(code[0].double().cpu().numpy())
    return {name: some for name, some in found.items() if some}


def probes(codes: Mapping[str, Sequence[Floats]], people: Packed, keys: Sequence[SequenceKey]) -> dict[str, Any]:
    """What each code reveals of test people.

    Args:
        codes: see `codes_of`.
        people: the rendered people.
        keys: of the sequences.

    Returns:
        "subject", "clothes", "phase" -> code -> number. Subject: share of sequences that a probe classifies correctly
        which learned from other takes of the same people. Clothes: share of correct conditions, equally weighted, of
        people that the probe never saw. Phase: share of the variance of the phase of the step that is explained, of
        people that the probe never saw; negative if the probe is worse than the mean.
    """
    names = sorted({key.subject for key in keys})
    subject = np.array([names.index(key.subject) for key in keys])
    conditions = sorted({key.condition for key in keys})
    condition = np.array([conditions.index(key.condition) for key in keys])
    odd_take = np.array([int(key.take) % 2 == 1 for key in keys])
    half = subject % 2 == 0
    phases = [_step_phase(people, key, len(clip)) for key, clip in zip(keys, codes["pose"], strict=True)]
    table: dict[str, dict[str, float]] = {"subject": {}, "clothes": {}, "phase": {}}
    for name, clips in codes.items():
        means = np.stack([clip.mean(axis=0) for clip in clips])
        table["subject"][name] = _share_right(means, subject, odd_take)
        table["clothes"][name] = _share_right(means, condition, half)
        if name != "gait":
            table["phase"][name] = _explained(clips, phases, half)
    table["subject"]["chance"], table["clothes"]["chance"] = 1 / len(names), 1 / len(conditions)
    table["phase"]["chance"] = 0.0
    return table


def swapped(network: GaitNet, people: Packed, looks: Sequence[SequenceKey], poses: SequenceKey, count: int) -> Any:
    """Pictures that take appearance and body from one clip each and poses from another.

    Args:
        network: trained.
        people: on a store.
        looks: a row for each, from its first frame.
        poses: `count` frames evenly over one step's time and more.
        count: of columns.

    Returns:
        uint8 (row, column, height, width, channel); the first row and column hold what went in.
    """
    with torch.no_grad():
        network.eval()
        prepared = [network.prepare(torch.from_numpy(people.store().read(key).frames)[None]) for key in (*looks, poses)]
        donor = prepared[-1]
        chosen = np.linspace(0, donor.shape[1] - 1, count).round().astype(int).tolist()
        moving = network.encode(donor[:, chosen])
        rows = [torch.cat([torch.zeros_like(donor[0, :1]), donor[0, chosen]])]
        for frames in prepared[:-1]:
            still = network.encode(frames[:, :1])
            dressed = wear(type(still)(
                still.appearance.expand(-1, count, -1), moving.pose,
                None if still.canonical is None else still.canonical.expand(-1, count, -1),
            ), torch.zeros(1, dtype=torch.int64))  # fmt: skip
            rows.append(torch.cat([frames[0, :1], network.decode(dressed)[0]]))
    pictures = torch.stack(rows).mul(255).round().to(torch.uint8)
    return pictures.permute(0, 1, 3, 4, 2).numpy()


def plane(points: Floats) -> Floats:
    """Points on a plane, neighbors beside each other, by t-SNE: (point, feature) to (point, 2).

    Args:
        points: e.g. one code of each clip; it starts from the two directions in which they differ most.
    """
    manifold = importlib.import_module("sklearn.manifold")  # of the extra `studies`, and slow to load
    nearby = min(30.0, (len(points) - 1) / 3)
    return np.asarray(manifold.TSNE(perplexity=nearby, init="pca", random_state=0).fit_transform(points))


def _step_phase(people: Packed, key: SequenceKey, frames: int) -> Floats:
    """Cosine and sine of the phase of the step, two steps a cycle: (time, 2)."""
    seed, variety = people.settings["seed"], Variety(**people.settings["variety"])
    shown = walk(seed, key, person(seed, key.subject, variety), variety)
    cycles = shown.start + shown.gait.style.cadence_hz * np.arange(frames) / FRAME_RATE_HZ
    return np.stack([np.cos(4 * np.pi * cycles), np.sin(4 * np.pi * cycles)], axis=1)


def _share_right(points: Floats, labels: NDArray[np.int64], learn: NDArray[np.bool_]) -> float:
    """Share classified correctly by a probe that learned from some of the points, mean over classes."""
    hot = np.eye(int(labels.max()) + 1)[labels]
    weights = 1 / hot[learn].sum(axis=0)[labels[learn]]
    named = _ridge(points[learn], hot[learn], points[~learn], weights).argmax(axis=1)
    right = named == labels[~learn]
    return float(np.mean([right[labels[~learn] == one].mean() for one in np.unique(labels[~learn])]))


def _explained(clips: Sequence[Floats], phases: Sequence[Floats], learn: NDArray[np.bool_]) -> float:
    def joined(some: Sequence[Floats], wanted: bool) -> Floats:
        return np.concatenate([one for one, is_learned in zip(some, learn, strict=True) if is_learned == wanted])

    truth = joined(phases, False)
    guess = _ridge(joined(clips, True), joined(phases, True), joined(clips, False))
    return float(1 - ((guess - truth) ** 2).sum() / ((truth - truth.mean(axis=0)) ** 2).sum())


def _ridge(points: Floats, targets: Floats, at: Floats, weights: Floats | None = None) -> Floats:
    """Targets at other points, by ridge regression on standardized features; points count as they weigh."""
    share = np.ones(len(points)) if weights is None else weights * len(points) / weights.sum()
    mean, level = (np.average(one, axis=0, weights=share) for one in (points, targets))
    spread = np.sqrt(np.average((points - mean) ** 2, axis=0, weights=share)) + 1e-9
    scaled = (points - mean) / spread
    normal = scaled.T @ (share[:, None] * scaled) + _RIDGE * np.eye(scaled.shape[1])
    slopes = np.linalg.solve(normal, scaled.T @ (share[:, None] * (targets - level)))
    return np.asarray((at - mean) / spread @ slopes + level)

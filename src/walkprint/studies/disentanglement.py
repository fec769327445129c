"""Study of disentanglement: what GaitNet's codes hold, what each of its losses does, and how it compares.

Every variant and network sees the same rendered people, in color or, where it takes silhouettes, as masks. Seeds differ
in people, first weights and batches.
"""

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from walkprint.core.bounds import Checked, Count, Frames, NonNegative, Positive, Subjects, Width
from walkprint.core.distance import Metric
from walkprint.core.embedding import EmbeddingSet
from walkprint.core.errors import RecipeError
from walkprint.core.sequence import SequenceKey
from walkprint.data.packed import Packed
from walkprint.evaluation import Scoring, verify
from walkprint.losses.disentanglement import RECOMMENDED_WEIGHTS
from walkprint.networks.base import Network
from walkprint.networks.gaitnet import GaitNet
from walkprint.studies.gaitnet_codes import codes_of, plane, probes, swapped
from walkprint.studies.grid import Cell, Numbers
from walkprint.studies.networks import check_networks, narrow
from walkprint.studies.recognition import PLAIN_IDENTITY, TRIPLET, WALKERS, embedded, rendered_people, scores, trained
from walkprint.studies.settings import check_names, check_size

FULL = "full"
VARIANTS = {
    FULL: {}, "last output": {"pooling": "last"}, "even weights": {"weights": "even"},
    "no reconstruction": {"without": "reconstruction"}, "no similarity": {"without": "similarity"},
    "no identity": {"without": "identity"}, "no canonical": {"without": "canonical"},
}  # fmt: skip
OTHERS = ("GaitNet on silhouettes", "GaitSet", "GaitBase", "GEINet")
SECTIONS = ("ablation", "networks", "frontal")
EMBEDDING, EVERYTHING = "body and gait", "all codes"
READINGS = {
    EMBEDDING: ("canonical", "gait"), "body alone": ("canonical",), "gait alone": ("gait",),
    "appearance alone": ("appearance",), EVERYTHING: ("appearance", "canonical", "gait"),
}  # fmt: skip
"""What of GaitNet is compared -> which of its codes, each at length 1, side by side; the first is its embedding."""

QUICK: dict[str, Any] = {
    "variants": (FULL, "no similarity"), "others": ("GEINet",), "seeds": 2, "steps": 3, "subjects": 9,
    "takes_frames": 6, "width": 4, "frames": 4, "subjects_per_batch": 3,
}  # fmt: skip
_CLASSES = {
    "reconstruction": "CrossReconstructionLoss", "similarity": "PoseSimilarityLoss",
    "identity": "IncrementalIdentityLoss", "canonical": "CanonicalConsistencyLoss",
}  # fmt: skip
# Short trainings see their reconstructions too late otherwise: the error is small in numbers.
_WEIGHTS = RECOMMENDED_WEIGHTS | {"reconstruction": 100.0}
_ROWS, _COLUMNS = 6, 10


@dataclass(frozen=True, slots=True, kw_only=True)
class DisentanglementStudy(Checked):
    """What the study compares, and how large.

    Attributes:
        variants: names, see `VARIANTS`.
        others: names of any networks, your own by dotted path, and "GaitNet on silhouettes".
        sections: "ablation" (variants of GaitNet, with probes of their codes), "networks" (the others) and "frontal"
            (people before FVG's camera).
        seeds: how many, from 0.
        steps: of training.
        subjects: rendered people; the last third are for testing.
        views: of the camera, degrees.
        takes_frames: frames of a rendered clip.
        width: channels of the networks' first block.
        frames: of a training clip.
        subjects_per_batch: with two clips each for GaitNet, four for the others.
        learning_rate, weight_decay: of AdamW; one cycle.
    """

    variants: tuple[str, ...] = tuple(VARIANTS)
    others: tuple[str, ...] = OTHERS
    sections: tuple[str, ...] = SECTIONS
    seeds: Count = 3
    steps: Count = 600
    subjects: Subjects = 150
    views: tuple[str, ...] = ("054", "090")
    takes_frames: Frames = 30
    width: Width = 16
    frames: Frames = 10
    subjects_per_batch: Count = 8
    learning_rate: Positive = 2e-3
    weight_decay: NonNegative = 5e-4

    def __post_init__(self) -> None:
        Checked.__post_init__(self)
        check_names("variant", self.variants, VARIANTS, perhaps_none=True)
        check_names("section", self.sections, SECTIONS, perhaps_none=True)
        for name in {*self.others} - {OTHERS[0]}:
            check_networks([name])
        if "ablation" in self.sections and importlib.util.find_spec("sklearn") is None:
            raise RecipeError(
                "study: the section ablation maps codes with scikit-learn: pip install 'walkprint[studies]'"
            )
        check_size(self.seeds, self.steps, self.subjects, self.train, self.subjects_per_batch)
        if FULL not in self.variants:
            object.__setattr__(self, "variants", (FULL, *self.variants))

    @property
    def train(self) -> int:
        """How many of the rendered people train."""
        return self.subjects * 2 // 3

    def cells(self) -> list[Cell]:
        """All of them."""
        named = {"ablation": self.variants, "networks": self.others, "frontal": (FULL,)}
        return [
            self._cell(section, name, seed)
            for seed in range(self.seeds)
            for section in self.sections
            for name in named[section]
        ]

    def _cell(self, section: str, name: str, seed: int) -> Cell:
        people: dict[str, Any] = {"seed": seed, "subjects": self.subjects, "train": self.train}
        people |= {"frames": self.takes_frames} | ({} if section == "frontal" else {"views": list(self.views)})
        ours = section != "networks" or name == OTHERS[0]
        recipe = {
            "people": people,
            "train": self.train,
            "frames": self.frames,
            "steps": self.steps,
            "subjects_per_batch": self.subjects_per_batch,
            "clips_per_subject": 2 if ours else 4,
            "conditions": "even" if ours else "any",
            "learning_rate": self.learning_rate,
            "weight_decay": self.weight_decay,
            "seed": seed,
            **(self._gaitnet(VARIANTS.get(name, {}), section) if ours else self._other(name)),
        }
        kind = {"ablation": "ColorWalkers", "networks": "Walkers", "frontal": "FrontalWalkers"}[section]
        settings = {"section": section, "name": name, "seed": seed, "kind": kind, "recipe": recipe}
        return Cell(f"{section}-{name.lower().replace(' ', '-')}-seed{seed}", settings)

    def _gaitnet(self, change: Mapping[str, str], section: str) -> dict[str, Any]:
        """GaitNet with three codes on the quicker of its encoders, narrow."""
        settings = {
            "num_subjects": self.train, "variant": "cvpr", "channels": 1 if section == "networks" else 3,
            "width": self.width, "codes": [4 * self.width, 2 * self.width, 2 * self.width], "hidden": 8 * self.width,
            "pooling": change.get("pooling", "mean"),
        }  # fmt: skip
        losses = {name: {"class_path": kind, "init_args": {}} for name, kind in _CLASSES.items()}
        losses["identity"]["init_args"] = {"weights": change.get("weights", "square")}
        without = change.get("without")
        return {
            "network": {"class_path": "GaitNet", "init_args": settings},
            "losses": {name: one for name, one in losses.items() if name != without},
            "loss_weights": {name: one for name, one in _WEIGHTS.items() if name != without},
        }

    def _other(self, name: str) -> dict[str, Any]:
        """A network of silhouettes with what serves it in short trainings, where cross entropy costs coats."""
        losses = {"identity": PLAIN_IDENTITY} if name == "GEINet" else {"triplet": TRIPLET}
        network = narrow(name, 64, self.width, self.train)
        return {"network": network, "losses": losses, "loss_weights": dict.fromkeys(losses, 1.0)}


def compute(cell: Cell, out: Path) -> Numbers:
    """Train one network, test it, and look into its codes."""
    settings, recipe = cell.settings, cell.settings["recipe"]
    people, network = learned(cell, out)
    if not isinstance(network, GaitNet):
        return {"figures": {EMBEDDING: _figures(embedded(network, people), people, "euclidean")}}
    keys = people.keys("test")
    codes = codes_of(network, people, keys)
    means = {name: np.stack([clip.mean(axis=0) for clip in clips]) for name, clips in codes.items()}
    numbers: Numbers = {
        "figures": {
            reading: _figures(joined([means[name] for name in names], keys), people, "cosine")
            for reading, names in READINGS.items()
        }
    }
    if settings["section"] == "ablation":
        numbers["probes"] = probes(codes, people, keys)
        if settings["name"] == FULL and recipe["seed"] == 0:
            numbers["planes"] = {name: plane(means[name]).round(4).tolist() for name in ("appearance", "gait")}
            numbers["keys"] = [str(key) for key in keys]
    return numbers


def joined(codes: Sequence[NDArray[np.float64]], keys: Sequence[SequenceKey]) -> EmbeddingSet:
    """Codes (sequence, feature), each brought to length 1, side by side: their cosine is the mean of the codes'."""
    directions = [code / np.linalg.norm(code, axis=1, keepdims=True).clip(1e-12) for code in codes]
    return EmbeddingSet(np.concatenate(directions, axis=1)[:, None].astype(np.float32), tuple(keys))


def learned(cell: Cell, out: Path) -> tuple[Packed, Network]:
    """The people of a cell and its network, trained unless it was."""
    recipe = cell.settings["recipe"]
    people = rendered_people(recipe["people"], out, kind=WALKERS[cell.settings["kind"]])
    network, _ = trained(recipe, people, out)
    return people, network


def swap_grid(cell: Cell, out: Path) -> Any:
    """Pictures of the network of a cell of the section "ablation": looks from rows, poses from columns.

    Returns:
        uint8 (row, column, height, width, channel); the first row and column hold what went in.
    """
    people, network = learned(cell, out)
    assert isinstance(network, GaitNet)
    keys = [key for key in people.keys("test") if key.view == people.settings["views"][-1]]
    looks = [key for key in keys if key.take == "01" and key.condition in ("nm", "cl")]
    names = sorted({key.subject for key in looks})
    donor = next(key for key in keys if key.subject == names[-1] and key.condition == "nm")
    return swapped(network, people, looks[:_ROWS], donor, _COLUMNS)


def _figures(embeddings: EmbeddingSet, people: Packed, metric: Metric) -> dict[str, Any]:
    """Rank-1, EER and TAR by probe set."""
    protocol = next(iter(people.protocols.values()))
    scoring = Scoring(metric=metric, resamples=0)
    numbers = scores(embeddings, protocol, scoring)
    pairs = verify(embeddings, protocol, false_accept_rates=(0.05,), scoring=scoring)
    name = "TAR@FAR=5%"
    figures = {one: pairs.figure(one, name, "pooled").value for one in pairs.probe_sets}
    return numbers | {"TAR at FAR 5 %": {one: value for one, value in figures.items() if np.isfinite(value)}}


def conditions_of(keys: Sequence[str]) -> list[str]:
    """The condition of each key as written."""
    return [key.split("/")[1].split("-")[0] for key in keys]

"""Study of the generalized inter-class loss: which of its parts does what, on which network.

The parts: the weighted triplet's two effects, pulling and the automatic margin, each alone; the uniformity of classes
alone; all of them (margin form); and with pairwise softmax and cross entropy (softmax form). Two losses for open sets
can join the triplet or the margin form. The schedule is one for all. Seeds differ in people, first weights and batches;
variants of one seed share all three.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from walkprint.core.bounds import Checked, Count, Fraction, Frames, NonNegative, Positive, SizePx, Subjects, Width
from walkprint.core.protocol import Protocol
from walkprint.studies.geometry import geometry
from walkprint.studies.grid import Cell, Numbers
from walkprint.studies.networks import check_networks, full, narrow
from walkprint.studies.real_masks import STREET, real_scores
from walkprint.studies.recognition import (
    IDENTITY,
    PLAIN_IDENTITY,
    TRIPLET,
    embedded,
    rendered_people,
    scores,
    trained,
    training_curve,
)
from walkprint.studies.settings import check_names, check_real, check_size
from walkprint.training.loop import Precision

BASELINE, MARGIN_FORM, SOFTMAX_FORM = "triplet", "margin-form", "softmax-form"
NETWORKS = ("GaitSet", "GaitPart", "GaitGL", "GaitBase")
SECTIONS = ("compare", "subjects", "real")
_UNIFORMITY = {"class_path": "ClassUniformityLoss", "init_args": {}}
_SOFTMAX = {"class_path": "PairwiseSoftmaxLoss", "init_args": {"temperature": 0.1}}
_DETECTION = {"class_path": "IdentificationDetectionLoss", "init_args": {}}
_THRESHOLD = {"class_path": "RelativeThresholdLoss", "init_args": {}}
_THRESHOLD_WEIGHT = 4.0  # as released


def _weighted(acting: str) -> dict[str, Any]:
    return {"class_path": "WeightedTripletLoss", "init_args": {"margin": 0.2, "acting": acting}}


LOSSES: dict[str, dict[str, Any]] = {
    BASELINE: {"triplet": TRIPLET},
    "weighting": {"triplet": _weighted("pull")},
    "uniformity": {"triplet": TRIPLET, "uniformity": _UNIFORMITY},
    "automatic-margin": {"triplet": _weighted("margin")},
    MARGIN_FORM: {"triplet": _weighted("both"), "uniformity": _UNIFORMITY},
    SOFTMAX_FORM: {
        "triplet": _weighted("both"),
        "uniformity": _UNIFORMITY,
        "softmax": _SOFTMAX,
        "identity": IDENTITY,
    },
    # Not among the default ones: with losses for open sets, and controls.
    "triplet-open": {"triplet": TRIPLET, "detection": _DETECTION, "threshold": _THRESHOLD},
    "margin-detection": {"triplet": _weighted("both"), "uniformity": _UNIFORMITY, "detection": _DETECTION},
    "margin-threshold": {"triplet": _weighted("both"), "uniformity": _UNIFORMITY, "threshold": _THRESHOLD},
    "weighted-triplet": {"triplet": _weighted("both")},
    "triplet-identity": {"triplet": TRIPLET, "identity": IDENTITY},
}
DEFAULT_LOSSES = tuple(LOSSES)[:6]
QUICK: dict[str, Any] = {
    "networks": ("GaitSet", "GaitPart"), "losses": (BASELINE, MARGIN_FORM, SOFTMAX_FORM), "seeds": 2, "steps": 4,
    "subjects": 9, "views": ("072", "108"), "takes_frames": 8, "width": 4, "frames": 6, "subjects_per_batch": 3,
    "clips_per_subject": 2, "street_subjects": 4,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class InterClassStudy(Checked):
    """What the study compares, and how large.

    Attributes:
        networks: names of any networks, your own by dotted path.
        losses: names, see `LOSSES`; the baseline is added.
        seeds: how many, from 0.
        sections: "compare", "subjects" (rank-1 against the number of training subjects; the first network only) and
            "real" (real masks; the first network only).
        steps: of training.
        subjects: rendered people; the last third are for testing.
        views: of the camera, degrees.
        takes_frames: frames of a rendered clip.
        size_px: height of the frames.
        width: channels of the networks' first block; as published, with batch normalization in all, when None.
        frames: of a training clip.
        subjects_per_batch, clips_per_subject: of a batch.
        optimizer: "adamw" with one cycle of the learning rate; or "sgd" with momentum 0.9, the rate divided by 10
            after a third, two thirds and five sixths of the steps, as published.
        learning_rate, weight_decay: of the optimizer.
        precision: of the computation.
        uniformity: weight of the uniformity of classes. `GeneralizedInterClassLoss` has 0.1, which is too much for
            GaitPart in trainings this short (tried on people of a seed that the study does not use).
        real: folder of real masks, or None.
        protocol: for them.
        street_subjects: rendered people that the networks for real masks learn from.
        training_subjects: shares of the training subjects, of the section "subjects".
    """

    networks: tuple[str, ...] = NETWORKS
    losses: tuple[str, ...] = DEFAULT_LOSSES
    seeds: Count = 3
    sections: tuple[str, ...] = ("compare", "subjects")
    steps: Count = 400
    subjects: Subjects = 60
    views: tuple[str, ...] = ("036", "072", "108", "144")
    takes_frames: Frames = 30
    size_px: SizePx = 32
    width: Width | None = 16
    frames: Frames = 9
    subjects_per_batch: Count = 8
    clips_per_subject: Count = 4
    optimizer: Literal["adamw", "sgd"] = "adamw"
    learning_rate: Positive = 1e-3
    weight_decay: NonNegative = 5e-4
    precision: Precision = "32-true"
    uniformity: NonNegative = 0.03
    real: Path | None = None
    protocol: Protocol | None = None
    street_subjects: Subjects = 200
    training_subjects: tuple[Fraction, ...] = (0.25, 0.5, 1.0)

    def __post_init__(self) -> None:
        Checked.__post_init__(self)
        check_names("loss", self.losses, LOSSES)
        check_names("section", self.sections, SECTIONS)
        check_networks(self.networks)
        check_real(self.sections, self.real, self.protocol)
        check_size(self.seeds, self.steps, self.subjects, self.train, self.subjects_per_batch)
        if BASELINE not in self.losses:
            object.__setattr__(self, "losses", (BASELINE, *self.losses))

    @property
    def train(self) -> int:
        """How many of the rendered people train."""
        return self.subjects * 2 // 3

    def cells(self) -> list[Cell]:
        """All of them, the costly ones spread evenly so that shares take equally long."""
        cells = [cell for seed in range(self.seeds) for section in self.sections for cell in self._cells(section, seed)]
        return list({cell.name: cell for cell in cells}.values())

    def _cells(self, section: str, seed: int) -> Iterable[Cell]:
        if section == "compare":
            for network in self.networks:
                for loss in self.losses:
                    yield self._cell(section, network, loss, seed, self.train)
        elif section == "subjects":
            for share in self.training_subjects:
                for loss in self.main_losses:
                    count = max(round(share * self.train), self.subjects_per_batch)
                    yield self._cell(section, self.networks[0], loss, seed, count)
        else:
            for loss in self.losses:
                yield self._cell(section, self.networks[0], loss, seed, self.street_subjects)

    @property
    def main_losses(self) -> Sequence[str]:
        """The baseline and the full forms."""
        return [name for name in self.losses if name in (BASELINE, MARGIN_FORM, SOFTMAX_FORM)]

    def _cell(self, section: str, network: str, loss: str, seed: int, train: int) -> Cell:
        people: dict[str, Any] = {"seed": seed, "frames": self.takes_frames, "size_px": self.size_px}
        if section == "real":
            people |= {"subjects": train, "train": train, **STREET}
        else:
            people |= {"subjects": self.subjects, "train": self.train, "views": list(self.views)}
        losses, weights = self.terms(network, loss), {"uniformity": self.uniformity, "threshold": _THRESHOLD_WEIGHT}
        sized = partial(narrow, width=self.width) if self.width is not None else full
        recipe = {
            "network": sized(network, self.size_px, num_subjects=train),
            "losses": losses,
            "loss_weights": {name: weights.get(name, 1.0) for name in losses},
            "people": people,
            "train": train,
            "frames": self.frames,
            "steps": self.steps,
            "subjects_per_batch": self.subjects_per_batch,
            "clips_per_subject": self.clips_per_subject,
            "learning_rate": self.learning_rate,
            "weight_decay": self.weight_decay,
            "seed": seed,
        }
        usual = {"optimizer": "adamw", "precision": "32-true"}
        recipe |= {name: getattr(self, name) for name, one in usual.items() if getattr(self, name) != one}
        settings = {
            "section": section,
            "network": network,
            "loss": loss,
            "seed": seed,
            "train": train,
            "recipe": recipe,
        }
        if section == "real":
            assert self.protocol is not None
            settings |= {"real": str(self.real), "protocol": self.protocol.to_dict()}
        count = f"-{train}" if section == "subjects" else ""
        return Cell(f"{section}-{network.lower()}-{loss}{count}-seed{seed}", settings)

    @staticmethod
    def terms(network: str, loss: str) -> dict[str, Any]:
        """A loss's terms; the logits of GaitGL are no cosines and go without scale."""
        terms = dict(LOSSES[loss])
        if network == "GaitGL" and "identity" in terms:
            terms["identity"] = PLAIN_IDENTITY
        return terms


def compute(cell: Cell, out: Path) -> Numbers:
    """Train one network with one loss, and test it."""
    settings = cell.settings
    recipe = settings["recipe"]
    people = rendered_people(recipe["people"], out)
    network, run = trained(recipe, people, out)
    if settings["section"] == "real":
        size_px, protocol = recipe["people"]["size_px"], Protocol.from_dict(settings["protocol"])
        return real_scores(network, Path(settings["real"]), size_px, protocol, out, strangers=True)
    embeddings = embedded(network, people)
    numbers = scores(embeddings, next(iter(people.protocols.values())), strangers=True)
    margin = training_curve(run, "automatic_margin")
    return numbers | {"geometry": geometry(embeddings), "margin": [list(point) for point in margin]}

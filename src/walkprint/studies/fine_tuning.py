"""Study of fine-tuning: what rendered people bring to a benchmark of real ones, and how many real people are needed.

Section "clothes": a network learns from rendered people, then from real people in normal walking alone; what does it
reach on people in coats? Compared with either alone. Section "people": k real people, in all their conditions, are
added to rendered ones. A seed is other rendered people, other first weights and batches, and other real people where
the data have no split of their own.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from walkprint.core.bounds import Checked, Count, CountOrZero, Frames, NonNegative, Positive, SizePx, Subjects, Width
from walkprint.core.errors import RecipeError
from walkprint.core.protocol import Protocol
from walkprint.core.sequence import Clip
from walkprint.data.packed import Packed
from walkprint.data.store import META_NAME
from walkprint.data.writing import StoreWriter
from walkprint.evaluation import Scoring
from walkprint.networks.base import Network
from walkprint.recipes.recipe import load_recipe
from walkprint.recipes.trained import load_network
from walkprint.recipes.training import train
from walkprint.studies.grid import Cell, Numbers, digest, made_once
from walkprint.studies.networks import check_networks, narrow
from walkprint.studies.real_masks import STREET, real_people
from walkprint.studies.recognition import IDENTITY, TRIPLET, embedded, ordinary_recipe, rendered_people, scores, trained
from walkprint.studies.settings import check_names
from walkprint.training.run import RunFolder

SECTIONS = ("clothes", "people")
RENDERED, NORMAL, BOTH = "rendered people", "normal walking", "rendered people, then normal walking"
_LOSSES = {"triplet": TRIPLET, "identity": IDENTITY}
QUICK: dict[str, Any] = {
    "seeds": 2, "steps": 3, "tuning_steps": 2, "subjects": 6, "companions": 4, "stand_ins": 5, "test_people": 3,
    "people": (0, 1), "views": ("072", "108"), "takes_frames": 8, "size_px": 32, "width": 4, "frames": 6,
    "subjects_per_batch": 3, "clips_per_subject": 2,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class FineTuningStudy(Checked):
    """What the study compares, and how large.

    Attributes:
        real: packed store of real people, such as CASIA-B, or a folder of masks; None takes rendered stand-ins.
        protocol: for them; the store's own when None.
        normal: the conditions of real people that "clothes" learns.
        people: how many real people "people" adds.
        test_people: so many of the real people test, drawn anew for each seed; the split of the store when None.
        init: a network to begin with, as of a recipe, instead of one that the study trains on rendered people.
        sections: "clothes", "people".
        network: name of any network, your own by dotted path; that of `init` where it is given.
        seeds: how many, from 0.
        steps: of training on rendered people, and on normal walking alone.
        tuning_steps: of every fine-tuning.
        subjects: rendered people.
        companions: rendered people beside the added real ones.
        stand_ins: rendered people in place of real ones.
        views: of the camera, degrees.
        street: rendered people as for the KTH recordings, from the side; `views` do not count then.
        takes_frames: frames of a rendered clip.
        size_px: height of the frames.
        width: channels of the network's first block.
        frames: of a training clip.
        subjects_per_batch, clips_per_subject: of a batch; fewer subjects where there are not so many.
        learning_rate, tuning_rate, weight_decay: of AdamW; one cycle.
        center: move gallery and each probe set to mean zero before they are compared by the cosine of unit parts.
    """

    real: Path | None = None
    protocol: Protocol | None = None
    normal: tuple[str, ...] = ("nm",)
    people: tuple[CountOrZero, ...] = (0, 1, 5, 20)
    test_people: Count | None = None
    init: str | None = None
    sections: tuple[str, ...] = SECTIONS
    network: str = "GaitSet"
    seeds: Count = 3
    steps: Count = 600
    tuning_steps: Count = 200
    subjects: Subjects = 200
    companions: Count = 40
    stand_ins: Subjects = 60
    views: tuple[str, ...] = tuple(f"{degrees:03d}" for degrees in range(0, 181, 18))
    street: bool = False
    takes_frames: Frames = 30
    size_px: SizePx = 64
    width: Width = 24
    frames: Frames = 10
    subjects_per_batch: Count = 8
    clips_per_subject: Count = 4
    learning_rate: Positive = 1e-3
    tuning_rate: Positive = 3e-4
    weight_decay: NonNegative = 5e-4
    center: bool = False

    def __post_init__(self) -> None:
        Checked.__post_init__(self)
        check_names("section", self.sections, SECTIONS)
        check_networks([self.network])
        if self.companions > self.subjects or self.subjects_per_batch > self.companions or not self.people:
            raise RecipeError(
                f"study: {self.subjects} rendered people, {self.companions} companions, {self.subjects_per_batch} in a "
                f"batch, {len(self.people)} numbers of real people; expected as many companions as a batch takes, no "
                "more than there are rendered people, and one number or more"
            )

    def cells(self) -> list[Cell]:
        """All of them, seed by seed."""
        return [cell for seed in range(self.seeds) for section in self.sections for cell in self._cells(section, seed)]

    def _cells(self, section: str, seed: int) -> Iterable[Cell]:
        if section == "clothes":
            for variant in (RENDERED, NORMAL, BOTH):
                yield self._cell(section, variant, seed, {"conditions": list(self.normal)})
        else:
            for count in self.people:
                variant = f"{count} real {'person' if count == 1 else 'people'}"
                yield self._cell(section, variant, seed, {"people": count, "companions": self.companions})

    def _cell(self, section: str, variant: str, seed: int, further: Mapping[str, Any]) -> Cell:
        rendered = {"seed": seed, "frames": self.takes_frames, "size_px": self.size_px}
        shape: Mapping[str, Any] = STREET if self.street else {"views": list(self.views)}
        schedule = {
            "losses": _LOSSES,
            "loss_weights": dict.fromkeys(_LOSSES, 1.0),
            "frames": self.frames,
            "clips_per_subject": self.clips_per_subject,
            "weight_decay": self.weight_decay,
            "seed": seed,
        }
        recipe = {
            **schedule,
            "network": narrow(self.network, self.size_px, self.width, self.subjects),
            "people": {**rendered, **shape, "subjects": self.subjects, "train": self.subjects},
            "train": self.subjects,
            "steps": self.steps,
            "subjects_per_batch": self.subjects_per_batch,
            "learning_rate": self.learning_rate,
        }
        stand_ins = {**rendered, **shape, "seed": 1000, "subjects": self.stand_ins, "train": self.stand_ins * 2 // 3}
        settings = {
            "section": section,
            "network": self.init or self.network,
            "variant": variant,
            "seed": seed,
            "init": self.init,
            "recipe": recipe,
            "tuning": {**schedule, "subjects_per_batch": self.subjects_per_batch, **self._pace(variant)},
            "real": stand_ins if self.real is None else str(self.real),
            "protocol": None if self.protocol is None else self.protocol.to_dict(),
            "test_people": self.test_people,
            "center": self.center,
            **further,
        }
        return Cell(f"{section}-{variant.replace(',', '').replace(' ', '-')}-seed{seed}", settings)

    def _pace(self, variant: str) -> dict[str, Any]:
        if variant == NORMAL:
            return {"steps": self.steps, "learning_rate": self.learning_rate}
        return {"steps": self.tuning_steps, "learning_rate": self.tuning_rate}


def compute(cell: Cell, out: Path) -> Numbers:
    """Train one network, and test it on real people."""
    settings = cell.settings
    real, training = _real(settings, out)
    rendered = rendered_people(settings["recipe"]["people"], out)
    begins = settings["init"]
    if begins is None and settings["variant"] != NORMAL:
        begins = str(trained(settings["recipe"], rendered, out)[1])
    if settings["section"] == "people":
        if settings["people"] > len(training):
            raise RecipeError(f"study: {settings['people']} real people to add, but {len(training)} do not test")
        network = _tuned(cell, _joined(rendered, real, training, settings, out), begins, out)
    elif settings["variant"] == RENDERED:
        network = load_network(begins)
    else:
        network = _tuned(cell, real, None if settings["variant"] == NORMAL else begins, out)
    plain = settings["protocol"]
    protocol = real.protocol() if plain is None else Protocol.from_dict(plain)
    scoring = Scoring(metric="cosine", normalize=True, center=settings["center"], resamples=0)
    return scores(embedded(network, real), protocol, scoring)


def _real(settings: Mapping[str, Any], out: Path) -> tuple[Packed, list[str]]:
    """The real people with the split of this seed, and its training people, in the order in which they are added."""
    found, size_px = settings["real"], settings["recipe"]["people"]["size_px"]
    real = real_people(Path(found), size_px, out) if isinstance(found, str) else rendered_people(found, out)
    rng = np.random.default_rng(settings["seed"])
    training = list(real.subjects("train"))
    if settings["test_people"] is not None:
        everyone = rng.permutation(sorted({key.subject for key in real.keys("all")})).tolist()
        if settings["test_people"] > len(everyone) - 2:
            raise RecipeError(f"study: {settings['test_people']} of {len(everyone)} people to test; leave two or more")
        training = everyone[settings["test_people"] :]
        real = Packed(real.root, train=training)
    return real, rng.permutation(training).tolist()


def _joined(rendered: Packed, real: Packed, training: Sequence[str], settings: Mapping[str, Any], out: Path) -> Packed:
    """A store of rendered companions and some real people, all of them for training."""
    companions = rendered.subjects("train")[: settings["companions"]]
    names = {"real": sorted(training[: settings["people"]]), "rendered": companions}
    stores = {"real": str(real.root.resolve()), "rendered": str(rendered.root.resolve())}
    path = out / "stores" / f"joined-{digest({'names': names, 'stores': stores})}"
    everyone = [f"{side}-{name}" for side, some in names.items() for name in some]

    def write() -> None:
        with StoreWriter(path, dataset="Folder", further={"train": everyone, "protocols": []}) as writer:
            for side, source in (("real", real), ("rendered", rendered)):
                for key in source.keys("train"):
                    if key.subject in set(names[side]):
                        frames = source.store().read(key).frames
                        writer.add(Clip(frames, replace(key, subject=f"{side}-{key.subject}")))

    made_once(path / META_NAME, write)
    return Packed(path)


def _tuned(cell: Cell, data: Packed, begins: str | None, out: Path) -> Network:
    """A network that went on learning from the training people of a data set, with a head of their number."""
    settings, names = cell.settings, data.subjects("train")
    network = settings["recipe"]["network"]
    if settings["init"] is not None:
        like = load_network(settings["init"])
        network = {"class_path": like.class_path, "init_args": like.init_args}
    tuning = settings["tuning"]
    recipe = ordinary_recipe(
        {
            **tuning,
            "network": {**network, "init_args": {**network["init_args"], "num_subjects": len(names)}},
            "train": len(names),
            "train_conditions": settings.get("conditions"),
            "subjects_per_batch": min(tuning["subjects_per_batch"], len(names)),
        },
        data,
    )
    run = out / "runs" / cell.name
    made_once(
        RunFolder(run).network / "config.json",
        lambda: train(load_recipe({**recipe, "data": {"root": str(data.root), "train": names}}), run, init=begins),
    )
    return load_network(run)

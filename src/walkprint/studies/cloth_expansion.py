"""Study of filling a rare condition: the gain by generated coats, compared with simpler methods.

Training subjects walk normally six times and in a coat twice; expanders bring the coats to six. As many recorded
coats, of the same kind or each another, stand beside them. All recognizers have one schedule, all generators one number
of steps. Seeds differ in people, first weights and batches; variants of one seed share all three.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from walkprint.core.bounds import Checked, Count, Frames, NonNegative, Positive, Subjects, Width
from walkprint.core.errors import RecipeError
from walkprint.core.protocol import Protocol
from walkprint.evaluation import Scoring
from walkprint.generation.base import GenerativeModel
from walkprint.networks.base import Network
from walkprint.recipes.classes import find_class
from walkprint.studies.cloth_variants import (
    ABLATION,
    BASELINE,
    COVER,
    DEFAULT_VARIANTS,
    DRAPER_WIDTHS,
    EVEN,
    GENERATORS,
    GUIDED,
    HALLUCINATED,
    JOINED,
    VARIANTS,
    generator_of,
    is_whitened,
    maker_of,
)
from walkprint.studies.expansion import (
    NORMAL,
    REALISTIC,
    RECORDED,
    SHARES,
    SIMPLE,
    expanded_people,
    further_coats,
    measures,
    whitened_scoring,
)
from walkprint.studies.grid import Cell, Numbers
from walkprint.studies.networks import check_networks, described, narrow
from walkprint.studies.real_masks import real_scores
from walkprint.studies.recognition import IDENTITY, PLAIN_IDENTITY, TRIPLET, embedded, scores, trained
from walkprint.studies.recorded_people import check_variants, recorded_people
from walkprint.studies.settings import check_names, check_real, check_size
from walkprint.studies.thickness import bodies_of, coat_thickness

NETWORKS = ("GaitSet", "GaitPart", "GEINet")
SECTIONS = ("ssim", "recognition", "ablation", "scarcity", "real")
COATS = ("2", "1", "half", "eighth")
_KNOWN_COATS = ("2", "1", *SHARES)
_LEAST_WEARERS = 2
_LOSSES = {"triplet": TRIPLET, "identity": IDENTITY}
_PART_LOSSES = {"triplet": TRIPLET}  # as published; cross entropy costs it most of its accuracy here
_HALLUCINATED = {"class_path": "HallucinatedTripletLoss", "init_args": TRIPLET["init_args"]}
_PLAIN = {"identity": PLAIN_IDENTITY}
_OWN_LOSSES = {"GEINet": _PLAIN, "GaitPart": _PART_LOSSES, "GaitGL": _LOSSES | _PLAIN}  # GaitGL's logits are no cosines
QUICK: dict[str, Any] = {
    "networks": ("GaitSet", "GaitPart"),
    "variants": (BASELINE, EVEN, "copying", "acgan", GUIDED),
    "switches": ("gaussian-latent",),
    "coats": ("2", "half"),
    "seeds": 1,
    "steps": 2,
    "generator_steps": 10,
    "subjects": 6,
    "views": ("072", "108"),
    "takes_frames": 8,
    "width": 4,
    "generator_widths": (4, 4, 8, 8),
    "batch_size": 8,
    "frames": 4,
    "subjects_per_batch": 2,
    "clips_per_subject": 2,
}
LARGE: dict[str, Any] = {
    "steps": 10_000,
    "generator_steps": 20_000,
    "subjects": 124,
    "views": tuple(f"{degrees:03d}" for degrees in range(0, 181, 18)),
    "takes_frames": 60,
    "width": 32,
    "generator_widths": (64, 128, 256, 256),
    "batch_size": 128,
    "frames": 30,
    "clips_per_subject": 16,
}
"""Sized for a GPU: the walkers' full protocol, networks of published widths, trainings thirty times as long."""


def quick(given: Mapping[str, Any]) -> dict[str, Any]:
    """`QUICK`, fitted to what is given beside it, which counts more.

    Args:
        given: settings; the rarest coats among them say how many people it takes.
    """
    rarities = (given.get("rare", ""), *given.get("coats", ()))
    # The first training subject has coats, and then one in so many; two thirds of all train.
    train = 1 + (_LEAST_WEARERS - 1) * max(SHARES.get(str(one), 1) for one in rarities)
    return QUICK | {"subjects": max(QUICK["subjects"], -(-3 * train // 2))}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClothExpansionStudy(Checked):
    """What the study compares, and how large.

    Attributes:
        networks: recognizers: names of any networks, your own by dotted path; sections "ablation" and "scarcity" take
            the first.
        variants: what the training set is, see `VARIANTS`; the baseline is added.
        sections: "ssim", "recognition", "ablation" of the AE-guided GAN, "scarcity" of coats, "real" masks.
        switches: of the ablation, see `ABLATION`.
        coats: how many takes in a coat a training subject has in section "scarcity": "2", "1", or "half", "quarter",
            "eighth", "sixteenth": two, but only that part of the subjects has any; or "rcc", two of half of them, who
            are seen from the front alone.
        rare: the same of all other sections.
        seeds: how many, from 0.
        steps: of each recognizer.
        generator_steps: of each generator, all its stages together.
        store: recorded people in a packed store, such as CASIA-B, instead of rendered ones, with its split and
            protocol; `subjects`, `views` and `takes_frames` do not count then, and all seeds have the same people.
        subjects: rendered people; the last third are for testing.
        views: of the camera, degrees.
        takes_frames: frames of a rendered clip.
        wanted: takes in a coat, those recorded included, after expansion.
        width: channels of the recognizers' first block.
        generator_widths: channels of the generators at 32, 16, 8 and 4 pixels.
        batch_size: frames in a batch of the generators.
        generator_settings: settings of the AE-guided GAN other than its defaults.
        precision: of the generators' training.
        frames: of a training clip.
        subjects_per_batch, clips_per_subject: of a batch.
        learning_rate, weight_decay: of AdamW; one cycle.
        bf16: train the recognizers in bfloat16 where that is safe, about twice as fast on most processors.
        real: folder of real masks, or None.
        protocol: for them.
    """

    networks: tuple[str, ...] = NETWORKS
    variants: tuple[str, ...] = DEFAULT_VARIANTS
    sections: tuple[str, ...] = SECTIONS[:4]
    switches: tuple[str, ...] = tuple(ABLATION)
    coats: tuple[str, ...] = COATS
    rare: str = "2"
    seeds: Count = 3
    steps: Count = 300
    generator_steps: Count = 600
    store: Path | None = None
    subjects: Subjects = 60
    views: tuple[str, ...] = ("036", "072", "108", "144")
    takes_frames: Frames = 30
    wanted: Count = 6
    width: Width = 8
    generator_widths: tuple[Width, ...] = (24, 48, 64, 96)
    batch_size: Count = 64
    generator_settings: dict[str, Any] = field(default_factory=dict)
    precision: str = "bf16-mixed"
    frames: Frames = 6
    subjects_per_batch: Count = 8
    clips_per_subject: Count = 4
    learning_rate: Positive = 3e-3
    weight_decay: NonNegative = 5e-4
    bf16: bool = False
    real: Path | None = None
    protocol: Protocol | None = None

    def __post_init__(self) -> None:
        Checked.__post_init__(self)
        for what, names, known in (
            ("variant", self.variants, VARIANTS), ("section", self.sections, SECTIONS),
            ("switch", self.switches, ABLATION), ("coats", (*self.coats, self.rare), _KNOWN_COATS),
        ):  # fmt: skip
            check_names(what, names, known)
        check_networks(self.networks)
        check_real(self.sections, self.real, self.protocol)
        if len(self.generator_widths) != len(DRAPER_WIDTHS):
            raise RecipeError(f"study: generator_widths is {self.generator_widths}; expected four numbers")
        everyone = self.subjects if self.store is None else self.train + recorded_people(self.store).test
        check_size(self.seeds, self.steps, everyone, self.train, self.subjects_per_batch)
        if self.store is not None:
            check_variants(self.variants, recorded_people(self.store), self.wanted)
        self._check_coats()
        if BASELINE not in self.variants:
            object.__setattr__(self, "variants", (BASELINE, *self.variants))

    def _check_coats(self) -> None:
        """Refuse what leaves nothing to make."""
        repeated = {"copying", "noise"} & set(self.variants)
        rarities = (self.rare, *(self.coats if "scarcity" in self.sections else ()))
        least = 3 if repeated or "2" in rarities else 2 if "1" in rarities else 1
        wearers = min(map(self.wearers, rarities))
        if self.wanted < least or wearers < _LEAST_WEARERS:
            raise RecipeError(
                f"study: {self.wanted} takes in a coat wanted, {wearers} training subjects with recorded ones; "
                f"expected at least {least} for these sections and variants, at least {_LEAST_WEARERS} "
                "(set more subjects, or coats for more of them)"
            )

    @property
    def train(self) -> int:
        """How many of the people train."""
        return len(self._takes("2"))

    def _takes(self, coats: str) -> tuple[int, ...]:
        """How many takes in a coat each training person has who may have some; with "1" all that were recorded."""
        each = (2,) * (self.subjects * 2 // 3) if self.store is None else recorded_people(self.store).coats
        return each[:: SHARES.get(coats, 1)]

    def wearers(self, coats: str) -> int:
        """How many training people have takes in a coat, where coats are so rare."""
        return sum(map(bool, self._takes(coats)))

    def recorded_coats(self) -> dict[str, int]:
        """How many takes in a coat the training people of section "scarcity" have, where each has all or none."""
        return {one: sum(self._takes(one)) for one in self.coats if one not in ("1", REALISTIC)}

    def cells(self) -> list[Cell]:
        """All of them, seed by seed, so that what is finished early is a whole comparison."""
        return [cell for seed in range(self.seeds) for section in self.sections for cell in self._cells(section, seed)]

    def _cells(self, section: str, seed: int) -> Iterable[Cell]:
        first = self.networks[0]
        if section == "ssim":
            makers = [one for one in self.variants if one in SIMPLE or one in GENERATORS]
            yield from (self._cell(section, first, one, seed) for one in makers)
        elif section == "ablation":
            names = [GUIDED, *self.switches]
            yield from (self._cell(section, first, one, seed) for one in names if self.fits(one, first))
        elif section == "scarcity":
            for coats in self.coats:
                names = [one for one in self.variants if self.fits(one, first)]
                yield from (self._cell(section, first, one, seed, coats) for one in names)
        else:
            for network in self.networks:
                names = [one for one in self.variants if self.fits(one, network)]
                names = [one for one in names if section != "real" or not is_whitened(one)]
                yield from (self._cell(section, network, one, seed) for one in names)

    def fits(self, variant: str, network: str) -> bool:
        """Whether a variant's clips have an order, and the losses a triplet, where that is needed."""
        if variant == HALLUCINATED:
            return "triplet" in _OWN_LOSSES.get(network, _LOSSES)
        generator = self.generator(variant)
        if generator is None or not find_class(Network, network).ordered:
            return True
        return bool(find_class(GenerativeModel, generator["class_path"]).ordered)

    def generator(self, variant: str) -> dict[str, Any] | None:
        """The generator of a variant or of a switch of the ablation, as class and arguments; None of the others."""
        return generator_of(variant, self.generator_widths, self.generator_settings)

    def _cell(self, section: str, network: str, variant: str, seed: int, coats: str = "") -> Cell:
        coats = coats or self.rare
        data = self._data(variant, seed, coats)
        settings: dict[str, Any] = {
            "section": section, "network": network, "variant": variant, "seed": seed, "coats": coats, "data": data,
        }  # fmt: skip
        if section != "ssim":
            settings["recipe"] = self._recipe(network, variant, seed, data)
        if section in ("ssim", "ablation"):
            recorded = {name: one for name, one in data.items() if name not in ("generator", "joined", "cover")}
            recorded["variant"] = ""
            settings["judge"] = self._recipe(network, BASELINE, seed, recorded)
        if section == "real":
            assert self.protocol is not None
            settings |= {"real": str(self.real), "protocol": self.protocol.to_dict()}
        named = f"-{coats}" if section == "scarcity" else ""
        return Cell(f"{section}-{network.lower()}-{variant}{named}-seed{seed}", settings)

    def _data(self, variant: str, seed: int, coats: str) -> dict[str, Any]:
        """The training set of a variant, see `expanded_people`."""
        maker = maker_of(variant)
        people: dict[str, Any] = {
            "seed": seed, "frames": self.takes_frames, "size_px": 64, "subjects": self.subjects, "train": self.train,
            "views": list(self.views),
        }  # fmt: skip
        if self.store is not None:
            people = {"store": str(self.store), "fingerprint": recorded_people(self.store).fingerprint}
        data: dict[str, Any] = {
            "people": people,
            "coats": coats,
            "wanted": self.wanted,
            "seed": seed,
            "variant": maker if maker in SIMPLE or maker in RECORDED else "",
        }
        if generator := self.generator(variant):
            data["generator"] = {
                "generator": generator,
                "batch_size": self.batch_size,
                "steps": self.generator_steps,
                "precision": self.precision,
                "seed": seed,
            }
            if maker.endswith(COVER):
                data["cover"] = True
            if maker == JOINED:
                data["joined"] = {**data["generator"], "generator": self.generator("draper")}
        return data

    def _recipe(self, network: str, variant: str, seed: int, data: dict[str, Any]) -> dict[str, Any]:
        losses = _OWN_LOSSES.get(network, _LOSSES)
        if variant == HALLUCINATED:
            losses = losses | {"triplet": _HALLUCINATED}
        return ({"precision": "bf16-mixed"} if self.bf16 else {}) | {
            "network": self._narrow(network),
            "losses": losses,
            "loss_weights": dict.fromkeys(losses, 1.0),
            "data": data,
            "train": self.train,
            "train_conditions": ["nm", "cl"],
            "even": variant in (EVEN, HALLUCINATED),
            "frames": self.frames,
            "steps": self.steps,
            "subjects_per_batch": self.subjects_per_batch,
            "clips_per_subject": self.clips_per_subject,
            "learning_rate": self.learning_rate,
            "weight_decay": self.weight_decay,
            "seed": seed,
        }

    def _narrow(self, network: str) -> dict[str, Any]:
        widths = {"channels": [self.width, 2 * self.width, 4 * self.width], "feature": 8 * self.width}
        own: dict[str, dict[str, Any]] = {
            "GaitSet": {**widths, "global_branch": False, "batch_norm": True},
            "GaitPart": widths,
            "GEINet": {"hidden": 32 * self.width},
        }
        if network not in own:
            return narrow(network, 64, self.width, self.train)
        return described(network, own[network] | {"num_subjects": self.train}, 64)


def compute(cell: Cell, out: Path) -> Numbers:
    """Expand the training set, and measure what was made; or train a recognizer on it, and test that."""
    settings = cell.settings
    people = expanded_people(settings["data"], out)
    numbers: Numbers = {}
    if settings["section"] in ("ssim", "ablation"):
        recorded, plan = expanded_people(settings["judge"]["data"], out), settings["judge"]
        judge, _ = trained(plan, recorded, out)
        coatless, _ = trained({**plan, "train_conditions": [NORMAL]}, recorded, out)
        further, steps = further_coats(settings["data"], out), min(200, plan["steps"])
        numbers |= measures(people, judge, further, coatless=coatless, classifier_steps=steps)
        if "store" not in settings["data"]["people"]:
            numbers["thickness"] = coat_thickness(people, bodies_of(settings["data"]["people"]))
    if settings["section"] == "ssim":
        return numbers
    recipe = settings["recipe"]
    network, _ = trained(recipe, people, out)
    if settings["section"] == "real":
        return real_scores(network, Path(settings["real"]), 64, Protocol.from_dict(settings["protocol"]), out)
    scoring = Scoring(resamples=0)
    if is_whitened(settings["variant"]):
        scoring = whitened_scoring(settings["variant"], network, people, settings["data"])
    return numbers | scores(embedded(network, people), next(iter(people.protocols.values())), scoring)

"""The demo: coats are rare; generate some, and see what a recognizer gains. From nothing to a report."""

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from walkprint.core.device import fast_precision
from walkprint.core.embedding import EmbeddingSet
from walkprint.core.errors import DataError
from walkprint.core.files import write_atomically
from walkprint.core.sequence import SequenceKey
from walkprint.core.versions import provenance
from walkprint.data.packed import Packed
from walkprint.data.prepare import prepare
from walkprint.data.store import Store, is_store
from walkprint.data.walkers import Walkers
from walkprint.evaluation import Report, compare_systems, embed, energy_image_embeddings, identify, verify
from walkprint.evaluation.comparison import figure_of
from walkprint.evaluation.glossary import CONDITIONS
from walkprint.evaluation.html import report_page, save_reports
from walkprint.evaluation.page import Page, Sheet, Table
from walkprint.evaluation.report import Figure
from walkprint.evaluation.sheets import caption, clips_by_condition, contact_sheet, generated_beside_real
from walkprint.generation.expand import expand
from walkprint.generation.expander import GeneratorExpander
from walkprint.recipes.generator_recipe import load_generator_recipe
from walkprint.recipes.recipe import load_recipe
from walkprint.recipes.training import train, train_generator

Phase = Callable[..., AbstractContextManager[Callable[[int, int | None], None]]]
"""Shows how a phase of some name goes: gives a function of (done, in all); `bar=False` where training has its own."""

_LEAD = (
    "Rendered people. One training subject in eight has two takes in a coat; the others have none. An "
    "autoencoder-guided GAN learned from these takes and made two takes in a coat for each of the others. The same "
    "small network is trained without and with the generated takes and tested on other people. Synthetic figures; they "
    "say nothing about accuracy on real people."
)
_CHECK = "This quick demo only checks that everything runs: too few people and steps for its figures to mean anything."
_WORDS = (
    "NM normal, BG with a bag, CL in a coat; rank-1: how often the nearest walk of the gallery is the right person's."
)
_SCARCE, _WANTED = {"cl": 8}, {"cl": 2}
_GENERATOR = {"widths": [24, 48, 64, 96], "latent_size": 64}
_NETWORK = {"channels": [16, 32, 64], "feature": 64, "global_branch": False, "batch_norm": True}


@dataclass(frozen=True, slots=True)
class _Size:
    subjects: int
    train: int
    views: tuple[str, ...]
    frames: int
    generator_steps: int
    steps: int
    subjects_per_batch: int


_FULL = _Size(
    60, 40, ("036", "072", "108", "144"), frames=30, generator_steps=700, steps=400, subjects_per_batch=8
)  # fmt: skip
_QUICK = _Size(20, 12, ("072", "108"), frames=20, generator_steps=120, steps=60, subjects_per_batch=4)


@dataclass(frozen=True, slots=True)
class Demo:
    """What a demo found.

    Attributes:
        page: the report.
        found: identification by the name of the system.
        gain: of the generated coats.
        caption: of `table`.
        seconds: that it took.
    """

    page: Path
    found: Mapping[str, Report]
    gain: Page
    caption: Sequence[str]
    seconds: float

    def table(self) -> list[list[str]]:
        """The systems side by side, a line for each probe set."""
        return _table(self.found, self.gain)

    def numbers(self) -> dict[str, Any]:
        """Rank-1 of each probe set, as plain data."""
        numbers: dict[str, Any] = {"report": str(self.page), "seconds": round(self.seconds, 1), "synthetic": True}
        for name, gain in _gains(self.gain).items():
            values = {which: report.figure(name).value for which, report in self.found.items()} | {"gain": gain.value}
            numbers[name] = {f"{which} rank-1": value for which, value in values.items()}
        return numbers

    def to_text(self) -> str:
        """The table for people."""
        table = [f"{name:<3}" + "".join(f"{cell:>21}" for cell in cells) for name, *cells in self.table()]
        notes = next(iter(self.found.values())).notes
        last = f"{self.seconds:.0f} s. Report: {self.page.resolve()}"
        return "\n".join([*self.caption, "", *table, *(["", *notes] if notes else []), "", last])


def run_demo(out: Path, *, quick: bool = False, seed: int = 0, phase: Phase | None = None) -> Demo:
    """Fill a rare condition, from nothing to a report.

    Render walking people; one training subject in eight has takes in a coat. Train a generator, and let it make coats
    for the others; train a narrow GaitSet without and with them; recognize other people; write a report.

    Args:
        out: folder for everything it makes.
        quick: fewer people, fewer steps.
        seed: of the people and of the training.
        phase: shows how each phase goes, if given.
    """
    start = time.monotonic()
    size = _QUICK if quick else _FULL
    shown = phase or (lambda name, bar=True: nullcontext(lambda done, total: None))
    people = _people(size, out / "store", seed, 1 if quick else None, shown)
    filled = _filled(people, size, out, seed, shown)
    keys = people.keys("test")
    baseline = energy_image_embeddings(people, keys)
    without = _embedded(people, keys, size, out / "run-without", seed, shown)
    with_coats = _embedded(filled, keys, size, out / "run", seed, shown)
    with_coats.save(out / "embeddings.npz")
    protocol = next(iter(people.protocols.values()))
    facts = provenance("embeddings.npz") | {"seed": str(seed), "data": "rendered walkers, synthetic"}
    found = {
        "energy image": identify(baseline, protocol, provenance=facts),
        "narrow GaitSet": identify(without, protocol, provenance=facts),
        "narrow GaitSet, coats added": identify(with_coats, protocol, provenance=facts),
    }
    systems = {"narrow GaitSet": [without], "narrow GaitSet, coats added": [with_coats]}
    gain = compare_systems(systems, protocol, provenance=facts)
    pairs = verify(with_coats, protocol, provenance=facts)
    save_reports([found["narrow GaitSet, coats added"], pairs], out / "figures")
    gain.save(out / "figures", "gain")
    for name, report in found.items():
        report.save(out / "figures" / f"{name.replace(',', '').replace(' ', '_')}.json")
    named = [replace(report, title=f"{name}: {report.title}") for name, report in reversed(found.items())]
    named.append(replace(pairs, title=named[0].title))
    page = report_page(
        named,
        title="walkprint demo",
        lead=_LEAD if size is _FULL else f"{_CHECK} {_LEAD}",
        table=Table(" ".join(_caption(size)), _table(found, gain)),
        sheets=_sheets(people.store(), filled.store()),
        further=[replace(gain.sections[0], title="What the coats add")],
        provenance={
            "trained on": f"{size.train} people, {size.steps} steps",
            "precision of the generator": fast_precision(),
            "tested on": f"{len(keys)} sequences",
        },
    )
    write_atomically(out / "report.html", page.to_html())
    return Demo(out / "report.html", found, gain, _caption(size), time.monotonic() - start)


def _people(size: _Size, store: Path, seed: int, workers: int | None, phase: Phase) -> Packed:
    """The walkers of this size from a store, rendered when there is none yet; few training subjects have a coat."""
    people = Walkers(
        subjects=size.subjects, train=size.train, seed=seed, views=size.views, frames=size.frames, scarce=_SCARCE
    )
    if is_store(store):
        found = Packed(store)
        if found.settings != people.settings:
            raise DataError(f"{store}: people of another demo; remove {store.parent}, or choose another folder")
        return found
    with phase("rendering") as on_progress:
        return prepare(people, store, workers=workers, progress=on_progress)


def _filled(people: Packed, size: _Size, out: Path, seed: int, phase: Phase) -> Packed:
    """The same people with generated coats beside those that were rendered."""
    precision = fast_precision()
    recipe = load_generator_recipe(
        {
            "generator": {"class_path": "AEGuidedGAN", "init_args": _GENERATOR},
            "data": {"root": str(out / "store")},
            "conditions": ["cl", "nm"],
            "least_diversity": 0.0,  # a demo goes on: the warning, the sheet and the table show it
            "steps": size.generator_steps,
            "checkpoint_every": size.generator_steps,
            "precision": precision,
            "channels_last": True,
            "seed": seed,
        }
    )
    with phase(f"training the generator, {precision}", bar=False) as on_progress:
        listeners = [lambda step, numbers: on_progress(step, size.generator_steps)]
        made = train_generator(recipe, out / "generator", accelerator="cpu", listeners=listeners, resume=False).model
    if is_store(out / "filled"):  # that of an earlier demo
        shutil.rmtree(out / "filled")
    with phase("generating") as on_progress:
        expand(
            people,
            GeneratorExpander(made, cover=True),
            wanted=_WANTED,
            out=out / "filled",
            seed=seed,
            progress=on_progress,
        )
    return Packed(out / "filled")


def _embedded(
    data: Packed, keys: Sequence[SequenceKey], size: _Size, run: Path, seed: int, phase: Phase
) -> EmbeddingSet:
    """What a narrow GaitSet that was trained on some data makes of the test people."""
    recipe = load_recipe(
        {
            "network": {"class_path": "GaitSet", "init_args": _NETWORK | {"num_subjects": size.train}},
            "losses": {
                "triplet": {"class_path": "TripletLoss", "init_args": {"margin": 0.2, "mining": "hard"}},
                "identity": {"class_path": "CrossEntropyLoss", "init_args": {"scale": 16, "smoothing": 0.1}},
            },
            "data": {"root": str(data.root)},
            "frames": {"class_path": "RandomSubset", "init_args": {"count": 8}},
            "optimizer": {"class_path": "torch.optim.AdamW", "init_args": {"lr": 2e-3, "weight_decay": 5e-4}},
            "scheduler": {"class_path": "OneCycle"},
            "schedule": {
                "steps": size.steps,
                "subjects_per_batch": size.subjects_per_batch,
                "clips_per_subject": 4,
                "checkpoint_every": size.steps,
            },
            "channels_last": True,
            "seed": seed,
        }
    )
    with phase(f"training {run.name}", bar=False) as on_progress:
        listeners = [lambda step, numbers: on_progress(step, size.steps)]
        network = train(recipe, run, accelerator="cpu", listeners=listeners, resume=False).network
    with phase("embedding") as on_progress:
        return embed(network, data, keys, progress=on_progress)


def _sheets(people: Store, filled: Store) -> list[Sheet]:
    """Generated coats between what they were made of and rendered ones, then some people in each condition."""
    some = {"generated coats": generated_beside_real(filled, subjects=3)}
    some |= {f"{name.upper()}, {CONDITIONS[name]}": clips for name, clips in clips_by_condition(people).items()}
    sheets = []
    for title, clips in some.items():
        captions = [caption(clip.key, generated=clip.key in filled.generated) for clip in clips]
        sheets += [Sheet(title, contact_sheet(clips, captions=captions))] if clips else []
    return sheets


def _caption(size: _Size) -> list[str]:
    return [
        *([] if size is _FULL else [_CHECK]),
        f"Rank-1 on {size.subjects - size.train} rendered people (synthetic), none of them in training, %;",
        "identical view excluded, mean over views [95 % interval by bootstrap over people].",
        _WORDS,
    ]


def _gains(gain: Page) -> dict[str, Figure]:
    """What the coats add to each probe set."""
    return {one["probes"]: figure_of(one) for one in gain.numbers["differences"]}


def _table(found: Mapping[str, Report], gain: Page) -> list[list[str]]:
    """The systems side by side, a line for each probe set."""
    first, second, _ = found
    figures = {name: [*(one.figure(name) for one in found.values()), more] for name, more in _gains(gain).items()}
    lines = [[name, *(one.percent(interval=True) for one in row)] for name, row in figures.items()]
    return [["", first, second, "coats added", "gain"], *lines]

"""`walkprint demo`: from nothing to a report. Render people, train on some, recognize the others."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from walkprint.cli.evaluate import provenance
from walkprint.cli.evaluate import save as save_reports
from walkprint.cli.recipe import load_recipe
from walkprint.cli.sheet import clips_by_condition
from walkprint.cli.train import fit_recipe
from walkprint.cli.words import Summary, carry_out, progress
from walkprint.core.errors import DataError
from walkprint.data.prepare import prepare
from walkprint.data.store import is_store
from walkprint.data.walkers import Walkers
from walkprint.evaluation import Report, embed, energy_image_embeddings, identify, verify
from walkprint.evaluation.html import write_html
from walkprint.evaluation.plots import contact_sheets

EXAMPLE = "walkprint demo --quick --out demo"
_LEAD = (
    "Rendered people: a small network trained on some of them recognizes the others. Synthetic figures; they say "
    "nothing about accuracy on real people."
)


@dataclass(frozen=True, slots=True)
class _Size:
    subjects: int
    train: int
    views: tuple[str, ...]
    frames: int
    steps: int
    subjects_per_batch: int


_FULL = _Size(60, 40, ("036", "072", "108", "144"), frames=30, steps=400, subjects_per_batch=8)
_QUICK = _Size(20, 12, ("072", "108"), frames=20, steps=60, subjects_per_batch=4)


def main(words: Sequence[str]) -> Summary:
    """Carry out the words after `demo`."""
    return carry_out(demo, words, EXAMPLE)


def demo(*, quick: bool = False, out: Path | None = None, seed: int = 0) -> Summary:
    """Render walking people, train a narrow GaitSet on some of them, recognize the others, and write a report.

    At most five minutes on two cores; with --quick at most 45 seconds.

    Args:
        quick: fewer people, fewer steps.
        out: folder for everything it makes; walkprint-demo, or walkprint-demo-quick, when null.
        seed: of the people and of the training.
    """
    start = time.monotonic()
    size = _QUICK if quick else _FULL
    out = Path("walkprint-demo-quick" if quick else "walkprint-demo") if out is None else out
    people = _people(size, out / "store", seed, workers=1 if quick else None)
    recipe, plain = load_recipe(_recipe(size, out / "store", seed))
    network = fit_recipe(recipe, plain, out / "run", accelerator="cpu", fresh=True).network
    keys = people.keys("test")
    with progress("embedding") as tell:
        embeddings = embed(network, people.store(), keys, progress=tell)
    embeddings.save(out / "embeddings.npz")
    protocol = next(iter(people.protocols.values()))
    facts = provenance("embeddings.npz") | {"seed": str(seed), "data": "rendered walkers, synthetic"}
    found = identify(embeddings, protocol, provenance=facts)
    pairs = verify(embeddings, protocol, provenance=facts)
    baseline = identify(energy_image_embeddings(people.store(), keys), protocol, provenance=facts)
    save_reports([found, pairs], out / "figures")
    baseline.save(out / "figures" / "baseline.json")
    page = out / "report.html"
    shown = [_titled("narrow GaitSet", found), _titled("energy image", baseline), _titled("narrow GaitSet", pairs)]
    write_html(
        page,
        shown,
        title="walkprint demo",
        lead=_LEAD,
        sheets=contact_sheets(clips_by_condition(people.store())),
        provenance={"trained on": f"{size.train} people, {size.steps} steps", "tested on": f"{len(keys)} sequences"},
    )
    return _summary(found, baseline, pairs, size, page, time.monotonic() - start)


def _people(size: _Size, store: Path, seed: int, workers: int | None) -> Walkers:
    """The walkers of this size from a store, rendered when there is none yet."""
    people = Walkers(subjects=size.subjects, train=size.train, seed=seed, views=size.views, frames=size.frames)
    if is_store(store):
        found = Walkers(store)
        if found.settings != people.settings:
            raise DataError(
                f"{store}: people of another demo; remove {store.parent}, or name another folder with --out"
            )
        return found
    with progress("rendering") as tell:
        prepare(people, store, workers=workers, progress=tell)
    return Walkers(store)


def _recipe(size: _Size, store: Path, seed: int) -> Mapping[str, Any]:
    network = {"channels": [16, 32, 64], "feature": 64, "global_branch": False, "batch_norm": True}
    return {
        "network": {"class_path": "GaitSet", "init_args": network | {"num_subjects": size.train}},
        "losses": {
            "triplet": {"class_path": "TripletLoss", "init_args": {"margin": 0.2, "mining": "hard"}},
            "identity": {"class_path": "CrossEntropyLoss", "init_args": {"scale": 16, "smoothing": 0.1}},
        },
        "data": {"class_path": "Walkers", "init_args": {"root": str(store)}},
        "frames": {"class_path": "RandomSubset", "init_args": {"count": 8}},
        "optimizer": {"class_path": "torch.optim.AdamW", "init_args": {"lr": 2e-3, "weight_decay": 5e-4}},
        "scheduler": {"class_path": "OneCycle", "init_args": {"steps": size.steps}},
        "schedule": {
            "steps": size.steps,
            "subjects_per_batch": size.subjects_per_batch,
            "clips_per_subject": 4,
            "checkpoint_every": size.steps,
        },
        "channels_last": True,
        "seed": seed,
    }


def _titled(title: str, report: Report) -> Report:
    return replace(report, title=f"{title}: {report.title}")


def _summary(found: Report, baseline: Report, pairs: Report, size: _Size, page: Path, seconds: float) -> Summary:
    lines = [
        f"Rank-1 on {size.subjects - size.train} rendered people (synthetic) whom the network never saw, %;",
        "identical view excluded, mean over views [95 % interval by bootstrap over people]:",
        "",
        f"{'':<4}{'narrow GaitSet':>22}{'energy image':>22}{'EER of GaitSet':>18}",
    ]
    numbers: dict[str, Any] = {"report": str(page), "seconds": round(seconds, 1), "synthetic": True}
    for name in found.probe_sets:
        ours, theirs = found.figure(name), baseline.figure(name)
        eer = pairs.figure(name, "EER", "pooled")
        lines.append(
            f"{name:<4}{ours.percent(interval=True):>22}{theirs.percent(interval=True):>22}{eer.percent():>18}"
        )
        numbers[name] = {"rank-1": ours.value, "energy image rank-1": theirs.value, "EER": eer.value}
    lines += ["", f"{seconds:.0f} s. Report: {page.resolve()}"]
    return Summary(numbers, "\n".join(lines))

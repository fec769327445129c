"""What the cells of studies share: rendered people, a recognizer trained on some of them, its figures on the others."""

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from walkprint.core.embedding import EmbeddingSet
from walkprint.core.protocol import Protocol
from walkprint.core.sequence import SequenceKey
from walkprint.data.packed import Packed
from walkprint.data.prepare import prepare
from walkprint.data.store import META_NAME
from walkprint.data.walkers import ColorWalkers, FrontalWalkers, Variety, Walkers
from walkprint.evaluation import Scoring, embed, identify, identify_open_set, verify
from walkprint.evaluation.groups import by_group
from walkprint.networks.base import Network
from walkprint.recipes.classes import find_class
from walkprint.recipes.recipe import load_recipe
from walkprint.recipes.trained import load_network
from walkprint.recipes.training import train
from walkprint.studies.grid import Numbers, digest, made_once
from walkprint.training.run import RunFolder

Plain = Mapping[str, Any]
WALKERS: dict[str, type[Walkers]] = {one.__name__: one for one in (Walkers, ColorWalkers, FrontalWalkers)}
TRIPLET = {"class_path": "TripletLoss", "init_args": {"margin": 0.2}}
IDENTITY = {"class_path": "CrossEntropyLoss", "init_args": {"scale": 16.0, "smoothing": 0.1}}
PLAIN_IDENTITY = {"class_path": "CrossEntropyLoss", "init_args": {"scale": 1.0, "smoothing": 0.0}}
"""For logits that are no cosines."""
_EER, _TAR, _FNIR = "EER", "TAR@FAR=1%", "FNIR@FPIR=1%"
_MANY = 2000  # takes; fewer are rendered sooner than other processes start


def rendered_people(settings: Plain, out: Path, *, kind: type[Walkers] = Walkers) -> Packed:
    """Walkers of these settings from a store in the study's folder, rendered by the first who asks.

    Args:
        settings: the arguments of `Walkers` as plain data.
        out: the study's folder.
        kind: of walkers.
    """
    variety = Variety(**settings.get("variety", {}))
    store = out / "stores" / f"{kind.__name__.lower()}-{digest(settings)}"

    def render() -> None:
        people = kind(**{**settings, "variety": variety})
        prepare(people, store, workers=1 if len(people.catalogue()) < _MANY else None)

    made_once(store / META_NAME, render)
    return Packed(store)


def trained(settings: Plain, dataset: Packed, out: Path) -> tuple[Network, Path]:
    """A recognizer trained on a data set's training subjects, once however many cells ask for it.

    Args:
        settings: see `ordinary_recipe`; with whatever else the data depend on.
        dataset: on a store.
        out: the study's folder.

    Returns:
        The network in evaluation mode, and its run folder.
    """
    run = out / "runs" / f"{settings['network']['class_path'].lower()}-{digest(settings)}"
    made_once(
        RunFolder(run).network / "config.json", lambda: train(load_recipe(ordinary_recipe(settings, dataset)), run)
    )
    return load_network(run), run


def ordinary_recipe(settings: Plain, dataset: Packed) -> dict[str, Any]:
    """The recipe, as for `walkprint.recipes`, that the settings of a cell stand for.

    Args:
        settings: plain data: `network` (class and arguments), `losses` (the same by name), `loss_weights`, `frames` (of
            a clip), `steps`, `subjects_per_batch`, `clips_per_subject`, `learning_rate`, `weight_decay`, `seed`,
            `train` (how many of the training subjects, the first by name); perhaps `train_conditions` (others are left
            out), `even` (all conditions of a subject are drawn equally often), `precision` and `optimizer`
            ("adamw" with one cycle, or "sgd" with the published steps of the learning rate).
        dataset: on a store.
    """
    steps = settings["steps"]
    chooser = "Contiguous" if find_class(Network, settings["network"]["class_path"]).ordered else "RandomSubset"
    rates: dict[str, Any] = {"lr": settings["learning_rate"], "weight_decay": settings["weight_decay"]}
    optimizer, scheduler = (
        {"class_path": "torch.optim.AdamW", "init_args": rates},
        dict[str, Any](class_path="OneCycle"),
    )
    if settings.get("optimizer") == "sgd":
        optimizer = {"class_path": "torch.optim.SGD", "init_args": {**rates, "momentum": 0.9}}
        milestones = [steps // 3, steps * 2 // 3, steps * 5 // 6]
        scheduler = {"class_path": "MultiStep", "init_args": {"milestones": milestones}}
    return {
        "network": settings["network"],
        "losses": settings["losses"],
        "loss_weights": settings["loss_weights"],
        "data": {"root": str(dataset.store().path)},
        "subjects": list(dataset.subjects("train")[: settings["train"]]),
        "conditions": settings.get("train_conditions"),
        "frames": {"class_path": chooser, "init_args": {"count": settings["frames"]}},
        "optimizer": optimizer,
        "scheduler": scheduler,
        "schedule": {
            "steps": steps,
            "subjects_per_batch": settings["subjects_per_batch"],
            "clips_per_subject": settings["clips_per_subject"],
            "even_conditions": settings.get("even", False) or settings.get("conditions") == "even",
            "log_every": max(1, steps // 40),
            "checkpoint_every": max(1, steps // 4),
            "keep": 1,
        },
        "precision": settings.get("precision", "32-true"),
        "channels_last": True,
        "seed": settings["seed"],
    }


def embedded(network: Network, dataset: Packed, keys: Sequence[SequenceKey] | None = None) -> EmbeddingSet:
    """Embeddings of a data set's test people, or of these sequences, on a GPU where there is one."""
    device, frames = ("cuda", 4096) if torch.cuda.is_available() else ("cpu", None)
    chosen = dataset.keys("test") if keys is None else keys
    return embed(network, dataset, chosen, device=device, frames_per_batch=frames)


def scores(
    embeddings: EmbeddingSet,
    protocol: Protocol,
    scoring: Scoring = Scoring(resamples=0),
    *,
    strangers: bool = False,
) -> Numbers:
    """Rank-1, EER and rate of true accepts by probe set, and rank-1 by test subject.

    Args:
        embeddings: of the test people.
        protocol: of the evaluation.
        scoring: how distances are computed.
        strangers: also what counts where some are strangers: FNIR at 1 % FPIR (half of the people are strangers, 20
            draws) and the ends of its interval over people, TAR at 0.1 % FAR.

    Returns:
        figure -> probe set -> number from 0 to 1; "by subject" -> probe set -> subject -> rank-1. What cannot be
        measured is left out.
    """
    found = identify(embeddings, protocol, ranks=(1,), scoring=scoring)
    rates = {"TAR at FAR 1 %": (0.01, _TAR), **({"TAR at FAR 0.1 %": (0.001, "TAR@FAR=0.1%")} if strangers else {})}
    at = tuple(rate for rate, _ in rates.values())
    pairs = verify(embeddings, protocol, false_accept_rates=at, scoring=scoring)
    accepted = {"EER": _EER, **{title: figure for title, (_, figure) in rates.items()}}
    view = "mean" if protocol.gallery_view == "each" else "pooled"
    numbers: Numbers = {"rank-1": finite({name: found.figure(name, view=view).value for name in found.probe_sets})}
    for title, figure in accepted.items():
        numbers[title] = finite({name: pairs.figure(name, figure, "pooled").value for name in pairs.probe_sets})
    if strangers:
        resampled = replace(scoring, resamples=500)
        missed = identify_open_set(embeddings, protocol, false_accept_rates=(0.01,), scoring=resampled)
        for title, end in (("FNIR at FPIR 1 %", "value"), ("FNIR, low", "low"), ("FNIR, high", "high")):
            ends = {name: getattr(missed.figure(name, _FNIR, "pooled"), end) for name in missed.probe_sets}
            numbers[title] = finite({name: one for name, one in ends.items() if one is not None})
    return {**numbers, "by subject": _by_subject(embeddings, protocol, view, scoring)}


def _by_subject(
    embeddings: EmbeddingSet, protocol: Protocol, view: str, scoring: Scoring
) -> dict[str, dict[str, float]]:
    """Each person a probe set of their own."""
    if scoring.center:  # of the whole probe set, not of one person
        embeddings = _centered(embeddings, protocol, scoring)
        scoring = Scoring(metric=scoring.metric, resamples=scoring.resamples, seed=scoring.seed)
    people = {key.subject: key.subject for key in sorted(embeddings.keys)}
    found = identify(embeddings, by_group(protocol, people, embeddings), ranks=(1,), scoring=scoring)
    return {
        name: finite({one: found.figure(f"{name}, {one}", view=view).value for one in people})
        for name in protocol.probes
    }


def _centered(embeddings: EmbeddingSet, protocol: Protocol, scoring: Scoring) -> EmbeddingSet:
    """Gallery and probe sets, which share no sequence, as they are scored, each with mean zero."""
    vectors = embeddings.vectors.copy()
    probes = scoring.prepare(embeddings, "probe")
    gallery = probes if scoring.same_for_both else scoring.prepare(embeddings, "gallery")
    galleries = [(gallery, one) for one in protocol.distinct_galleries()]
    for side, selection in (*galleries, *((probes, one) for one in protocol.probes.values())):
        if rows := selection.among(embeddings.keys):
            vectors[rows] = side.vectors[rows] - side.vectors[rows].mean(axis=0, dtype=np.float64).astype(np.float32)
    return EmbeddingSet(vectors, embeddings.keys, embeddings.source, embeddings.data)


def finite(numbers: Mapping[str, float]) -> dict[str, float]:
    """Without what could not be measured."""
    return {name: value for name, value in numbers.items() if math.isfinite(value)}


def training_curve(run: Path, column: str) -> list[tuple[float, float]]:
    """(step, value) of a column of a run's log that ends so; empty where it was not logged."""
    with RunFolder(run).metrics.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    names = [name for name in rows[0] if name.endswith(column)] if rows else []
    return [(float(row["step"]), float(row[names[0]])) for row in rows if names and row[names[0]]]

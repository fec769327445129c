"""Every setting of a recipe reaches training: each field has a value of its own, and a recorder stands for the library.

The fields are taken from the classes, so that a new one fails here until somebody says where it goes.
"""

from dataclasses import MISSING, fields
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from walkprint.data.augment import Flip
from walkprint.data.frames import RandomSubset
from walkprint.data.packed import Packed
from walkprint.data.sampling import EvenConditions
from walkprint.generation.acgan import ACGAN
from walkprint.losses import TripletLoss
from walkprint.networks.geinet import GEINet
from walkprint.recipes import generator_recipe, recipe, training
from walkprint.recipes.generator_recipe import GeneratorRecipe
from walkprint.recipes.recipe import Plan, Recipe
from walkprint.training.loop import Loop
from walkprint.training.schedule import MultiStep


class Recorder:
    """Keeps what it is called with."""

    def __init__(self) -> None:
        self.given: tuple[Any, ...] = ()
        self.named: dict[str, Any] = {}

    def __call__(self, *given: Any, **named: Any) -> "Recorder":
        self.given, self.named = given, named
        return self


def settings_of(thing: Any) -> dict[str, Any]:
    """Every field and its value, each of which must differ from the default."""
    for one in fields(thing):
        if one.default is not MISSING:
            assert getattr(thing, one.name) != one.default, f"{one.name}: give it a value of its own"
    return {one.name: getattr(thing, one.name) for one in fields(thing)}


def test_a_recipe_goes_whole_into_training(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = Plan(
        steps=7, subjects_per_batch=2, clips_per_subject=3, even_conditions=True, accumulate=2, clip_norm=0.5,
        ema_decay=0.9, log_every=3, checkpoint_every=4, checkpoint_minutes=30, keep=5,
    )  # fmt: skip
    made = Recipe(
        network=GEINet(num_subjects=2), losses={"a": TripletLoss()}, data=Packed(store), frames=RandomSubset(4),
        optimizer=partial(torch.optim.SGD, lr=0.1), schedule=plan, conditions=["cl"], subjects=["002"],
        loss_weights={"a": 0.5}, augmentations=[Flip()], scheduler=MultiStep([3]), precision="bf16-mixed",
        channels_last=True, seed=9, init="there", freeze=["fc"], groups={"features": {"lr": 0.5}}, record={"seed": 9},
    )  # fmt: skip
    fit, batches, frozen, grouped, taken = Recorder(), Recorder(), Recorder(), Recorder(), Recorder()
    monkeypatch.setattr(training, "fit", fit)
    monkeypatch.setattr(training, "freeze", frozen)
    monkeypatch.setattr(training, "by_layer", grouped)
    monkeypatch.setattr(training, "take_weights", lambda *given: taken(*given) and SimpleNamespace(to_text=str))
    monkeypatch.setattr(recipe, "TrainingBatches", batches)
    here = {
        "accelerator": "cpu", "devices": 2, "nodes": 3, "resident": "device", "compile": True, "resume": False,
    }  # fmt: skip
    listeners = [lambda step, numbers: None]
    training.train(made, "r", **here, listeners=listeners)
    network, losses, fed, optimizer, loop, run = fit.given
    assert optimizer is grouped
    assert frozen.given[0] is grouped.given[0] is taken.given[0] is network
    loop_has = {one.name: getattr(loop, one.name) for one in fields(Loop)}
    sampler = batches.named["sampler"]
    arrived = {
        "network": network,
        "losses": dict(losses),
        "data": batches.given[0],
        "frames": batches.named["chooser"],
        "optimizer": grouped.given[1],
        "schedule": Plan(
            subjects_per_batch=sampler.subjects_per_batch,
            clips_per_subject=sampler.clips_per_subject,
            even_conditions=isinstance(sampler, EvenConditions),
            **{name: value for name, value in loop_has.items() if name in settings_of(plan)},
        ),
        "conditions": sorted({key.condition for key in batches.given[1]}),
        "subjects": sorted({key.subject for key in batches.given[1]}),
        "loss_weights": losses.weights,
        "augmentations": batches.named["augmentations"],
        "scheduler": fit.named["scheduler"],
        "precision": loop.precision,
        "channels_last": loop.channels_last,
        "seed": loop.seed if loop.seed == batches.named["seed"] else None,
        "init": taken.given[1],
        "freeze": frozen.given[1],
        "groups": grouped.given[2],
        "record": run.record,
    }
    assert fed is batches
    assert arrived == settings_of(made)
    assert here.items() <= loop_has.items()
    assert fit.named["listeners"] is listeners
    assert run.path == Path("r")
    assert batches.named["width_px"] == made.network.width_px
    assert {one.name for one in fields(Loop)} - {*settings_of(plan), *settings_of(made), *here} == {"validate_every"}


def test_a_generator_s_recipe_goes_whole_into_training(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = ACGAN(subjects=["001", "002"], conditions=["cl", "nm"], views=["072", "108"], widths=(2, 2, 2, 2))
    made = GeneratorRecipe(
        generator=model, data=Packed(store), steps=7, conditions=["cl", "nm"], batch_size=5, ema_decay=0.9,
        clip_norm=0.5, watch_every=6, least_diversity=0.25, log_every=3, checkpoint_every=4,
        checkpoint_minutes=30, keep=5, precision="bf16-mixed", channels_last=True, seed=9, record={"seed": 9},
    )  # fmt: skip
    fit, batches = Recorder(), Recorder()
    monkeypatch.setattr(training, "fit_generator", fit)
    monkeypatch.setattr(generator_recipe, "FrameBatches", batches)
    here = {"accelerator": "cpu", "resume": False}
    listeners = [lambda step, numbers: None]
    training.train_generator(made, "r", **here, listeners=listeners)
    trained, fed, loop, run = fit.given
    loop_has = {one.name: getattr(loop, one.name) for one in fields(Loop)}
    arrived = {
        "generator": trained,
        "data": made.data if batches.given[0].path == store else None,
        "conditions": sorted({key.condition for key in batches.given[1]}),
        "batch_size": batches.named["batch_size"],
        "watch_every": fit.named["watch"].every,
        "least_diversity": fit.named["watch"].stop_below,
        "record": run.record,
    }
    arrived |= {name: value for name, value in loop_has.items() if name in settings_of(made)}
    assert fed is batches
    assert arrived == settings_of(made)
    assert here.items() <= loop_has.items()
    assert (batches.named["source_condition"], batches.named["seed"]) == (model.source_condition, 9)
    assert fit.named["listeners"] is listeners
    assert run.path == Path("r")

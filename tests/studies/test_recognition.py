import dataclasses

import numpy as np
import pytest
import torch

from walkprint.core.embedding import EmbeddingSet
from walkprint.core.errors import RecipeError
from walkprint.core.protocol import Protocol, Selection
from walkprint.core.sequence import SequenceKey
from walkprint.data.packed import Packed
from walkprint.data.prepare import prepare
from walkprint.data.walkers import Walkers
from walkprint.evaluation import Scoring
from walkprint.recipes.recipe import Plan, load_recipe
from walkprint.studies.recognition import finite, ordinary_recipe, scores

PROTOCOL = Protocol(
    "own", Selection(takes=("01",)), {"NM": Selection(takes=("02",)), "CL": Selection(takes=("03",))},
    require=frozenset({"view"}), gallery_view="all",
)  # fmt: skip


@pytest.mark.parametrize(
    ("options", "galleries"),
    [({}, {}), ({"metric": "cosine", "center": True}, {}), ({}, {"CL": Selection(takes=("02",))})],
)
def test_figures_of_people_average_to_the_figure(options, galleries):
    rng = np.random.default_rng(0)
    keys = [SequenceKey(f"s{s}", "nm", take, view) for s in range(8) for take in ("01", "02", "03") for view in "ab"]
    people = {key.subject: rng.normal(size=(2, 4)) for key in keys}
    vectors = [people[key.subject] + rng.normal(size=(2, 4)) + 3 * (key.take == "03") for key in keys]
    protocol = dataclasses.replace(PROTOCOL, galleries=galleries)
    found = scores(EmbeddingSet(np.stack(vectors).astype(np.float32), keys), protocol, Scoring(**options, resamples=0))
    for name in ("NM", "CL"):
        assert 0 < found["rank-1"][name] < 1
        assert len(found["by subject"][name]) == 8
        assert np.mean(list(found["by subject"][name].values())) == pytest.approx(found["rank-1"][name])
    assert set(found["EER"]) == set(found["TAR at FAR 1 %"]) == {"NM", "CL"}


def test_what_cannot_be_measured_is_left_out():
    assert finite({"a": float("nan"), "b": 1.0}) == {"b": 1.0}


def test_every_setting_of_a_cell_arrives_in_the_recipe(tmp_path):
    """Settings that differ from all defaults of a recipe; each of its fields is compared."""
    store = tmp_path / "store"
    people = prepare(Walkers(subjects=4, train=3, views=("090",), takes={"nm": 2, "cl": 1}, frames=6), store, workers=1)
    settings = {
        "network": {"class_path": "GEINet", "init_args": {"num_subjects": 2, "hidden": 8}},
        "losses": {"a": {"class_path": "TripletLoss", "init_args": {"margin": 0.3}}},
        "loss_weights": {"a": 0.5}, "frames": 5, "steps": 80, "subjects_per_batch": 2, "clips_per_subject": 3,
        "learning_rate": 0.01, "weight_decay": 0.02, "seed": 7, "train": 2, "train_conditions": ["nm"], "even": True,
        "precision": "bf16-mixed",
    }  # fmt: skip
    recipe = load_recipe(ordinary_recipe(settings, Packed(store)))
    arrived = {one.name: getattr(recipe, one.name) for one in dataclasses.fields(recipe)}
    assert type(arrived.pop("network")).__name__ == "GEINet"
    assert {name: loss.margin for name, loss in arrived.pop("losses").items()} == {"a": 0.3}
    assert arrived.pop("data").store().path == store
    chooser = arrived.pop("frames")
    assert (type(chooser).__name__, chooser.count) == ("RandomSubset", 5)
    adam = arrived.pop("optimizer")([torch.nn.Parameter(torch.zeros(1))])
    assert (type(adam).__name__, adam.defaults["lr"], adam.defaults["weight_decay"]) == ("AdamW", 0.01, 0.02)
    assert arrived.pop("scheduler").steps == 80
    assert arrived.pop("record")["seed"] == 7
    plan = Plan(
        steps=80,
        subjects_per_batch=2,
        clips_per_subject=3,
        even_conditions=True,
        log_every=2,
        checkpoint_every=20,
        keep=1,
    )
    learned = list(people.subjects("train")[:2])
    assert arrived == {
        "schedule": plan, "conditions": ["nm"], "loss_weights": {"a": 0.5}, "subjects": learned,
        "augmentations": [], "precision": "bf16-mixed", "channels_last": True, "seed": 7, "init": None, "freeze": None,
        "groups": None,
    }  # fmt: skip
    keys = recipe.batches().keys
    assert {key.subject for key in keys} == set(learned)
    assert {key.condition for key in keys} == {"nm"}
    other = load_recipe(ordinary_recipe({**settings, "even": False, "conditions": "even"}, Packed(store)))
    assert other.schedule.even_conditions
    with pytest.raises(RecipeError, match="subjects: x not among the training subjects"):
        load_recipe(ordinary_recipe(settings, Packed(store)) | {"subjects": ["x"]}).batches()

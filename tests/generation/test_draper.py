"""Draper: small; its loss is its slow twin; pairs are one body at one step; it dresses without a recorded coat."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from tests.generation.miniatures import tiny_store
from tests.oracles import flows as slow

from walkprint.core.errors import RecipeError
from walkprint.core.sequence import SequenceKey
from walkprint.core.silhouette import align
from walkprint.data.packed import Packed
from walkprint.data.walkers.clothes import draw_coat, draw_outfit
from walkprint.data.walkers.people import Variety, camera_of, person, stream, walk
from walkprint.data.walkers.render import act, silhouettes
from walkprint.generation.batches import FrameBatches
from walkprint.generation.draper import COAT_FEATURES, Draper, coat_features, dressing_loss, rendered_pairs
from walkprint.generation.expand import expand
from walkprint.generation.expander import GeneratorExpander
from walkprint.generation.labels import Labels
from walkprint.training.fit_generator import fit_generator
from walkprint.training.loop import Loop

NAMES = {"subjects": ("a", "b"), "conditions": ("nm",), "views": ("090",)}


RECIPES = sorted((Path(__file__).parents[2] / "recipes").glob("*/draper.yaml"))


@pytest.mark.parametrize(
    "settings", [{}, *(yaml.safe_load(path.read_text())["generator"]["init_args"] for path in RECIPES)]
)
def test_at_most_a_million_parameters(settings):
    assert len(RECIPES) >= 2
    names = NAMES | {"conditions": (settings.get("source_condition", "nm"),)}
    assert sum(one.numel() for one in Draper(**names, **settings).parameters()) <= 1_000_000


def test_it_dresses_in_coats_alone():
    torch.manual_seed(0)
    made = Draper(condition="cl", subjects=("a",), conditions=("nm", "bg", "cl"), views=("090",))
    frames = torch.randint(0, 2, (3, 1, 64, 64), dtype=torch.uint8) * 255
    labels = Labels(torch.zeros(3, dtype=torch.int64), torch.tensor([0, 1, 2]), torch.zeros(3, dtype=torch.int64))
    found = made.generate(frames, labels, torch.Generator().manual_seed(0))
    kept = made.to_unit(frames)
    assert torch.equal(found[:2], kept[:2]), "normal walking and bags stay as they are"
    assert not torch.equal(found[2], kept[2])
    with pytest.raises(RecipeError, match="condition is nm, which is what it dresses"):
        Draper(condition="nm", **NAMES)


def test_the_loss_equals_its_slow_twin():
    rng = torch.Generator().manual_seed(0)
    logits = 2 * torch.randn(3, 1, 4, 5, generator=rng, dtype=torch.float64)
    wanted = (torch.rand(3, 1, 4, 5, generator=rng) > 0.5).float()
    wanted[2] = 0  # an empty frame
    found = dressing_loss(logits, wanted).value.item()
    assert found == pytest.approx(slow.dressing_loss(logits.flatten(1).numpy(), wanted.flatten(1).numpy()), rel=1e-5)
    perfect = dressing_loss(40 * (wanted - 0.5), wanted)
    assert perfect.value.item() < 1e-6


def test_pairs_show_one_body_at_one_step_with_and_without_the_coat():
    frames, coat = rendered_pairs(3, 5)
    usual, name = Variety(), "draper5"
    who, rng = person(3, name, usual), stream(3, "draper", name)
    np.testing.assert_array_equal(coat, coat_features(who.coat))
    take = walk(3, SequenceKey(name, "nm", "01", ""), who, usual)
    scene = act(replace(take, outfit=who.coat), 24)
    camera = camera_of(3, SequenceKey(name, "nm", "0", f"{rng.uniform(0, 360):.1f}"), usual)
    expected = [align(mask) for mask in silhouettes(scene, camera)[::3]]
    np.testing.assert_array_equal(frames[:8, 1], expected)
    overlap = [
        (np.minimum(a, b) > 127).sum() / (a > 127).sum() for a, b in frames
    ]  # a coat covers the body that wears it
    assert np.mean(overlap) > 0.85
    assert frames[:, 1].mean() > frames[:, 0].mean()


def test_coats_differ_in_their_features():
    coats = [coat_features(draw_coat(draw_outfit(rng), rng)) for rng in map(np.random.default_rng, range(200))]
    assert all(coat.shape == (COAT_FEATURES,) and coat.min() >= 0 and coat.max() < 1.8 for coat in coats)
    assert (np.std(coats, axis=0) > 0.05).all()
    assert not coat_features(draw_outfit(np.random.default_rng(3)))[6:8].all()


def test_people_without_any_coat_are_dressed_and_the_rest_stays(tmp_path):
    store = tiny_store(tmp_path / "store", without_coat=3)
    batches = FrameBatches(store, store.keys, batch_size=16)
    torch.manual_seed(0)
    names = batches.names
    model = Draper(
        subjects=names.subjects, conditions=names.conditions, views=names.views, people=6, people_per_batch=3,
        widths=(8, 8, 16, 16),
    )  # fmt: skip
    assert model.names.conditions == ("nm", "cl")
    loop = Loop(steps=60, seed=1, accelerator="cpu", ema_decay=0.9, log_every=20)
    result = fit_generator(model, batches, loop, tmp_path / "run")
    assert result.numbers["pairs/dice"] > 0.85
    sources = torch.from_numpy(rendered_pairs(0, 50)[0][:8, :1].copy())
    zeros = torch.zeros(8, dtype=torch.int64)
    dressed, same = (result.model.sample(sources, Labels(zeros, zeros + c, zeros), torch.Generator()) for c in (1, 0))
    assert torch.equal(same, sources)
    assert (dressed > 127).sum() > (sources > 127).sum()
    filled = expand(
        Packed(tmp_path / "store", train=3), GeneratorExpander(result.model), wanted={"cl": 1}, out=tmp_path / "filled"
    )
    assert {key.condition for key in Packed(filled).store().generated} == {"cl"}


def test_a_take_wears_one_coat():
    model = Draper(**NAMES, widths=(4, 4, 8, 8)).eval()
    same = torch.from_numpy(rendered_pairs(0, 1)[0][:1, :1].copy()).expand(4, -1, -1, -1)
    labels = Labels(torch.tensor([0, 0, 1, 1]), torch.ones(4, dtype=torch.int64), torch.zeros(4, dtype=torch.int64))
    with torch.no_grad():
        frames = model.generate(same, labels, torch.Generator().manual_seed(0))
    torch.testing.assert_close(frames[0], frames[1])
    assert not torch.allclose(frames[0], frames[2])

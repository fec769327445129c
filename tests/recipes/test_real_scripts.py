"""Scoring and trainings of recipes/real: what the tables of docs/results/real.md rest on."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from walkprint.gallery import Templates
from walkprint.recognizer.cohort import Cohort
from walkprint.recognizer.verdict import Verdict

LABELS = ("subject", "condition", "take", "view")
FOLDER = Path(__file__).parents[2] / "recipes" / "real"


@pytest.fixture(scope="module")
def scripts():
    sys.path.insert(0, str(FOLDER))
    before = set(sys.modules)
    try:
        yield {
            name: importlib.import_module(name)
            for name in ("fair", "fusion", "grid", "upright", "pool", "recognize", "train", "mask_model")
        }
    finally:
        sys.path.remove(str(FOLDER))
        for name in sorted(sys.modules.keys() - before):
            if str(getattr(sys.modules[name], "__file__", "")).startswith(str(FOLDER)):
                del sys.modules[name]


def people_of_two_places(fair, shift):
    """Twelve people outdoors, each twice, and once indoors, where every clip is moved by the same."""
    rng = np.random.default_rng(0)
    who = rng.normal(size=(12, 3, 8)).astype(np.float32)
    names = np.array([f"{i:03d}" for i in range(12)])
    vectors = np.concatenate(
        [who, who + 0.05 * rng.normal(size=who.shape), who + 0.05 * rng.normal(size=who.shape) + shift]
    )
    clips = fair.Clips(
        [],
        np.tile(names, 3),
        np.repeat(["outdoor", "outdoor", "indoor"], 12),
        np.repeat(["01", "02", "01"], 12),
        np.full(36, "left"),
    )
    return vectors.astype(np.float32), clips


def test_a_site_takes_away_what_all_clips_of_a_place_share(scripts):
    fair = scripts["fair"]
    shift = np.zeros(8, np.float32)
    shift[0] = 40
    vectors, clips = people_of_two_places(fair, shift)
    found = {site: fair.hits(vectors, clips, None, None, site)["indoor"].percent for site in (False, True)}
    assert found[False] < 30
    assert found[True] == 100
    assert fair.hits(vectors, clips, None, None, False)["outdoor"].percent == 100


def test_the_probe_is_not_in_its_own_site(scripts):
    fair = scripts["fair"]
    vectors, clips = people_of_two_places(fair, np.zeros(8, np.float32))
    expected = fair.hits(vectors, clips, None, None, True)["indoor"].right
    for probe in range(24, 36):
        rest = np.arange(36) != probe
        unit = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
        outdoor, indoor = (unit[rest & (clips.condition == name)].mean(0) for name in ("outdoor", "indoor"))
        one, gallery = unit[probe] - indoor, unit[:12] - outdoor
        one, gallery = (x / np.linalg.norm(x, axis=-1, keepdims=True) for x in (one, gallery))
        assert (int((gallery * one).sum((1, 2)).argmax()) == probe - 24) == expected[probe - 24]


def test_without_a_gallery_or_a_site_one_line_says_so(scripts):
    fair = scripts["fair"]
    vectors, clips = people_of_two_places(fair, np.zeros(8, np.float32))
    turned = np.where(clips.condition == "outdoor", "left", "right")
    apart = fair.Clips([], clips.subject, clips.condition, clips.take, turned)
    with pytest.raises(SystemExit, match="no first take in direction 'right'"):
        fair.hits(vectors, apart, None, None, False)
    with pytest.raises(SystemExit, match="no clip but the probe"):
        fair.hits(vectors[:25], fair.Clips([], *(getattr(clips, name)[:25] for name in LABELS)), None, None, True)


def test_means_weigh_columns_and_runs_equally_and_resample_people(scripts):
    fair = scripts["fair"]
    right, wrong = np.array([True] * 6), np.array([False] * 2)
    columns = {"a": fair.Hits(np.array(list("uvwxyz")), right), "b": fair.Hits(np.array(list("uv")), wrong)}
    middle, low, high = fair.mean_interval([columns, columns])
    assert middle == 50
    assert low <= middle <= high


def test_upright_clips_stand_at_one_place(scripts):
    masks = np.zeros((5, 64, 44), np.uint8)
    for row in range(8, 62):
        masks[:, row, 12 + (62 - row) // 4 : 18 + (62 - row) // 4] = 1
    joints = np.zeros((5, 6, 2), np.float32)
    joints[:, 0], joints[:, 3:5] = (28, 9), (15, 61)
    stands = scripts["upright"].upright(masks, joints)
    middles = [np.flatnonzero(stands[2, row]).mean() for row in (15, 35, 55)]
    assert np.ptp(middles) < 1.5
    assert abs(middles[0] - scripts["upright"].MIDDLE) < 1.5


def test_clothes_that_say_nothing_cost_nothing(scripts):
    grid, rng = scripts["grid"], torch.Generator().manual_seed(0)
    worn = torch.randn(64, 3, generator=rng)
    who = torch.randn(16, 1, 2, 6, generator=rng).expand(16, 4, 2, 6).reshape(64, 2, 6)
    dressed = who.clone()
    dressed[:, 0, 0] += 3 * worn[:, 0]
    assert float(grid.by_clothes(who, worn)) < 1e-6
    assert float(grid.by_clothes(dressed, worn)) > 0.05


def test_an_oracle_scores_nobody_it_learned(scripts):
    fair, grid = scripts["fair"], scripts["grid"]
    _, clips = people_of_two_places(fair, np.zeros(8, np.float32))
    frames = [np.zeros((3, 352), np.uint8) for _ in range(36)]
    usf = fair.Clips(frames, clips.subject, np.repeat(["gallery", "A", "B"], 12), np.full(36, "01"), np.full(36, ""))
    sets = {"kth": fair.Clips(frames, clips.subject, clips.condition, clips.take, clips.view), "usf": usf}
    assert len(grid.half_of(sets, 0)) == len(grid.half_of(sets, 1)) == 12
    halves = []
    for fold in (0, 1):
        told = np.isin(clips.subject[:12], np.unique(clips.subject)[fold::2])
        halves.append({way: {name: {"a": fair.Hits(clips.subject[:12], told)} for name in sets} for way in fair.WAYS})
    joined = grid.joined(halves, sets)["none"]["kth"]["a"]
    assert sorted(joined.subject) == sorted(set(clips.subject))
    assert not joined.right.any()


@pytest.fixture
def pool(scripts, tmp_path):
    """66 people whose frames differ everywhere; nothing is worn."""
    grid, rng, shape = scripts["grid"], np.random.default_rng(0), (66, 6, 16, 352)
    forms = {name: rng.integers(1, 255, shape, dtype=np.uint8) for name in grid.FORMS}
    np.savez(tmp_path / "pool.npz", outfit=np.zeros((66, 6, 14)), seen=np.ones(shape[:3], bool), **forms)
    np.savez(tmp_path / "model.npz", model=forms["clean"])
    return grid.Pool(tmp_path / "pool.npz")


def test_the_undressed_clip_shows_the_steps_of_the_one_before(scripts, pool):
    grid = scripts["grid"]
    bits, _, kinds = pool.draw(np.random.default_rng(0), grid.ARMS["undressed"])
    dressed, bare = (pool.bits[name].flatten(0, 2) for name in ("film", "bare"))
    assert kinds.reshape(16, 4).tolist() == [["film", "film", "film", "bare"]] * 16
    for one, other in bits.unflatten(0, (16, 4))[:, 2:]:
        rows = [
            [int((some == frame).all(1).nonzero()) for frame in clip] for some, clip in ((dressed, one), (bare, other))
        ]
        assert rows[0] == rows[1]


def test_each_kind_of_clip_is_drawn_from_its_own_form(scripts, pool):
    for name in ("drawn", "film", "clean", "model", "both"):
        bits, _, kinds = pool.draw(np.random.default_rng(0), scripts["grid"].ARMS[name])
        for clip, kind in zip(bits, kinds, strict=True):
            assert (pool.bits[kind] == clip[0]).all(-1).any()


def test_snippets_are_two_windows(scripts):
    for seed in range(20):
        times = scripts["grid"].in_windows(np.random.default_rng(seed), np.arange(3, 15))
        first, second = np.sort(times.reshape(2, -1), axis=1)
        assert len(set(times)) == 6
        assert np.ptp(first) <= 3
        assert np.ptp(second) <= 3
        assert first.max() < second.min()


def test_losses_of_the_arms(scripts):
    grid, train = scripts["grid"], scripts["train"]
    embeddings = torch.randn(64, 3, 8, generator=torch.Generator().manual_seed(0))
    kinds = np.tile(["drawn", "film"], 32)
    entropy = train.entropy(embeddings, 16, 4)
    losses = {name: grid.separating(grid.ARMS[name])(embeddings, kinds) for name in ("both", "within", "margin")}
    torch.testing.assert_close(losses["both"] + entropy, train.loss_of(embeddings, 16, 4))
    assert 0 < losses["within"] < losses["both"]  # fewer negatives are farther away
    assert losses["margin"] != losses["both"]
    one_kind = grid.separating(grid.ARMS["within"])(embeddings, np.repeat("film", 64))
    torch.testing.assert_close(one_kind, losses["both"])


def test_what_a_mask_model_adds_lasts_as_long_as_asked(scripts):
    module, generator = scripts["mask_model"], torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    model = module.MaskModel().eval()
    clean = torch.full((5, 352), 0b10011001, dtype=torch.uint8)
    lasting, fleeting = (module.draw(model, clean, share, generator) for share in (1.0, 0.0))
    assert (lasting == lasting[0]).all()
    assert (fleeting != fleeting[0]).any()


def test_differences_are_paired_by_person(scripts):
    grid, names = scripts["grid"], [f"{number:02d}" for number in range(20)]
    right = [number % 2 == 0 for number in range(20)]

    def run(found):
        return {"hits": {"none": {"kth": {"a": [names, found], "b": [names, right]}}}}

    better = [run([True] * 20), run(right)]
    assert grid.difference(better, [run(right)], "none", "kth").startswith("+12.5 [")
    assert grid.difference([run(right)], [run(right)] * 2, "none", "kth") == "+0.0 [+0.0, +0.0]"


def test_walks_of_one_person_are_joined_in_three_ways(scripts):
    rng = np.random.default_rng(0)
    drawn = rng.normal(size=(120, 2, 8)).astype(np.float32)
    strangers = Cohort(drawn / np.linalg.norm(drawn, axis=2, keepdims=True), np.repeat(np.arange(60), 2), "toy")
    judge = Verdict(Templates(drawn[:5], list("abcde"), ["left"] * 5, {}, 0), strangers)
    views, weights = np.array(["left", "left"]), np.array([3.0, 1.0])
    _, alone = judge.compare(drawn[:2], views)
    even, weighted, joined = scripts["fusion"].fused(judge, drawn[:2], views, weights)
    np.testing.assert_allclose(even, alone.mean(axis=0))
    np.testing.assert_allclose(weighted, 0.75 * alone[0] + 0.25 * alone[1])
    assert joined.argmax() == 0  # nearer to the heavier walk than to the other
    assert joined[0] > joined[1] > joined[2:].max()


def test_a_walk_is_seen_from_the_others_of_its_place_and_direction(scripts):
    rng = np.random.default_rng(0)
    walks = {
        "vectors": rng.normal(size=(24, 1, 4)),
        "condition": np.repeat(["outdoor", "clothes", "indoor"], [8, 8, 8]),
        "view": np.tile(["left"] * 6 + ["right"] * 2, 3),
    }
    site = scripts["recognize"].OtherWalks(walks)
    site.question = [0, 16]
    left, whole = site.origins([])
    np.testing.assert_allclose(left, site.unit[[*range(1, 6), *range(8, 14)]].mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(whole, site.unit[17:24].mean(axis=0), rtol=1e-6)  # six of a direction are too few

"""Latent flow: pairs are the cheapest; views stay apart; a take is one draw; a coat is learned from few."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tests.generation.miniatures import tiny_store
from tests.oracles import flows as slow

from walkprint.generation.batches import FrameBatches
from walkprint.generation.labels import Labels
from walkprint.generation.latent_flow import LatentFlow, transport_pairs
from walkprint.training.fit_generator import fit_generator
from walkprint.training.loop import Loop


def labels(views, conditions):
    return Labels(torch.zeros(len(views), dtype=torch.int64), torch.tensor(conditions), torch.tensor(views))


@pytest.mark.parametrize("seed", range(4))
def test_pairs_are_the_cheapest_within_view_and_condition(seed):
    rng = torch.Generator().manual_seed(seed)
    starts, ends = torch.randn(2, 9, 3, generator=rng)
    start_views, views = [0, 0, 0, 0, 1, 1, 1, 1, 1], [0, 0, 1, 1, 1, 0, 1, 0, 2]
    conditions = [0, 1, 0, 0, 1, 0, 1, 0, 0]
    before, after = transport_pairs(starts, ends, torch.tensor(start_views), labels(views, conditions))
    assert len(set(before.tolist())) == len(before) == len(set(after.tolist())) == 8  # no start is of view 2
    groups: dict = {}
    for start, end in zip(before.tolist(), after.tolist(), strict=True):
        assert start_views[start] == views[end]
        groups.setdefault((views[end], conditions[end]), []).append((start, end))
    for pairs in groups.values():
        first, second = (np.array(some) for some in zip(*pairs, strict=True))
        cost = float((starts[first] - ends[second]).square().sum())
        assert cost == pytest.approx(slow.cheapest(starts[first].numpy(), ends[second].numpy()), rel=1e-5)


def test_more_ends_than_starts_leave_some_over_and_none_give_none():
    starts, ends = torch.randn(2, 3), torch.randn(5, 3)
    before, after = transport_pairs(starts, ends, torch.zeros(2, dtype=torch.int64), labels([0] * 5, [0] * 5))
    assert sorted(before.tolist()) == [0, 1]
    assert len(after) == 2
    before, after = transport_pairs(starts, ends, torch.ones(2, dtype=torch.int64), labels([0] * 5, [0] * 5))
    assert (len(before), len(after)) == (0, 0)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder: Path = tmp_path_factory.mktemp("flow")
    store = tiny_store(folder / "store", without_coat=1)
    batches = FrameBatches(store, store.keys, batch_size=16)
    torch.manual_seed(0)
    names = batches.names
    model = LatentFlow(
        subjects=names.subjects, conditions=names.conditions, views=names.views, widths=(8, 8, 16, 16), latent_size=8,
        hidden=32, learning_rate=2e-3, sampling_steps=4,
    )  # fmt: skip
    loop = Loop(steps=250, seed=1, accelerator="cpu", ema_decay=0.99, log_every=50)
    return fit_generator(model, batches, loop, folder / "run").model, batches


def test_a_coat_makes_wider_and_normal_walking_stays(trained):
    model, batches = trained
    sources = torch.cat([batches.batch(i).sources for i in range(900, 904)])
    subjects = torch.cat([batches.batch(i).targets.subjects for i in range(900, 904)])
    zeros = torch.zeros_like(subjects)
    coat, normal = (
        model.sample(sources, Labels(subjects, zeros + which, zeros), torch.Generator()) for which in (0, 1)
    )
    for who in range(3):  # the last was never seen in a coat
        wide, narrow, before = (float((one[subjects == who] > 127).float().mean()) for one in (coat, normal, sources))
        assert wide > 1.15 * narrow
        assert narrow == pytest.approx(before, rel=0.2)


def test_a_take_is_one_draw(trained):
    model, batches = trained
    same = batches.batch(0).sources[:1].expand(4, -1, -1, -1)
    zeros = torch.zeros(4, dtype=torch.int64)
    frames, others = (
        model.generate(same, Labels(zeros, zeros, zeros), torch.Generator().manual_seed(seed)).detach()
        for seed in (0, 1)
    )
    torch.testing.assert_close(frames, frames[:1].expand(4, -1, -1, -1), rtol=1e-3, atol=1e-5)
    assert not torch.allclose(frames, others, rtol=1e-3, atol=1e-5)

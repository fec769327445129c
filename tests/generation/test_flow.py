"""Flow matching: the loss is its slow twin; a known velocity leads where theory has it; a learned one nearly does."""

import numpy as np
import pytest
import torch
from tests.oracles import flows as slow
from torch import nn

from walkprint.generation.flow import TIME_FEATURES, flow_loss, follow, time_features

FIRST = (torch.tensor([-1.0, 2.0]), torch.tensor([0.5, 1.0]))
SECOND = (torch.tensor([3.0, 0.0]), torch.tensor([1.5, 0.25]))


def drawn(count, generator, mean, spread):
    return mean + spread * torch.randn(count, 2, generator=generator)


def test_the_loss_equals_its_slow_twin():
    rng = torch.Generator().manual_seed(0)
    starts, ends = (torch.randn(5, 1, 3, 2, generator=rng, dtype=torch.float64) for _ in "ab")
    times = torch.rand(5, generator=rng, dtype=torch.float64)
    found = flow_loss(lambda points, times: points * times.view(-1, 1, 1, 1), starts, ends, times)
    expected = slow.flow_loss(lambda point, time: point * time, starts.numpy(), ends.numpy(), times.numpy())
    assert found.item() == pytest.approx(expected, rel=1e-6)


def test_a_batch_without_pairs_costs_nothing_and_hangs_on_the_graph():
    layer = nn.Linear(2, 2)
    loss = flow_loss(lambda points, times: layer(points), torch.empty(0, 2), torch.empty(0, 2), torch.empty(0))
    loss.backward()
    assert loss.item() == 0
    assert layer.weight.grad is not None


def test_the_known_velocity_of_two_gaussians_leads_to_the_known_ends():
    points = drawn(50, torch.Generator().manual_seed(0), *FIRST)

    def velocity(at, times):
        return slow.gaussian_velocity(at, times[:, None], FIRST, SECOND)

    ends = follow(velocity, points, 0, 1, 200)
    torch.testing.assert_close(ends, slow.gaussian_end(points, FIRST, SECOND), rtol=0, atol=2e-3)
    half = follow(velocity, points, 0, 0.5, 100)
    torch.testing.assert_close(follow(velocity, half, 0.5, 1, 100), ends, rtol=0, atol=1e-3)
    torch.testing.assert_close(follow(velocity, ends, 1, 0, 200), points, rtol=0, atol=2e-3)


def test_the_midpoint_rule_is_of_second_order():
    points = drawn(50, torch.Generator().manual_seed(0), *FIRST)
    truth = slow.gaussian_end(points, FIRST, SECOND)
    far = [
        float((follow(lambda at, t: slow.gaussian_velocity(at, t[:, None], FIRST, SECOND), points, 0, 1, n) - truth)
              .abs().max())
        for n in (40, 80)
    ]  # fmt: skip
    assert far[0] / far[1] > 3.5


def test_a_learned_velocity_nearly_leads_there():
    torch.manual_seed(0)
    rng, net = (
        torch.Generator().manual_seed(1),
        nn.Sequential(nn.Linear(2 + TIME_FEATURES, 64), nn.SiLU(), nn.Linear(64, 64), nn.SiLU(), nn.Linear(64, 2)),
    )

    def velocity(at, times):
        return net(torch.cat([at, time_features(times)], dim=1))

    adam = torch.optim.Adam(net.parameters(), lr=5e-3)
    for _ in range(300):
        adam.zero_grad()
        starts, ends = drawn(256, rng, *FIRST), drawn(256, rng, *SECOND)
        flow_loss(velocity, starts, ends, torch.rand(256, generator=rng)).backward()
        adam.step()
    points = drawn(500, rng, *FIRST)
    with torch.no_grad():
        ends = follow(velocity, points, 0, 1, 8)
    truth = slow.gaussian_end(points, FIRST, SECOND)
    assert float((ends - truth).abs().mean()) < 0.25
    np.testing.assert_allclose(ends.mean(0), SECOND[0], atol=0.25)
    np.testing.assert_allclose(ends.std(0), SECOND[1], atol=0.3)


def test_features_of_times_differ():
    features = time_features(torch.linspace(0, 1, 50))
    assert features.shape == (50, TIME_FEATURES)
    assert torch.pdist(features).min() > 0.01

import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from walkprint.core.errors import RecipeError
from walkprint.training.schedule import CosineWithWarmup, MultiStep, OneCycle, Schedule


def rates(schedule: Schedule, steps: int, rate: float = 0.2) -> list[float]:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=rate)
    scheduler = schedule(optimizer)
    seen = []
    for _ in range(steps):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return seen


def test_multi_step_equals_torch() -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.2)
    twin = torch.optim.lr_scheduler.MultiStepLR(optimizer, [3, 7], gamma=0.1)
    expected = []
    for _ in range(10):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        twin.step()
    assert rates(MultiStep([3, 7]), 10) == pytest.approx(expected)


def test_one_cycle_equals_torch() -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    twin = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=1.0, total_steps=21, pct_start=5 / 21, cycle_momentum=False, final_div_factor=40.0
    )
    expected = []
    for _ in range(21):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        twin.step()
    ours = rates(OneCycle(20, rise=0.2, final_division=1000.0), 21, 1.0)  # torch counts both ends of each ramp
    assert ours == pytest.approx(expected, abs=1e-9)


def test_cosine_rises_then_falls_to_its_end() -> None:
    seen = rates(CosineWithWarmup(steps=20, warmup_steps=4, final=0.1), 21, 1.0)
    assert seen[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert seen[12] == pytest.approx(0.55)
    assert seen[20] == pytest.approx(0.1)
    assert all(early > late for early, late in itertools.pairwise(seen[4:]))


@given(st.integers(2, 200), st.integers(0, 400))
def test_factors_stay_between_zero_and_one(steps: int, step: int) -> None:
    for schedule in (MultiStep([steps], warmup_steps=3), CosineWithWarmup(steps, steps // 2), OneCycle(steps)):
        assert 0 <= schedule.factor(step) <= 1 + 1e-12
        assert math.isfinite(schedule.factor(step))


def test_no_state_but_the_step() -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.2)
    state = MultiStep([3])(optimizer).state_dict()
    assert state["lr_lambdas"] == [None]


@pytest.mark.parametrize(
    "make",
    [
        lambda: MultiStep([5, 5]),
        lambda: MultiStep([0]),
        lambda: MultiStep([5], gamma=0),
        lambda: CosineWithWarmup(5, 5),
        lambda: CosineWithWarmup(5, final=2),
        lambda: OneCycle(0),
        lambda: OneCycle(5, rise=1.0),
    ],
)
def test_bad_settings_are_named(make) -> None:
    with pytest.raises(RecipeError, match="expected"):
        make()

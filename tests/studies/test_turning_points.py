"""Where a method begins to help or to harm; how much of a gap it closes."""

import numpy as np
import pytest

from walkprint.studies.comparison import gap_table
from walkprint.studies.statistics import Estimate, share_over_seeds, share_over_subjects
from walkprint.studies.turning_points import gains_by_number, gains_diagram, turning_table, turns


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({2: 0.1, 8: 0.3}, "helps throughout"),
        ({4: -0.1, 2: -0.2}, "harms throughout"),
        ({4: -0.1, 16: 0.1}, "harms up to 8, helps beyond"),
        ({4: 0.1, 8: 0.3, 64: -0.1}, "helps up to 38, harms beyond"),
        ({2: -1.0, 8: 1.0, 32: -1.0}, "harms up to 4, helps up to 16, harms beyond"),
        ({2: 0.0, 4: -0.1, 8: 0.0}, "harms throughout"),
        ({2: 0.0}, "no difference"),
        ({}, "no difference"),
    ],
)
def test_turns(values, expected):
    assert turns(values) == expected


def numbers(*values, people=("a", "b")):
    """Seed -> what a cell of recognition has, with this rank-1 of everyone on CL and NM."""
    sets = ("CL", "NM")
    return {
        seed: {"rank-1": dict.fromkeys(sets, one), "by subject": dict.fromkeys(sets, dict.fromkeys(people, one))}
        for seed, one in enumerate(values)
    }


def test_methods_turn_where_their_differences_do():
    outcomes = {
        ("eighth", "original"): numbers(0.5, 0.6),
        ("eighth", "drawn"): numbers(0.7, 0.8),
        ("2", "original"): numbers(0.9, 0.9),
        ("2", "drawn"): numbers(0.7, 0.7),
        ("1", "drawn"): numbers(0.1, 0.1),
        ("half", "lonely"): numbers(0.1, 0.1),
    }
    gains = gains_by_number(outcomes, {"2": 64, "half": 32, "eighth": 8}, "original", "CL")
    assert list(gains) == ["drawn"]
    assert {number: round(one.value, 3) for number, one in gains["drawn"].items()} == {8: 0.2, 64: -0.2}
    table = turning_table("CL", gains)
    assert table.lines[0] == ["made by", "8", "64", "turns"]
    assert table.lines[1] == ["drawn", "+20.0 [+20.0, +20.0]", "-20.0 [-20.0, -20.0]", "helps up to 23, harms beyond"]
    assert "drawn" in gains_diagram("CL", gains).svg


@pytest.mark.parametrize("gain", [Estimate(0.1, 0.2, -0.1, 0.3, 3), Estimate(0.1, count=1)])
def test_a_gain_that_may_be_nothing_settles_nothing(gain):
    sure = Estimate(0.2, 0.01, 0.1, 0.3, 3)
    table = turning_table("CL", {"drawn": {2: sure, 8: gain}, "sure": {2: sure, 8: sure}})
    assert [line[-1] for line in table.lines[1:]] == ["helps throughout (not settled)", "helps throughout"]


def test_a_share_is_the_mean_gain_in_the_mean_gap():
    gaps = {0: 0.19, 1: 0.21}
    assert share_over_seeds({0: 0.152, 1: 0.168}, gaps).interval(signed=False) == "80.0 [80.0, 80.0]"
    apart = share_over_seeds({0: 0.2, 1: 0.2}, gaps)
    assert apart.value == pytest.approx(1)
    assert (apart.low, apart.high) == pytest.approx((1 - 12.7062 * 0.05, 1 + 12.7062 * 0.05), rel=1e-4)
    assert np.isnan(share_over_seeds({0: 0.1}, {0: -0.1}).value)
    assert np.isnan(share_over_seeds({}, {}).value)
    assert share_over_seeds({0: 0.1}, {0: 0.2}) == Estimate(0.5, count=1)


def test_a_gap_that_may_be_nothing_gives_a_share_no_interval():
    outcomes = {
        ("GaitSet", "original"): numbers(0.5, 0.5, 0.5),
        ("GaitSet", "drawn"): numbers(0.51, 0.51, 0.51),
        ("GaitSet", "recorded"): numbers(0.6, 0.401, 0.503),
    }
    table = gap_table("gap", outcomes, "original", "recorded", "CL")
    assert table.lines[1][:3] == ["GaitSet", "drawn", "750.0 [-]"]
    assert "reaches 0" in table.note


def test_people_are_drawn_with_their_gains_and_gaps_together():
    rng = np.random.default_rng(1)
    gaps = {seed: {f"{i}": float(rng.uniform(0.1, 0.5)) for i in range(12)} for seed in range(2)}
    same = {seed: {name: 0.5 * gap for name, gap in some.items()} for seed, some in gaps.items()}
    found = share_over_subjects(same, gaps)
    assert (found.value, found.low, found.high) == pytest.approx((0.5, 0.5, 0.5))
    gains = {seed: {name: float(rng.uniform(0, 0.4)) for name in some} for seed, some in gaps.items()}
    found = share_over_subjects(gains, gaps, resamples=50)
    drawn, slow = np.random.default_rng(0), []
    draws = {seed: drawn.integers(12, size=(50, 12)) for seed in gaps}
    for i in range(50):
        means = [[np.mean([side[seed][f"{one}"] for one in draws[seed][i]]) for seed in gaps] for side in (gains, gaps)]
        slow.append(sum(means[0]) / sum(means[1]))
    assert (found.low, found.high) == pytest.approx(tuple(np.percentile(slow, (2.5, 97.5))))
    vanishing = {0: {"a": 0.1, "b": -0.1, "c": 0.02}}
    known = share_over_subjects(vanishing, vanishing)
    assert (known.low, known.high) == (None, None), "resamples without a gap have no share"
    assert np.isnan(share_over_subjects({}, {}).value)


def test_the_share_of_the_mean_of_networks():
    outcomes = {
        ("GaitSet", "original"): numbers(0.5, 0.5),
        ("GaitSet", "drawn"): numbers(0.7, 0.7),
        ("GaitSet", "recorded"): numbers(0.9, 0.9),
        ("GEINet", "original"): numbers(0.2, 0.2),
        ("GEINet", "drawn"): numbers(0.6, 0.6),
        ("GEINet", "recorded"): numbers(0.6, 0.6),
        ("GaitPart", "original"): numbers(0.2, 0.2),
        ("GaitPart", "drawn"): numbers(0.3, 0.3),
    }
    lines = gap_table("gap", outcomes, "original", "recorded", "CL").lines
    assert [line[:2] for line in lines[1:]] == [
        ["GaitSet", "drawn"],
        ["GEINet", "drawn"],
        ["mean of 2 networks", "drawn"],
    ]
    assert [line[2] for line in lines[1:]] == [f"{one} [{one}, {one}]" for one in ("50.0", "100.0", "75.0")]
    assert lines[1][3:] == ["50.0 [50.0, 50.0]", "2"]
    alone = {pair: one for pair, one in outcomes.items() if pair[1] != "recorded"}
    assert len(gap_table("gap", alone, "original", "recorded", "CL").lines) == 1

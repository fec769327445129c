import math

import pytest
from tests.oracles.studies import bootstrap, student_point

from walkprint.studies.statistics import Estimate, over_seeds, over_subjects, paired


@pytest.mark.parametrize("freedom", [1, 2, 5, 10, 11, 29, 200])
def test_intervals_over_seeds_are_those_of_integration(freedom):
    one = over_seeds(list(range(freedom + 1)))
    point = (one.high - one.value) * math.sqrt(one.count) / one.spread
    assert point == pytest.approx(student_point(freedom), abs=2e-3 if freedom == 1 else 1e-5)


def test_interval_over_seeds():
    one = over_seeds([0.1, 0.2, 0.6])
    assert one.value == pytest.approx(0.3)
    assert one.spread == pytest.approx(math.sqrt((0.04 + 0.01 + 0.09) / 2))
    assert one.high - one.value == pytest.approx(4.302653 * one.spread / math.sqrt(3))
    assert not one.certain
    assert over_seeds([0.2, 0.21, 0.19]).certain
    assert one.percent() == "30.0 ± 26.5"
    assert one.interval().startswith("+30.0 [-35.7, ")
    assert Estimate(-0.0001).interval() == "+0.0"
    assert Estimate(-0.0001).percent() == "0.0"


def test_few_seeds_have_no_interval():
    assert over_seeds([0.5]) == Estimate(0.5, count=1)
    assert math.isnan(over_seeds([]).value)
    assert over_seeds([]).percent() == over_seeds([]).interval() == "-"


def test_bootstrap_over_subjects_equals_the_slow_twin():
    groups = {0: {"a": 0.1, "b": -0.2, "c": 0.4, "d": 0.0}, 1: {"a": 0.3, "b": 0.2, "c": -0.1}}
    one = over_subjects(groups, resamples=8000)
    low, high = bootstrap([list(group.values()) for group in groups.values()], 8000, 1)
    assert one.value == pytest.approx((0.3 / 4 + 0.4 / 3) / 2)
    assert one.low == pytest.approx(low, abs=0.01)
    assert one.high == pytest.approx(high, abs=0.01)
    assert over_subjects(groups) == over_subjects(groups)


def test_bootstrap_of_nobody_or_of_one():
    assert math.isnan(over_subjects({}).value)
    assert over_subjects({0: {"a": 0.5}}) == Estimate(0.5, count=1)


def test_differences_are_of_seeds_that_both_have():
    assert paired({0: 3.0, 1: 5.0, 4: 1.0}, {1: 1.0, 0: 1.0, 2: 9.0}) == {0: 2.0, 1: 4.0}

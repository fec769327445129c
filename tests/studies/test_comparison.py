import pytest

from walkprint.core.protocol import Protocol, Selection
from walkprint.studies.comparison import OPEN_SET, difference_table, mean_table, real_tables

NETWORKS = ("A", "B")


def numbers(value: float) -> dict:
    return {"rank-1": {"NM": value}, "by subject": {"NM": {"x": value - 0.1, "y": value + 0.1}}}


@pytest.fixture
def outcomes():
    gains = {"A": (0.1, 0.2, 0.3), "B": (0.3, 0.2, 0.1)}
    table = {}
    for network in NETWORKS:
        table[network, "plain"] = {seed: numbers(0.5) for seed in range(3)}
        table[network, "new"] = {seed: numbers(0.5 + gains[network][seed]) for seed in range(3)}
    return table


def test_means_and_spread(outcomes):
    lines = mean_table("t", outcomes, "rank-1", ["NM"]).lines
    assert lines[0] == ["network", "variant", "NM", "seeds"]
    assert lines[2] == ["A", "new", "70.0 ± 10.0", "3"]


def test_differences_are_paired_and_networks_averaged_within_a_seed(outcomes):
    lines = difference_table("t", outcomes, "plain", "rank-1", ["NM"]).lines
    assert [line[:2] for line in lines[1:]] == [["A", "new"], ["B", "new"], ["mean of 2 networks", "new"]]
    assert lines[1][2] == "+20.0 [-4.8, +44.8]"
    assert lines[3][2] == "+20.0 [+20.0, +20.0]"  # every seed gains 0.2 on average over networks
    assert lines[3][3] == "+20.0 [+20.0, +20.0]"  # and so does everybody


def test_a_network_without_the_variant_is_left_out(outcomes):
    del outcomes["B", "new"], outcomes["A", "new"][2]
    lines = difference_table("t", outcomes, "plain", "rank-1", ["NM"]).lines
    assert [line[:2] for line in lines[1:]] == [["A", "new"]]
    assert lines[1][-1] == "2"


def test_a_mean_of_networks_counts_the_seeds_that_all_of_them_have(outcomes):
    del outcomes["A", "new"][2], outcomes["B", "new"][0]
    lines = difference_table("t", outcomes, "plain", "rank-1", ["NM"]).lines
    assert [line[-1] for line in lines[1:]] == ["2", "2", "1"]
    assert lines[3][2] == "+20.0"  # no interval of one seed


def test_the_same_people_of_all_seeds_are_one_group(outcomes):
    for seed, gain in enumerate((0.0, 0.2, 0.4)):
        outcomes["A", "new"][seed]["by subject"]["NM"] = {"x": 0.4 + gain, "y": 0.6 + gain}
    lines = difference_table("t", outcomes, "plain", "rank-1", ["NM"], same_people=True).lines
    assert lines[1][3] == "+20.0 [+20.0, +20.0]"  # both gain 0.2 on average, whatever a seed says


def test_open_sets_of_real_people_say_how_they_are_read(outcomes):
    for by_seed in outcomes.values():
        for one in by_seed.values():
            one.update(dict.fromkeys(OPEN_SET, one["rank-1"]))
    protocol = Protocol("first takes", Selection(takes=("01",)), {"NM": Selection(takes=("02",))})
    notes = {one.title: one.note for one in real_tables(outcomes, protocol, "plain")}
    against = [notes[f"Real masks: {title} against plain"] for title in OPEN_SET.values()]
    assert [note.split(". ")[-1] for note in against] == ["Negative is better.", "Positive is better."]
    assert not any("test people" in note for note in against), "there is no column of theirs"

"""Several systems against the first: paired by person, over seeds, adjusted after Holm."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.oracles.evaluation import CASIA, toy_set

from walkprint.core.embedding import EmbeddingSet
from walkprint.core.errors import ProtocolError
from walkprint.evaluation.comparison import compare_systems, holm, p_value
from walkprint.evaluation.identify import figure_names, identify, work_on
from walkprint.evaluation.scoring import Scoring

SCORING = Scoring(resamples=200)


def holm_slowly(p_values: list[float]) -> list[float]:
    """Holm, 1979, word by word: the smallest is tested at alpha / m, the next at alpha / (m - 1), until one fails."""
    adjusted = []
    for p in p_values:
        smaller = [q for q in p_values if q <= p]
        adjusted.append(min(1.0, max((len(p_values) - sum(r < q for r in p_values)) * q for q in smaller)))
    return adjusted


def test_holm_equals_the_textbook() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    rng = np.random.default_rng(0)
    for count in (1, 2, 7):
        p_values = rng.random(count).tolist()
        assert holm(p_values) == pytest.approx(holm_slowly(p_values))


def test_a_p_value_is_twice_the_smaller_tail_and_never_zero() -> None:
    assert p_value(np.array([1.0] * 99)) == pytest.approx(0.02)
    assert p_value(np.array([-1.0, 1, 1, 1, np.nan])) == pytest.approx(2 * 2 / 5)
    assert p_value(np.zeros(9)) == 1


def paired_slowly(first: EmbeddingSet, second: EmbeddingSet, scorings: list[Scoring], figure: str) -> dict[str, Any]:
    """Probe set -> value, low and high of second minus first: the same resampled people, one resample after another."""
    column = figure_names((1, 5, 10)).index(figure)
    before, after = (
        work_on(one, CASIA, way, (1, 5, 10)).estimates for one, way in zip((first, second), scorings, strict=True)
    )
    found = {}
    for name, one in after.items():
        value = one.points[-2, column] - before[name].points[-2, column]
        resampled = [one.draws[-2, i, column] - before[name].draws[-2, i, column] for i in range(scorings[0].resamples)]
        found[name] = [value, *np.percentile(resampled, (2.5, 97.5))]
    return found


@pytest.mark.parametrize("figure", ["rank-1", "mINP"])
def test_two_systems_of_one_seed_are_paired(figure: str) -> None:
    first, second = toy_set(noise=2.0, seed=1), toy_set(noise=0.5, seed=1)
    page = compare_systems({"a": [first], "b": [second]}, CASIA, figure=figure, scoring=SCORING)
    assert page.facts["network of b"] == second.source
    absolute, relative = page.tables
    for cell, name in zip(absolute.lines[1][2:], CASIA.probes, strict=True):
        assert cell == identify(first, CASIA, scoring=SCORING).figure(name, figure).percent(interval=True)
    expected = paired_slowly(first, second, [SCORING, SCORING], figure)
    assert len(relative.lines) == 1 + len(expected)
    for (_, name, difference, *_), found in zip(relative.lines[1:], page.numbers["differences"], strict=True):
        value, low, high = expected[name]
        assert [found["value"], found["low"], found["high"]] == pytest.approx([value, low, high])
        assert difference == f"{100 * value:+.1f} [{100 * low:+.1f}, {100 * high:+.1f}]"
        assert found["holm"] >= found["p"]
    assert page.numbers["differences"][0]["low"] > 0, "far less noise"
    same = compare_systems({"a": [first], "b": [first]}, CASIA, scoring=SCORING).numbers["differences"]
    assert {(one["value"], one["low"], one["high"]) for one in same} == {(0, 0, 0)}


def test_a_system_may_be_scored_in_its_own_way() -> None:
    some, own = toy_set(noise=2.0, seed=1), Scoring(metric="cosine", resamples=3, seed=9)
    page = compare_systems({"a": [some], "b": [some]}, CASIA, scoring=SCORING, scorings={"b": own})
    expected = paired_slowly(some, some, [SCORING, replace(SCORING, metric="cosine")], "rank-1")
    for one in page.numbers["differences"]:
        assert [one["value"], one["low"], one["high"]] == pytest.approx(expected[one["probes"]])
    assert any(one["value"] for one in page.numbers["differences"])
    assert page.facts["scoring"] == str(SCORING)
    assert page.facts["scoring of b"] == str(replace(SCORING, metric="cosine"))


def test_notes_of_the_protocol_are_kept() -> None:
    page = compare_systems({"a": [toy_set(subjects=2)], "b": [toy_set(subjects=2)]}, CASIA, scoring=SCORING)
    notes = page.sections[0].notes
    assert any("for a miss at this rank" in note for note in notes)
    assert any("people (NM 2, CL 2)" in note for note in notes)
    few = {name: [toy_set(subjects=4, noise=1.5)] for name in "ab"}
    centered = compare_systems(few, CASIA, scoring=replace(SCORING, center=True)).sections[0].notes
    assert any("CENTERED ON FEWER THAN 5 PEOPLE (NM 4, CL 4)" in note for note in centered)


def test_seeds_are_averaged_and_resampled() -> None:
    seeds = [toy_set(noise=noise, seed=1) for noise in (0.5, 4.0, 6.0)]
    page = compare_systems({"a": [seeds[0]], "b": seeds, "c": [seeds[1]]}, CASIA, figure="mAP", scoring=SCORING)
    values = {(one["system"], one["probes"]): one["value"] for one in page.numbers["figures"]}
    for name in CASIA.probes:
        each = [identify(one, CASIA, scoring=SCORING).figure(name, "mAP").value for one in seeds]
        assert values["b", name] == pytest.approx(np.mean(each))
    assert [line[:2] for line in page.tables[0].lines[1:]] == [["a", "1"], ["b", "3"], ["c", "1"]]
    assert "people and seeds" in page.tables[0].title


def test_what_cannot_be_compared() -> None:
    one = toy_set()
    fewer = EmbeddingSet(one.vectors[1:], one.keys[1:], one.source)
    for systems, message in (
        ({"a": [one]}, "1 system;"), ({"a": [one], "b": [fewer]}, "1 sequence in a or in b only"),
        ({"a": [one], "b": []}, "each with embeddings"),
    ):  # fmt: skip
        with pytest.raises(ProtocolError, match=message):
            compare_systems(systems, CASIA, scoring=SCORING)
    with pytest.raises(ProtocolError, match="figure 'rank-3'"):
        compare_systems({"a": [one], "b": [one]}, CASIA, figure="rank-3")
    with pytest.raises(ProtocolError, match="0 resamples"):
        compare_systems({"a": [one], "b": [one]}, CASIA, scoring=Scoring(resamples=0))


def test_the_page_is_saved_in_every_form(tmp_path: Path) -> None:
    page = compare_systems({"a_1": [toy_set()], "b": [toy_set(noise=0.1)]}, CASIA, scoring=SCORING)
    page.save(tmp_path, "compare")
    assert {path.suffix for path in tmp_path.iterdir()} == {".txt", ".md", ".tex", ".json", ".html"}
    latex = (tmp_path / "compare.tex").read_text()
    assert latex.count(r"\toprule") == latex.count(r"\bottomrule") == 2
    assert r"a\_1 & 1 &" in latex
    assert r"rank-1, \%" not in latex, "titles are comments"
    assert json.loads((tmp_path / "compare.json").read_text())["numbers"]["first"] == "a_1"

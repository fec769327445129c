"""Several systems against the first: paired by person, over seeds, adjusted after Holm."""

import json
from pathlib import Path

import numpy as np
import pytest
from tests.oracles.evaluation import CASIA, toy_set

from walkprint.core.embedding import EmbeddingSet
from walkprint.core.errors import ProtocolError
from walkprint.evaluation.comparison import compare_systems, holm, p_value
from walkprint.evaluation.identify import compare, identify
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


def test_one_seed_each_is_compare() -> None:
    first, second = toy_set(noise=2.0, seed=1), toy_set(noise=0.5, seed=1)
    page = compare_systems({"a": [first], "b": [second]}, CASIA, scoring=SCORING)
    pair = compare(first, second, CASIA, scoring=SCORING)
    absolute, relative = page.tables
    for cell, name in zip(absolute.lines[1][2:], pair.probe_sets, strict=True):
        assert cell == identify(first, CASIA, scoring=SCORING).figure(name).percent(interval=True)
    assert len(relative.lines) == 1 + len(pair.probe_sets)
    for (_, name, difference, *_), found in zip(relative.lines[1:], page.numbers["differences"], strict=True):
        figure = pair.figure(name)
        assert found["value"] == pytest.approx(figure.value)
        assert difference == f"{100 * figure.value:+.1f} [{100 * figure.low:+.1f}, {100 * figure.high:+.1f}]"
        assert found["holm"] >= found["p"]


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
        ({"a": [one]}, "1 systems"), ({"a": [one], "b": [fewer]}, "1 sequences are in a or in b only"),
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

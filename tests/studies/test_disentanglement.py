"""The study of disentanglement, tiny."""

from types import SimpleNamespace

import numpy as np
import pytest

from walkprint.core.errors import RecipeError
from walkprint.evaluation import Scoring
from walkprint.studies import disentanglement
from walkprint.studies.disentanglement import (
    EMBEDDING,
    FULL,
    QUICK,
    READINGS,
    VARIANTS,
    DisentanglementStudy,
    compute,
    joined,
    learned,
)
from walkprint.studies.disentanglement_page import page
from walkprint.studies.gaitnet_codes import codes_of
from walkprint.studies.grid import read_cells, run_cells
from walkprint.studies.recognition import embedded


def test_cells_differ_in_what_their_names_say():
    study = DisentanglementStudy()
    cells = {cell.name: cell.settings["recipe"] for cell in study.cells()}
    assert len(cells) == 3 * (len(VARIANTS) + 4 + 1)
    full = cells["ablation-full-seed0"]
    for name, change in VARIANTS.items():
        recipe = cells[f"ablation-{name.replace(' ', '-')}-seed0"]
        if "without" in change:
            assert set(full["losses"]) - set(recipe["losses"]) == {change["without"]}
            assert set(recipe["loss_weights"]) == set(recipe["losses"])
        elif name != "full":
            assert recipe != full
        assert recipe["people"] == full["people"]
    assert cells["networks-gaitset-seed0"]["people"] == full["people"]
    assert cells["networks-gaitnet-on-silhouettes-seed0"]["network"]["init_args"]["channels"] == 1
    assert cells["ablation-full-seed1"]["people"]["seed"] == 1


def test_wrong_settings_are_named():
    with pytest.raises(RecipeError, match="no such"):
        DisentanglementStudy(variants=("no such",))
    with pytest.raises(RecipeError, match="people enough"):
        DisentanglementStudy(subjects=9)
    assert DisentanglementStudy(variants=("no identity",)).variants == ("full", "no identity")


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    out = tmp_path_factory.mktemp("study")
    few = {"seeds": 1, "steps": 1, "subjects": 6, "takes_frames": 4, "views": ("054", "090")}
    study = DisentanglementStudy(**QUICK | few)
    assert not run_cells(study.cells(), compute, out)
    return study, out, read_cells(study.cells(), out)


def test_every_cell_gives_its_figures(study):
    _, _, results = study
    for name, numbers in results.items():
        readings = {EMBEDDING} if "geinet" in name else set(READINGS)
        assert set(numbers["figures"]) == readings
        for figures in numbers["figures"].values():
            sets = {"WS", "CB", "CL", "CBG", "ALL"} if name.startswith("frontal") else {"NM", "BG", "CL"}
            assert set(figures["rank-1"]) == set(figures["TAR at FAR 5 %"]) == sets
        assert ("probes" in numbers) == name.startswith("ablation")


def test_the_first_reading_is_the_embedding_of_the_network(study):
    settings, out, _ = study
    cell = next(one for one in settings.cells() if one.settings["name"] == FULL)
    people, network = learned(cell, out)
    keys = people.keys("test")
    codes = codes_of(network, people, keys)
    means = [np.stack([clip.mean(axis=0) for clip in codes[name]]) for name in READINGS[EMBEDDING]]
    found, own = joined(means, keys), embedded(network, people)
    assert next(iter(READINGS)) == EMBEDDING
    assert list(found.keys) == list(own.keys)
    np.testing.assert_allclose(found.vectors[:, 0] * 0.5**0.5, own.vectors[:, 0], atol=1e-4)


def test_the_page_shows_them(study):
    made = page(study[0], study[2], {}, study[1])
    titles = [table.title for table in made.tables]
    assert sum("reveal" in title for title in titles) == 4
    assert any("FVG" in title for title in titles)
    assert any("same people" in title for title in titles)
    assert sum(len(section.diagrams) for section in made.sections) == 4
    assert made.sheets[0].png.startswith(b"\x89PNG")
    made.save(study[1])
    assert "synthetic" in (study[1] / "study.html").read_text().lower()
    assert page(study[0], {}, {"a": "b"}, study[1]).notes[0] == "a failed: b"


def test_what_the_map_needs_is_said_before_anything_is_trained(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    DisentanglementStudy(sections=("networks",))
    with pytest.raises(RecipeError, match=r"walkprint\[studies\]"):
        DisentanglementStudy()


def test_figures_are_scored_by_the_metric_that_is_asked_for_without_intervals(monkeypatch):
    asked = []
    monkeypatch.setattr(disentanglement, "scores", lambda found, protocol, scoring: asked.append(scoring) or {})

    def verify(found, protocol, *, false_accept_rates, scoring):
        asked.append(scoring)
        return SimpleNamespace(probe_sets=())

    monkeypatch.setattr(disentanglement, "verify", verify)
    disentanglement._figures(None, SimpleNamespace(protocols={"own": None}), "cosine")
    assert asked == [Scoring(metric="cosine", resamples=0)] * 2

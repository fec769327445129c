"""One object goes whole into every evaluation: each of its fields arrives, and the report states it."""

import dataclasses
import importlib
from types import SimpleNamespace

import numpy as np
import pytest
from tests.oracles.evaluation import CASIA, toy_set

from walkprint.core.distance import KnownVectors
from walkprint.core.errors import ProtocolError
from walkprint.evaluation import Report, Scoring, compare, identify, identify_open_set, verify
from walkprint.evaluation.averaging import draw_weights
from walkprint.evaluation.html import report_page

OTHER = {"metric": "cosine", "center": True, "normalize": True, "resamples": 7, "seed": 3}
JUDGES = {
    "identify": identify,
    "verify": verify,
    "identify_open_set": identify_open_set,
    "compare": lambda one, *rest, **s: compare(dataclasses.replace(one, vectors=one.vectors[:, :1]), one, *rest, **s),
}


@pytest.fixture(params=JUDGES)
def judge(request):
    return JUDGES[request.param]


def uneven():
    """Parts of very different length, so that it matters whether they are normalized."""
    some = toy_set(subjects=6, noise=1.5)
    return dataclasses.replace(
        some, vectors=some.vectors * np.linspace(1, 30, some.vectors.shape[1])[:, None].astype("f4")
    )


def test_every_field_has_another_value_here():
    defaults = {one.name: one.default for one in dataclasses.fields(Scoring)}
    assert OTHER.keys() == defaults.keys()
    assert all(OTHER[name] != value for name, value in defaults.items())


@pytest.mark.parametrize("field", OTHER)
def test_every_field_arrives(judge, field, monkeypatch):
    """A recorder stands where distances, means, lengths and draws are made; the report must say the same."""
    seen = SimpleNamespace(metric=None, normalize=False, resamples=None, seed=None)

    def gallery(vectors, metric):
        seen.metric = metric
        seen.normalize = np.allclose(np.linalg.norm(vectors, axis=2), 1, atol=1e-5)
        seen.center = np.allclose(vectors.mean(axis=0), 0, atol=1e-5)
        return real_gallery(vectors, metric)

    def weights(count, resamples, seed):
        seen.resamples, seen.seed = resamples, seed
        return real_weights(count, resamples, seed)

    real_gallery, real_weights = KnownVectors, draw_weights
    monkeypatch.setattr("walkprint.evaluation.protocol_pairs.KnownVectors", gallery)
    for module in ("identify", "verify", "open_set"):
        monkeypatch.setattr(importlib.import_module(f"walkprint.evaluation.{module}"), "draw_weights", weights)
    report = judge(uneven(), CASIA, scoring=Scoring(**{field: OTHER[field]}))
    assert getattr(seen, field) == OTHER[field]
    assert report.settings["scoring"] == {**Scoring().to_dict(), field: OTHER[field]}
    default = judge(uneven(), CASIA)
    assert getattr(seen, field) == Scoring().to_dict()[field]
    assert default.settings["scoring"] == Scoring().to_dict()


def test_normalizing_before_or_while_scoring_is_the_same(judge):
    some = uneven()
    before = judge(some.normalized(), CASIA, scoring=Scoring(center=True, resamples=0))
    while_scoring = judge(some, CASIA, scoring=Scoring(center=True, normalize=True, resamples=0))
    assert str(before.rows) == str(while_scoring.rows)
    assert str(before.rows) != str(judge(some, CASIA, scoring=Scoring(center=True, resamples=0)).rows)


def test_every_form_of_a_report_says_how_it_was_scored(judge):
    report = judge(uneven(), CASIA, scoring=Scoring(**OTHER), provenance={"commit": "abc"})
    said = "cosine distance, parts of unit length, centered, 7 resamples, seed 3"
    assert report.provenance == {"scoring": said, "commit": "abc"}
    assert said in report.to_markdown()
    assert said in report_page([report]).to_html()
    assert "metric cosine · parts of unit length · centered" in report.to_text()
    assert Report.from_json(report.to_json()).settings["scoring"] == OTHER


def test_a_report_of_before_still_says_its_metric():
    report = identify(toy_set(), CASIA, scoring=Scoring(resamples=0))
    flat = {"metric": "cosine", "center": True}
    assert "metric cosine · centered" in dataclasses.replace(report, settings=flat).caption


@pytest.mark.parametrize("wrong", [{"metric": "hamming"}, {"resamples": -1}, {"seed": -1}])
def test_settings_out_of_range(wrong):
    with pytest.raises(ProtocolError, match=r"scoring: .*expected"):
        Scoring(**wrong)

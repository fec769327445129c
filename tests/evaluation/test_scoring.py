"""One object goes whole into every evaluation: each of its fields arrives, and the report states it."""

import dataclasses
import importlib
from types import SimpleNamespace

import numpy as np
import pytest
from tests.oracles.calibration import moved_slowly, origin_slowly
from tests.oracles.evaluation import CASIA, toy_set

from walkprint.core.distance import KnownVectors
from walkprint.core.errors import ProtocolError, RecipeError
from walkprint.evaluation import Report, Scoring, Site, Whitening, compare_systems, identify, identify_open_set, verify
from walkprint.evaluation.averaging import draw_weights
from walkprint.evaluation.html import report_page
from walkprint.evaluation.identify import work_on


def _half(i):
    """Half of a crowd that no test evaluates."""
    crowd = toy_set(subjects=6, seed=9)
    return crowd.take(range(i, len(crowd), 2))


SITES = (Site.learn(_half(0)), Site.learn(_half(1)))
WHITENING = Whitening.learn(_half(0))
OTHER = {"metric": "cosine", "center": True, "normalize": True, "resamples": 7, "seed": 3}
OTHER |= {"whitening": WHITENING, "gallery_site": SITES[0], "probe_site": SITES[1]}
PLAIN = {name: str(one) if isinstance(one, Site | Whitening) else one for name, one in OTHER.items()}
JUDGES = {
    "identify": identify,
    "verify": verify,
    "identify_open_set": identify_open_set,
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


STEPS = ("whitening", "gallery_site", "probe_site")


@pytest.mark.parametrize("field", [name for name in OTHER if name not in STEPS])
def test_every_field_arrives(judge, field, monkeypatch):
    """A recorder stands where distances, means, lengths and draws are made; the report must say the same."""
    seen = SimpleNamespace(metric=None, normalize=False, resamples=None, seed=None)

    def gallery(all_vectors, metric, rows):
        seen.metric, vectors = metric, all_vectors[rows]
        seen.normalize = np.allclose(np.linalg.norm(vectors, axis=2), 1, atol=1e-5)
        seen.center = np.allclose(vectors.mean(axis=0), 0, atol=1e-5)
        return real_gallery(all_vectors, metric, rows)

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


@pytest.mark.parametrize(
    "used", [("whitening",), ("gallery_site", "probe_site"), ("whitening", "gallery_site"), STEPS], ids="+".join
)
def test_whitening_and_sites_arrive_on_their_side(judge, used, monkeypatch):
    """Gallery and probes as they are compared equal the slow twin's, each seen from its own origin."""
    gallery, probes = [], []

    class Recorder(KnownVectors):
        def __init__(self, vectors, metric, rows):
            gallery.append(vectors[rows])
            super().__init__(vectors, metric, rows)

        def distances(self, vectors, out=None, columns=None):
            probes.append(vectors)
            return super().distances(vectors, out, columns)

    monkeypatch.setattr("walkprint.evaluation.protocol_pairs.KnownVectors", Recorder)
    some = uneven()
    setting = {name: OTHER[name] for name in used}
    report = judge(some, dataclasses.replace(CASIA, gallery_view="all"), scoring=Scoring(**setting, resamples=0))
    root = WHITENING.root if "whitening" in used else None
    known = sorted(CASIA.gallery.among(some.keys), key=lambda i: some.keys[i])
    sought = [i for one in CASIA.probes.values() for i in sorted(one.among(some.keys), key=lambda i: some.keys[i])]
    for side, rows, found in (("gallery_site", known, gallery[-1]), ("probe_site", sought, _last(probes, len(sought)))):
        for i, vector in zip(rows, found, strict=True):
            origin = WHITENING.mean
            if side in used:
                crowd = _half(side == "probe_site")
                origin = origin_slowly(crowd.vectors, crowd.keys, some.keys[i].view)
            np.testing.assert_allclose(vector, moved_slowly(some.vectors[i], origin, root), atol=1e-5)
    assert report.settings["scoring"] == {**Scoring(resamples=0).to_dict(), **{name: PLAIN[name] for name in used}}


def _last(blocks, count):
    """The last so many different rows of what came block by block; verification asks for each block twice."""
    return list({row.tobytes(): row for row in np.concatenate(blocks)}.values())[-count:]


def test_a_site_for_one_side_needs_a_whitening():
    for side in STEPS[1:]:
        with pytest.raises(ProtocolError, match=f"a site for the {side[:-5]} only; expected one for both sides"):
            Scoring(**{side: SITES[0]})


def test_probes_of_a_site_are_refused_and_its_gallery_is_not(judge):
    some = uneven()
    known, sought = (Site.learn(some.select(one)) for one in (CASIA.gallery, CASIA.probes["CL"]))
    judge(some, CASIA, scoring=Scoring(gallery_site=known, probe_site=known, resamples=0))
    for both in ((known, sought), (sought, known)):
        with pytest.raises(ProtocolError, match="is among the clips it was learned from"):
            judge(some, CASIA, scoring=Scoring(gallery_site=both[0], probe_site=both[1], resamples=0))


def test_what_belongs_to_another_network_is_refused(judge):
    some = dataclasses.replace(uneven(), source="GaitSet 1")
    for setting, what in (
        ({"whitening": WHITENING}, "whitening"),
        ({"gallery_site": SITES[0], "probe_site": SITES[0]}, "site"),
    ):
        with pytest.raises(ProtocolError, match=f"{what}: learned .*GaitSet 1"):
            judge(some, CASIA, scoring=Scoring(**setting, resamples=0))


def test_comparing_two_ways_of_scoring():
    some = uneven()
    ways = {"plain": Scoring(), "white": Scoring(whitening=WHITENING)}
    page = compare_systems({"plain": [some], "white": [some]}, CASIA, scorings=ways)
    white, plain = (identify(some, CASIA, scoring=ways[name]).figure("CL").value for name in ("white", "plain"))
    assert white != plain
    assert {one["probes"]: one["value"] for one in page.numbers["differences"]}["CL"] == pytest.approx(white - plain)
    assert page.facts["scoring of white"] == str(ways["white"])


def test_a_comparison_scores_every_system_as_it_is_asked_to(monkeypatch):
    """Only resamples and seed are those of all, so that the same people are drawn."""
    seen = []

    def recorder(embeddings, protocol, scoring, at):
        seen.append(scoring)
        return work_on(embeddings, protocol, scoring, at)

    monkeypatch.setattr("walkprint.evaluation.comparison.work_on", recorder)
    for whole, own in (({}, OTHER), (OTHER, {}), (OTHER, OTHER)):
        systems = {"a": [uneven()], "b": [uneven()]}
        compare_systems(systems, CASIA, scoring=Scoring(**whole), scorings={"b": Scoring(**own)})
        drawn = {"resamples": 7, "seed": 3} if whole else {"resamples": 1000, "seed": 0}
        assert seen == [Scoring(**whole), dataclasses.replace(Scoring(**own), **drawn)]
        seen.clear()


def test_normalizing_before_or_while_scoring_is_the_same(judge):
    some = uneven()
    before = judge(some.normalized(), CASIA, scoring=Scoring(center=True, resamples=0))
    while_scoring = judge(some, CASIA, scoring=Scoring(center=True, normalize=True, resamples=0))
    assert str(before.rows) == str(while_scoring.rows)
    assert str(before.rows) != str(judge(some, CASIA, scoring=Scoring(center=True, resamples=0)).rows)


def test_every_form_of_a_report_says_how_it_was_scored(judge):
    report = judge(uneven(), CASIA, scoring=Scoring(**OTHER))
    said = (
        f"cosine distance, parts of unit length, {WHITENING}, gallery from {SITES[0]}, probe from {SITES[1]}, "
        "centered, 7 resamples, seed 3"
    )
    assert report.provenance == {"scoring": said}
    assert said in report.to_markdown()
    assert said in report_page([report]).to_html()
    steps = "parts of unit length · whitened · gallery's site · probes' site · centered"
    assert f"metric cosine · {steps}" in report.to_text()
    assert Report.from_json(report.to_json()).settings["scoring"] == PLAIN
    assert judge(uneven(), CASIA, provenance={"commit": "abc"}).provenance["commit"] == "abc"


def test_a_report_of_before_still_says_its_metric():
    report = identify(toy_set(), CASIA, scoring=Scoring(resamples=0))
    flat = {"metric": "cosine", "center": True}
    assert "metric cosine · centered" in dataclasses.replace(report, settings=flat).caption


@pytest.mark.parametrize("wrong", [{"metric": "hamming"}, {"resamples": -1}, {"seed": -1}])
def test_settings_out_of_range(wrong):
    with pytest.raises(RecipeError, match=r"Scoring: .*expected"):
        Scoring(**wrong)

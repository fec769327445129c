import dataclasses
import importlib
import json
import math
from itertools import pairwise

import numpy as np
import pytest
from tests.oracles.evaluation import CASIA, identify_slowly, toy_keys, toy_set

from walkprint.core.embedding import EmbeddingSet
from walkprint.core.errors import ProtocolError
from walkprint.core.protocol import Protocol, Selection
from walkprint.core.sequence import SequenceKey
from walkprint.evaluation.identify import identify
from walkprint.evaluation.open_set import identify_open_set
from walkprint.evaluation.scoring import Scoring
from walkprint.evaluation.verify import verify

POINTS = Scoring(resamples=0)

ALL = Selection()
CROSS = dataclasses.replace(CASIA, exclude=frozenset({"subject", "view"}), gallery_view="all")
SAME_VIEW = dataclasses.replace(CASIA, exclude=frozenset(), require=frozenset({"view"}), gallery_view="all")
PLAIN = dataclasses.replace(CASIA, exclude=frozenset())


def without(embeddings, *unwanted):
    return embeddings.take([i for i, key in enumerate(embeddings.keys) if str(key) not in unwanted])


@pytest.mark.parametrize("protocol", [CASIA, CROSS, SAME_VIEW, PLAIN])
@pytest.mark.parametrize("unmatched", ["drop", "miss"])
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_equals_the_textbook_with_sequences_missing(protocol, unmatched, metric):
    protocol = dataclasses.replace(protocol, unmatched=unmatched)
    gone = ("000/nm-01/090", "000/nm-02/090", "001/nm-01/000", "002/nm-03/180", "003/cl-01/000")
    embeddings = without(toy_set(noise=1.5), *gone)
    report = identify(embeddings, protocol, ranks=(1, 2), scoring=Scoring(metric=metric, resamples=20))
    for figure, k, name in (("rank", 1, "rank-1"), ("rank", 2, "rank-2"), ("mAP", 1, "mAP"), ("mINP", 1, "mINP")):
        for probe_set, (matrix, mean) in identify_slowly(embeddings, protocol, k, figure, metric=metric).items():
            assert report.figure(probe_set, name).value == pytest.approx(mean, abs=1e-12)
            for one in report.matrices:
                if (one.probe_set, one.figure) == (probe_set, name):
                    found = {
                        (v, u): one.values[i][j]
                        for i, v in enumerate(one.probe_views)
                        for j, u in enumerate(one.gallery_views)
                        if not math.isnan(one.values[i][j])
                    }
                    assert found == pytest.approx(matrix)


def test_identity_matrix_gives_everything():
    keys = toy_keys()
    vectors = np.eye(5, dtype=np.float32)[[int(key.subject) for key in keys]][:, None]
    report = identify(EmbeddingSet(vectors, keys), CASIA, ranks=(1, 5))
    for row in report.rows:
        assert all(figure.value == 1 for figure in row.figures.values())


def test_a_collapsed_network_gets_nothing():
    keys = toy_keys()
    report = identify(EmbeddingSet(np.ones((len(keys), 2, 3), np.float32), keys), CASIA, scoring=POINTS)
    assert report.figure("NM").value == 0
    assert report.figure("NM").low is None


@pytest.mark.parametrize("protocol", [CASIA, CROSS])
def test_the_order_of_sequences_does_not_matter(protocol):
    embeddings = toy_set(noise=1.5)
    order = np.random.default_rng(0).permutation(len(embeddings)).tolist()
    first, second = (
        identify(one, protocol, scoring=Scoring(resamples=50)) for one in (embeddings, embeddings.take(order))
    )
    assert first.to_json() == second.to_json()


def test_metrics_do_not_mind_rotation_and_scale_and_centering_removes_a_shift():
    embeddings = toy_set(noise=1.5)
    turn, _ = np.linalg.qr(np.random.default_rng(1).standard_normal((4, 4)))
    turned = EmbeddingSet((3 * embeddings.vectors @ turn).astype(np.float32), embeddings.keys)
    some = {"ranks": (1, 5), "scoring": POINTS}
    assert identify(turned, CASIA, **some).rows == identify(embeddings, CASIA, **some).rows
    shift = np.array([[[9.0]] if key in CASIA.gallery else [[0.0]] for key in embeddings.keys], np.float32)
    shifted = EmbeddingSet(embeddings.vectors + shift, embeddings.keys)
    expected = identify(embeddings, CASIA, scoring=Scoring(center=True, resamples=0))
    found = identify(shifted, CASIA, scoring=Scoring(center=True, resamples=0))
    assert [row.figures["rank-1"].value for row in found.rows] == [row.figures["rank-1"].value for row in expected.rows]


@pytest.mark.parametrize("judge", [identify, verify, identify_open_set])
def test_centering_few_people_is_said(judge):
    for people, said in ((4, True), (5, False)):
        notes = judge(toy_set(subjects=people, noise=1.5), CASIA, scoring=Scoring(center=True, resamples=0)).notes
        assert any("CENTERED ON FEWER THAN 5 PEOPLE (NM 4, CL 4)" in note for note in notes) == said
    notes = judge(toy_set(subjects=4, noise=1.5), CASIA, scoring=POINTS).notes
    assert not any("CENTERED" in note for note in notes)


@pytest.mark.parametrize("judge", [identify, verify])
def test_centering_a_single_probe_is_refused(judge):
    keys = [SequenceKey("a", "nm", "01"), SequenceKey("b", "nm", "01"), SequenceKey("b", "nm", "02")]
    vectors = np.array([[[0.1]], [[0.7]], [[0.6]]], np.float32)
    single = Protocol("one", Selection(takes=("01",)), {"probe": Selection(takes=("02",))}, gallery_view="all")
    assert judge(EmbeddingSet(vectors, keys), single, scoring=POINTS).rows
    with pytest.raises(ProtocolError, match=r"probe set probe is its own mean \(1 in all\).*do not center"):
        judge(EmbeddingSet(vectors, keys), single, scoring=Scoring(center=True, resamples=0))


def test_a_sequence_is_never_compared_with_itself():
    keys = [SequenceKey("a", "", "1", "x"), SequenceKey("b", "", "1", "x"), SequenceKey("a", "", "2", "x")]
    vectors = np.array([[[0.0]], [[1.0]], [[5.0]]], np.float32)
    everybody = Protocol("all", ALL, {"all": ALL}, gallery_view="all", unmatched="drop")
    report = identify(EmbeddingSet(vectors, keys), everybody, ranks=(1, 2))
    assert report.row("all", "pooled").unmatched == 1
    assert report.figure("all", "rank-1").value == 0
    assert report.figure("all", "mAP").value == 0.5
    # Another set may hold a sequence of the same name: then it is another sequence.
    across = identify(EmbeddingSet(vectors, keys), everybody, gallery=EmbeddingSet(vectors, keys))
    assert across.figure("all").value == 1


def test_across_data_sets():
    gallery, probes = toy_set(seed=0), toy_set(seed=0, noise=0.1)
    report = identify(probes, CASIA, gallery=gallery)
    assert report.figure("CL").value == pytest.approx(identify_slowly(probes, CASIA, gallery=gallery)["CL"][1])


def test_probes_without_gallery_are_counted_and_said():
    embeddings = without(
        toy_set(noise=0.01), *(f"004/nm-0{take}/{view}" for take in (1, 2) for view in ("000", "090", "180"))
    )
    dropped = identify(embeddings, CASIA)
    assert dropped.row("CL").unmatched == 3
    assert dropped.row("CL", "090").unmatched == 1
    assert dropped.figure("CL").value == 1
    assert "CL: 3 of 15 probes have no sequence of their subject in the gallery; left out." in dropped.notes
    missed = identify(embeddings, dataclasses.replace(CASIA, unmatched="miss"))
    assert missed.figure("CL").value == pytest.approx(4 / 5)
    assert any("counted as errors" in note for note in missed.notes)


def test_a_gallery_view_missing_for_some():
    embeddings = without(toy_set(noise=0.01), "004/nm-01/090", "004/nm-02/090")
    report = identify(embeddings, CASIA)
    assert report.row("NM").unmatched == 0
    assert "NM: 2 of 30 searches of one gallery view lack the subject; left out." in report.notes
    assert report.figure("NM").value == 1


def test_one_view_with_the_view_excluded_says_why():
    with pytest.raises(ProtocolError, match=r"none of the 5 probes .*exclude \['view'\]"):
        identify(toy_set(views=("090",)), dataclasses.replace(CASIA, probes={"CL": CASIA.probes["CL"]}))


def test_one_view_and_one_subject():
    report = identify(toy_set(views=("090",)), PLAIN)
    assert report.views == ("090",)
    alone = identify(toy_set(subjects=1), CASIA)
    assert alone.figure("NM", "mAP").value == 1
    assert alone.figure("NM", "mAP").low is None


def test_nothing_selected_says_what_the_keys_look_like():
    wrong = dataclasses.replace(CASIA, gallery=Selection(conditions=("normal",)))
    with pytest.raises(ProtocolError, match=r"gallery selects none of the 60 .*conditions 'cl', 'nm'"):
        identify(toy_set(), wrong)
    with pytest.raises(ProtocolError, match="probe set X selects none"):
        identify(toy_set(), dataclasses.replace(CASIA, probes={"X": Selection(views=("45",))}))
    with pytest.raises(ProtocolError, match="no embeddings at all"):
        identify(EmbeddingSet(np.zeros((0, 1, 1), np.float32), []), CASIA)


def test_an_empty_probe_set_beside_a_full_one_is_said():
    probes = {**CASIA.probes, "BG": Selection(conditions=("bg",))}
    report = identify(toy_set(), dataclasses.replace(CASIA, probes=probes))
    assert math.isnan(report.figure("BG").value)
    assert "BG: no sequence is selected." in report.notes
    assert report.figure("NM").value == identify(toy_set(), CASIA).figure("NM").value


def test_sets_of_different_networks_are_refused():
    first, second = toy_set(), dataclasses.replace(toy_set(), source="other")
    with pytest.raises(ProtocolError, match="embedded by toy, the gallery by other"):
        identify(first, CASIA, gallery=second)
    assert identify(first, CASIA, gallery=second, allow_different_sources=True).rows


@pytest.mark.parametrize("settings", [{"ranks": ()}, {"ranks": (0,)}, {"ranks": (1, 1)}])
def test_settings_out_of_range(settings):
    with pytest.raises(ProtocolError, match="expected"):
        identify(toy_set(), CASIA, **settings)


def test_a_rank_that_nobody_can_miss_is_no_figure():
    # Two takes of the other person in every view searched: the third place at the latest is right.
    report = identify(toy_set(subjects=2, noise=9.0), CASIA, ranks=(1, 2, 3, 500))
    for name in CASIA.probes:
        assert report.figure(name, "rank-2").value < 1
        for rank in ("rank-3", "rank-500"):
            for row in report.rows:
                assert math.isnan(row.figures[rank].value)
                assert row.figures[rank].low is None
    said = [note for note in report.notes if "for a miss" in note]
    assert said == [
        "Not shown (-), rank-3 (NM, CL), rank-500 (NM, CL): the gallery holds too few wrong sequences for a miss at "
        "this rank."
    ]
    plain = json.loads(report.to_json())
    assert plain["rows"][0]["figures"]["rank-500"]["value"] is None
    assert not any("for a miss" in note for note in identify(toy_set(), CASIA, ranks=(1, 5)).notes)


def test_few_people_are_said_once():
    few = "Fewer than 10 people (NM 1, CL 1): their intervals say little, however narrow."
    assert [note for note in identify(toy_set(subjects=1), CASIA).notes if "people" in note] == [few]
    assert not any("people" in note for note in identify(toy_set(subjects=10), CASIA).notes)


def test_curve_begins_at_rank_one_and_rises():
    report = identify(toy_set(noise=2.0), CASIA)
    for curve in report.curves:
        assert curve.y[0] == report.figure(curve.name).value
        assert list(curve.y) == sorted(curve.y)
        assert curve.y[-1] == 1


def test_views_that_are_names_of_tracks_are_pooled_and_that_is_said(monkeypatch):
    """As in GREW: the table of thousands of views would be one line of thousands of columns."""
    monkeypatch.setattr(importlib.import_module("walkprint.evaluation.identify"), "_MOST_VIEWS", 10)
    some = toy_set(noise=1.5)
    keys = [dataclasses.replace(key, view=f"{i:05d}") for i, key in enumerate(some.keys)]
    many = EmbeddingSet(some.vectors, keys, some.source)
    report = identify(many, CASIA, scoring=POINTS)
    assert not report.matrices
    assert not report.views
    one_view = EmbeddingSet(some.vectors, [dataclasses.replace(key, view="000") for key in some.keys], some.source)
    expected = identify(one_view, dataclasses.replace(CASIA, exclude=frozenset(), gallery_view="each"), scoring=POINTS)
    pooled = identify(many, dataclasses.replace(CASIA, exclude=frozenset(), gallery_view="all"), scoring=POINTS)
    for name in CASIA.probes:
        assert f"{name}: more than 10 probe views are pooled: every probe weighs the same." in report.notes
        assert pooled.figure(name, view="pooled") == expected.figure(name, view="pooled")
    assert max(map(len, report.to_text().splitlines())) < 300


def test_progress_ends_with_all_probes():
    seen = []
    identify(toy_set(), CASIA, scoring=POINTS, progress=lambda done, total: seen.append((done, total)))
    verify(toy_set(), CASIA, scoring=POINTS, progress=lambda done, total: seen.append((done, total)))
    count = seen[0][1]
    ends = [place for place in seen if place[0] == place[1]]
    assert ends == [(count, count), (2 * count, 2 * count)]
    assert all(one < other or one[0] == one[1] for one, other in pairwise(seen))


def reference(shared, name):
    with np.load(shared / "parity" / "evaluation.npz") as file:
        vectors = np.ascontiguousarray(file[f"{name}/emb"].transpose(0, 2, 1))
        columns = [file[f"{name}/{column}"].tolist() for column in ("labels", "types", "views")]
    keys = [
        SequenceKey.parse(f"{subject}/{recording}/{view}") for subject, recording, view in zip(*columns, strict=True)
    ]
    scores = json.loads((shared / "parity" / "evaluation.json").read_text())[name]["scores"]
    return EmbeddingSet(vectors, keys), {label.rpartition("/")[2]: value for label, value in scores.items()}


def test_casia_b_single_view_equals_the_reference(shared):
    embeddings, scores = reference(shared, "casiab_single_euc")
    probes = {"NM": Selection(conditions=("nm",), takes=("05", "06")), "BG": Selection(conditions=("bg",))}
    protocol = Protocol(
        "CASIA-B",
        Selection(conditions=("nm",), takes=("01", "02", "03", "04")),
        probes | {"CL": Selection(conditions=("cl",))},
        exclude=frozenset({"view"}),
    )
    report = identify(embeddings, protocol, scoring=POINTS)
    for name in ("NM", "BG", "CL"):
        assert 100 * report.figure(name).value == pytest.approx(scores[f"{name}@R1"], abs=1e-9)


def test_casia_b_cross_view_gallery_equals_the_reference(shared):
    embeddings, scores = reference(shared, "casiab_cross_euc")
    protocol = Protocol(
        "CASIA-B, cross-view gallery",
        Selection(takes=("02",)),
        {name.upper(): Selection(conditions=(name,), takes=("01",)) for name in ("nm", "bg", "cl")},
        exclude=frozenset({"subject", "view"}),
        gallery_view="all",
    )
    report = identify(embeddings, protocol, scoring=POINTS)
    for name in ("NM", "BG", "CL"):
        assert 100 * report.figure(name).value == pytest.approx(scores[f"{name}-Rank@1"], abs=1e-9)
        # The reference averages values that it has rounded to two decimals of a percent.
        views = [round(100 * report.figure(name, "mAP", view).value, 2) for view in report.views]
        assert np.mean(views) == pytest.approx(scores[f"{name}-mAP"], abs=1e-9)


def test_ou_mvlp_equals_the_reference(shared):
    embeddings, scores = reference(shared, "oumvlp_single")
    gallery, probes = Selection(takes=("01",)), {"NM": Selection(takes=("00",))}
    report = identify(embeddings, Protocol("OU-MVLP", gallery, probes, exclude=frozenset({"view"})), scoring=POINTS)
    # The reference rounds every cell to two decimals of a percent before averaging.
    cells = np.round(100 * np.array(report.matrices[0].values), 2)
    assert np.nanmean(cells, axis=1).mean() == pytest.approx(scores["NM@R1"], abs=1e-9)
    assert 100 * report.figure("NM").value == pytest.approx(scores["NM@R1"], abs=1e-3)

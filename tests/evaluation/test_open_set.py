import numpy as np
import pytest
from tests.oracles.evaluation import CASIA, part_distance, toy_keys, toy_set

from walkprint.core.embedding import EmbeddingSet
from walkprint.core.errors import GaitError, ProtocolError
from walkprint.evaluation.groups import by_group, read_groups
from walkprint.evaluation.html import report_page
from walkprint.evaluation.identify import identify
from walkprint.evaluation.open_set import identify_open_set
from walkprint.evaluation.report import Report
from walkprint.evaluation.scoring import Scoring


def slow_rate(embeddings, absent, name, rate):
    nearest = []
    for i, key in enumerate(embeddings.keys):
        if key in CASIA.probes[name]:
            pool = [
                (part_distance(embeddings.vectors[i], embeddings.vectors[j]), item.subject)
                for j, item in enumerate(embeddings.keys)
                if item in CASIA.gallery and item.subject not in absent and item.view != key.view
            ]
            nearest.append((key.subject, *min(pool)))
    strangers = sorted(distance for subject, distance, _ in nearest if subject in absent)
    allowed = int(np.floor(rate * len(strangers) + 1e-9))
    limit = strangers[allowed] if allowed < len(strangers) else np.inf
    known = [(distance, subject == found) for subject, distance, found in nearest if subject not in absent]
    return np.mean([right and distance < limit for distance, right in known])


def test_equals_the_textbook():
    embeddings = toy_set(subjects=6, noise=0.9)
    rates = (0.05, 0.3)
    report = identify_open_set(
        embeddings, CASIA, draws=3, false_accept_rates=rates, scoring=Scoring(resamples=0, seed=5)
    )
    subjects = sorted({key.subject for key in embeddings.keys})
    rng = np.random.default_rng(5)
    draws = [{subjects[i] for i in rng.permutation(6)[:3]} for _ in range(3)]
    for name in CASIA.probes:
        for rate in rates:
            expected = np.mean([slow_rate(embeddings, absent, name, rate) for absent in draws])
            assert report.figure(name, f"DIR@FAR={100 * rate:g}%", "pooled").value == pytest.approx(expected)


def test_perfect_and_collapsed():
    keys = toy_keys()
    identity = np.eye(5, dtype=np.float32)[[int(key.subject) for key in keys]][:, None]
    perfect = identify_open_set(EmbeddingSet(identity, keys), CASIA, scoring=Scoring(resamples=10))
    for row in perfect.rows:
        assert all(figure.value == name.startswith("DIR") for name, figure in row.figures.items())
    collapsed = identify_open_set(EmbeddingSet(np.ones_like(identity), keys), CASIA, scoring=Scoring(resamples=10))
    for row in collapsed.rows:
        assert all(figure.value == name.startswith("FNIR") for name, figure in row.figures.items())


def test_seeded_with_intervals_and_a_warning_about_few_strangers():
    first, second = (identify_open_set(toy_set(), CASIA, scoring=Scoring(resamples=50, seed=1)) for _ in range(2))
    assert first.to_json() == second.to_json()
    figure = first.figure("NM", "DIR@FAR=10%", "pooled")
    assert 0 <= figure.low <= figure.high <= 1
    assert "A FAR of 1 % rests on few probes of strangers (NM 0.1, CL 0.1); do not read it closely." in first.notes
    assert first.notes[-1] == "2 of 5 subjects taken out of the gallery, 20 times over."


@pytest.mark.parametrize("settings", [{"strangers": 0}, {"strangers": 1.0}, {"draws": 0}, {"false_accept_rates": (0,)}])
def test_settings_out_of_range(settings):
    with pytest.raises(ProtocolError, match="expected"):
        identify_open_set(toy_set(), CASIA, **settings)


def test_needs_two_people():
    with pytest.raises(ProtocolError, match="two enrolled probe subjects, found 1"):
        identify_open_set(toy_set(subjects=1), CASIA)


def test_the_det_curve_is_one_minus_the_rates_of_the_textbook():
    embeddings = toy_set(subjects=6, noise=0.9)
    report = identify_open_set(embeddings, CASIA, draws=3, scoring=Scoring(resamples=40, seed=5))
    subjects = sorted({key.subject for key in embeddings.keys})
    rng = np.random.default_rng(5)
    draws = [{subjects[i] for i in rng.permutation(6)[:3]} for _ in range(3)]
    curve = report.curves[0]
    assert (curve.kind, curve.name, len(curve.x)) == ("DET", "NM", 31)
    for place in (0, 11, 30):
        expected = 1 - np.mean([slow_rate(embeddings, absent, "NM", curve.x[place]) for absent in draws])
        assert curve.y[place] == pytest.approx(expected)
        assert curve.low[place] <= curve.y[place] + 1e-9
        assert curve.y[place] <= curve.high[place] + 1e-9
    assert Report.from_json(report.to_json()).curves == report.curves
    figures = report.row("NM", "pooled").figures
    assert figures["FNIR@FPIR=1%"].value == pytest.approx(1 - figures["DIR@FAR=1%"].value)
    svg = report_page([report]).to_html()
    assert "FNIR: known people missed, %" in svg


def test_groups_split_the_probes_but_not_the_gallery(tmp_path):
    embeddings = toy_set(subjects=6, noise=0.9)
    (tmp_path / "groups.csv").write_text("subject,group\n000,old\n001,old\n002,young\n003,young\nelse,young\n")
    groups = read_groups(tmp_path / "groups.csv")
    protocol = by_group(CASIA, groups, embeddings)
    assert list(protocol.probes) == ["NM", "NM, old", "NM, young", "CL", "CL, old", "CL, young"]
    report = identify(embeddings, protocol, scoring=Scoring(resamples=0))
    whole = identify(embeddings, CASIA, scoring=Scoring(resamples=0))
    assert report.row("NM", "pooled").figures == whole.row("NM", "pooled").figures
    assert [report.row(name, "pooled").probes for name in list(protocol.probes)[:3]] == [18, 6, 6]
    with pytest.raises(ProtocolError, match="none of 1 subjects is among the embeddings"):
        by_group(CASIA, {"Anna": "old"}, embeddings)


@pytest.mark.parametrize(
    "text", ["subject\n000\n", "subject,group\n000,\n", "subject,group\n0,a\n0,b\n", "subject,group\n\xff,a\n"]
)
def test_a_file_of_groups_that_is_none(tmp_path, text):
    (tmp_path / "groups.csv").write_bytes(text.encode("latin-1"))
    with pytest.raises(GaitError, match="no groups"):
        read_groups(tmp_path / "groups.csv")

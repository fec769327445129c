import dataclasses
import json
import math

import pytest
from tests.oracles.evaluation import CASIA, toy_set

from walkprint.core.errors import DataError
from walkprint.core.protocol import Selection
from walkprint.data.fvg import FRONTAL
from walkprint.evaluation.glossary import explain
from walkprint.evaluation.html import report_page
from walkprint.evaluation.identify import identify
from walkprint.evaluation.open_set import identify_open_set
from walkprint.evaluation.report import Curve, Figure, Matrix, Report, Row
from walkprint.evaluation.scoring import Scoring
from walkprint.evaluation.verify import verify

FEW = Scoring(resamples=9)


def small(**changes):
    rows = (
        Row("NM", "000", {"rank-1": Figure(0.5, 0.25, 0.75)}, 4),
        Row("NM", "090", {"rank-1": Figure(1.0, 1.0, 1.0)}, 2, 1),
        Row("NM", "mean", {"rank-1": Figure(0.75, 0.6, 0.9)}, 6, 1),
        Row("NM", "pooled", {"rank-1": Figure(2 / 3)}, 6, 1),
        Row("CL", "mean", {"rank-1": Figure(math.nan)}, 0),
    )
    return Report("toy <b>|x", "identification", rows, **changes)


def test_percent_has_no_negative_zero():
    almost = Figure(-0.0001, -0.0004, 0.0002)
    assert almost.percent(interval=True) == "0.0 [0.0, 0.0]"
    assert almost.percent(interval=True, signed=True) == "+0.0 [+0.0, +0.0]"


def test_text_is_the_customary_table():
    text = small(notes=("NM: 1 of 6 is missing.",)).to_text()
    assert text.splitlines() == [
        "toy <b>|x",
        "identification, % · metric ?",
        "",
        "rank-1 by probe view",
        "     000    090  mean  pooled",
        "NM  50.0  100.0  75.0    66.7",
        "CL                  -",
        "",
        "mean over probe views [95 % interval]",
        "               rank-1  probes  unmatched",
        "NM  75.0 [60.0, 90.0]       6          1",
        "CL                  -       0          0",
        "",
        "NM: 1 of 6 is missing.",
        "",
        "rank-k: share of probes with a sequence of the right person among the k nearest of the gallery",
    ]


@pytest.mark.parametrize("judge", [identify, verify, identify_open_set])
def test_every_form_names_the_network_as_the_embeddings_do(judge):
    report = judge(toy_set(), CASIA)
    assert report.source == "embeddings by toy"
    for text in (report.to_text(), report.to_markdown(), report_page([report]).to_html()):
        assert text.count(report.source) == 1


@pytest.mark.parametrize("judge", [identify, verify, identify_open_set])
def test_every_form_names_the_gallery_below_the_title(judge):
    report = judge(toy_set(), CASIA)
    line = "gallery: nm, takes 01 and 02 (30 sequences of 5 people)"
    assert report.to_text().splitlines()[1] == line
    assert report.to_markdown().splitlines()[2] == line
    assert f'<p class="caption">{line}<br>' in report_page([report]).to_html()
    assert Report.from_json(report.to_json()).gallery == line


def test_every_form_explains_its_abbreviations_and_no_others():
    reports = [judge(toy_set(), CASIA) for judge in (identify, verify, identify_open_set)]
    expected = (("rank-k", "mAP", "mINP"), ("EER", "TAR@FAR"), ("DIR@FAR", "FNIR@FPIR"))
    for report, words in zip(reports, expected, strict=True):
        sets = "NM normal, CL in a coat"
        assert [line.split(",")[0].split(":")[0].split("=")[0] for line in report.glossary] == [*words, "NM normal"]
        assert report.glossary[-1] == sets
        assert report.to_text().endswith("\n".join(report.glossary) + "\n")
        assert f"* {sets}" in report.to_markdown()
    page = report_page(reports).to_html()
    assert page.count("NM normal, CL in a coat") == 1
    assert "equal error rate" not in report_page(reports[:1]).to_html()


def test_the_same_name_of_another_benchmark_is_not_explained():
    assert not any("coat" in line for line in explain(["EER"], FRONTAL.to_dict()))


def test_the_line_of_the_gallery_carries_the_note_of_the_protocol():
    made = dataclasses.replace(
        CASIA, note="chosen by the data set", gallery=Selection(subjects=("000",), takes=("01",))
    )
    some = toy_set(views=("000",))
    report = identify(some, dataclasses.replace(made, gallery_view="all", exclude=frozenset()))
    assert report.gallery == ("gallery: take 01, subject 000 (2 sequences of 1 person) · chosen by the data set")


def test_markdown_is_escaped():
    text = small(provenance={"commit": "a_b"}).to_markdown()
    assert text.startswith("### toy \\<b\\>\\|x\n")
    assert "| NM | 50.0 | 100.0 | 75.0 | 66.7 |" in text
    assert "| NM | 75.0 [60.0, 90.0] | 6 | 1 |" in text
    assert text.endswith("commit: a\\_b\n")


@pytest.mark.parametrize(
    "report",
    [
        identify(toy_set(), CASIA, ranks=(1,), scoring=Scoring(resamples=9)),
        verify(toy_set(), CASIA, scoring=Scoring(resamples=9)),
    ],
)
def test_json_round_trip(report):
    text = report.to_json()
    assert Report.from_json(text).to_json() == text
    assert Report.from_json(text).to_text() == report.to_text()
    assert Report.from_json(text).rows == report.rows


def test_json_knows_no_nan():
    matrix = Matrix("NM", "rank-1", ("0",), ("0", "90"), ((math.nan, 1.0),))
    text = small(matrices=(matrix,), curves=(Curve("CMC", "NM", (1.0,), (0.5,)),)).to_json()
    json.loads(text, parse_constant=pytest.fail)
    back = Report.from_json(text)
    assert math.isnan(back.figure("CL").value)
    assert math.isnan(back.matrices[0].values[0][0])
    assert back.curves[0].x == (1.0,)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"format": "walkprint report", "version": 99}', '{"format": "x", "version": 1}']
)
def test_refuses_foreign_json(text):
    with pytest.raises(DataError, match="report: cannot be read"):
        Report.from_json(text)


def test_saves_by_ending(tmp_path):
    for ending in (".json", ".md", ".txt"):
        small().save(tmp_path / "deep" / f"report{ending}")
    assert sorted(path.name for path in (tmp_path / "deep").iterdir()) == ["report.json", "report.md", "report.txt"]
    assert Report.from_json((tmp_path / "deep" / "report.json").read_text()).title == "toy <b>|x"
    with pytest.raises(DataError, match=r"unknown ending '.pdf'"):
        small().save(tmp_path / "report.pdf")


def test_missing_rows_and_figures_are_named():
    with pytest.raises(DataError, match="probe sets are NM, CL, views 000, 090, mean, pooled"):
        small().row("BG")
    with pytest.raises(DataError, match="expected one of rank-1"):
        small().figure("NM", "mAP")
    assert small().headline("NM").view == "mean"

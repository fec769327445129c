import dataclasses
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest
from tests.oracles.evaluation import CASIA, toy_set

from walkprint.core.errors import DataError
from walkprint.core.protocol import Protocol
from walkprint.core.sequence import Clip, SequenceKey
from walkprint.evaluation.html import report_page
from walkprint.evaluation.identify import identify
from walkprint.evaluation.open_set import identify_open_set
from walkprint.evaluation.page import Sheet, Table
from walkprint.evaluation.plots import curves_svg
from walkprint.evaluation.report import Curve
from walkprint.evaluation.scoring import Scoring
from walkprint.evaluation.sheets import contact_sheet
from walkprint.evaluation.verify import verify


def clip(value, frames=5, channels=1, size=(6, 4)):
    return Clip(np.full((frames, channels, *size), value, np.uint8), SequenceKey("a"))


class Collector(HTMLParser):
    void = {"meta", "img", "br", "hr", "link"}

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.ids = [], [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self.ids += [value for name, value in attributes if name == "id"]
        if tag not in self.void:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def page(**settings):
    embeddings = toy_set(noise=1.5)
    reports = [identify(embeddings, CASIA), verify(embeddings, CASIA), identify_open_set(embeddings, CASIA)]
    sheets = [Sheet("nm", contact_sheet([clip(255)]))]
    return report_page(reports, sheets=sheets, provenance={"seed": "0"}, **settings).to_html()


def test_is_well_formed_and_fetches_nothing():
    text = page()
    found = Collector()
    found.feed(text)
    assert found.open == []
    assert len(set(found.ids)) == len(found.ids)
    assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in found.tags}
    sources = [attributes.get("src", "data:") for _, attributes in found.tags]
    assert all(source.startswith("data:") for source in sources)
    assert "url(http" not in text
    for name in re.findall(r'(?:url\(#|href="#)([^")]+)', text):
        assert name in found.ids


def test_shows_figures_notes_and_provenance():
    report = identify(toy_set(noise=1.5), CASIA)
    text = page()
    assert f">{report.figure('NM').percent()}<" in text
    assert ">seed</dt><dd>0</dd>" in text
    assert "right and" in text
    assert "data:image/png;base64," in text


def test_a_table_leads():
    table = Table("who wins", [["", "mine"], ["NM", "9.0 [1.0, 10.0]"]])
    text = report_page([identify(toy_set(), CASIA)], table=table).to_html()
    Collector().feed(text)
    order = [text.index(part) for part in ("who wins", "<td>9.0<small>", '<p class="caption">toy</p>', 'class="card"')]
    assert order == sorted(order)


def test_curves_of_several_networks_share_a_plot():
    first, second = (
        dataclasses.replace(identify(toy_set(noise=noise), CASIA, scoring=Scoring(resamples=0)), title=f"{name}: toy")
        for name, noise in (("narrow", 1.5), ("wide", 0.5))
    )
    pages = {"one": report_page([first]), "two": report_page([first, second])}
    for page in pages.values():
        curves = next(one for one in page.sections if one.title == "Curves")
        assert [one.title for one in curves.diagrams] == ["Cumulative matches: found within the k nearest"]
    svg = {name: page.to_html() for name, page in pages.items()}
    assert [f">{name}</text>" in svg["two"] for name in ("narrow", "wide", "NM", "CL")] == [True] * 4
    assert [f">{name}</text>" in svg["one"] for name in ("narrow", "NM", "CL")] == [False, True, True]
    same = report_page([first, dataclasses.replace(first, settings={"source": "GaitBase 0b1"})]).to_html()
    assert ">GaitBase 0b1</text>" in same


def test_what_reports_do_not_share_stands_in_their_sections():
    first, second = (
        identify(
            toy_set(), CASIA, scoring=Scoring(metric=metric, resamples=0),
            provenance={"embeddings": f"{metric}.npz", "commit": "abc"},
        )
        for metric in ("euclidean", "cosine")
    )  # fmt: skip
    page = report_page([first, second])
    assert page.facts == {"commit": "abc"}
    for section, report, metric in zip(page.sections, (first, second), ("euclidean", "cosine"), strict=False):
        assert section.captions[-1] == f"scoring: {report.provenance['scoring']} · embeddings: {metric}.npz"
    alone = report_page([first])
    assert alone.facts == first.provenance
    assert alone.sections[0].captions == first.section.captions


def test_names_cannot_smuggle_markup():
    nasty = "<script>alert(1)</script>&$x_1$"
    protocol = Protocol(nasty, CASIA.gallery, {nasty: CASIA.probes["CL"]}, exclude=CASIA.exclude)
    sheets = [Sheet(nasty, contact_sheet([clip(0)], captions=[nasty], frames_per_clip=30))]
    page = report_page(
        [identify(toy_set(), protocol)], title=nasty, lead=nasty, sheets=sheets, provenance={nasty: nasty}
    )
    text = page.to_html()
    assert "<script" not in text
    assert "&lt;script&gt;" in text


def test_a_page_needs_a_report():
    with pytest.raises(DataError, match="at least one report"):
        report_page([])


def test_curves_take_the_color_of_the_page():
    curves = [Curve("ROC", "a", (0.0, 0.5, 1.0), (0.0, 0.9, 1.0)), Curve("ROC", "b", (0.0, 0.5, 1.0), (0.0, 0.6, 1.0))]
    text = curves_svg({"net": curves})
    ElementTree.fromstring(text)
    assert "currentColor" in text
    assert "#010203" not in text
    assert curves_svg({"net": curves}) == text
    with pytest.raises(DataError, match="expected one kind"):
        curves_svg({"net": [*curves, Curve("CMC", "a", (1.0,), (1.0,))]})

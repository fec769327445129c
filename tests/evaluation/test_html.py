import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
from tests.oracles.evaluation import CASIA, toy_set

from walkprint.core.errors import DataError
from walkprint.core.protocol import Protocol
from walkprint.core.sequence import Clip, SequenceKey
from walkprint.evaluation.html import render_html, write_html
from walkprint.evaluation.identify import compare, identify
from walkprint.evaluation.open_set import identify_open_set
from walkprint.evaluation.plots import contact_sheet, curves_svg
from walkprint.evaluation.report import Curve
from walkprint.evaluation.scoring import Scoring
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
    return render_html(reports, sheets={"nm": contact_sheet([clip(255)])}, provenance={"seed": "0"}, **settings)


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


def test_a_table_leads_and_walks_are_named():
    report = identify(toy_set(), CASIA)
    text = render_html(
        [report], table=("who wins", [["", "mine"], ["NM", "9.0 [1.0, 10.0]"]]),
        sheets={"coats": {"person 1": contact_sheet([clip(0)]), "person 2": contact_sheet([clip(255)])}},
    )  # fmt: skip
    Collector().feed(text)
    order = [text.index(part) for part in ("who wins", "<td>9.0<small>", '<p class="caption">toy</p>', 'class="card"')]
    assert order == sorted(order)
    assert re.search(r'<div class="walk"><span>person 2</span>\s*<img alt="silhouettes: coats person 2"', text)


def test_names_cannot_smuggle_markup():
    nasty = "<script>alert(1)</script>&$x_1$"
    protocol = Protocol(nasty, CASIA.gallery, {nasty: CASIA.probes["CL"]}, exclude=CASIA.exclude)
    text = render_html(
        [identify(toy_set(), protocol)], title=nasty, lead=nasty, sheets={nasty: contact_sheet([clip(0)])},
        provenance={nasty: nasty},
    )  # fmt: skip
    assert "<script" not in text
    assert "&lt;script&gt;" in text


def test_differences_and_reports_without_numbers(tmp_path):
    embeddings = toy_set()
    write_html(tmp_path / "deep" / "page.html", [compare(embeddings, embeddings, CASIA, scoring=Scoring(resamples=0))])
    assert "second minus first" in (tmp_path / "deep" / "page.html").read_text()
    with pytest.raises(DataError, match="at least one report"):
        render_html([])


def test_curves_take_the_color_of_the_page():
    curves = [Curve("ROC", "a", (0.0, 0.5, 1.0), (0.0, 0.9, 1.0)), Curve("ROC", "b", (0.0, 0.5, 1.0), (0.0, 0.6, 1.0))]
    text = curves_svg(curves)
    ElementTree.fromstring(text)
    assert "currentColor" in text
    assert "#010203" not in text
    assert curves_svg(curves) == text
    with pytest.raises(DataError, match="expected one kind"):
        curves_svg([*curves, Curve("CMC", "a", (1.0,), (1.0,))])


def test_contact_sheet_places_frames():
    ramp = np.arange(4, dtype=np.uint8)[:, None, None, None] * np.full((1, 1, 6, 5), 60, np.uint8)
    sheet = cv2.imdecode(
        np.frombuffer(
            contact_sheet([Clip(ramp, SequenceKey("a")), Clip(ramp[:1], SequenceKey("b"))], frames_per_clip=2), np.uint8
        ),
        cv2.IMREAD_UNCHANGED,
    )
    assert sheet.shape == (14, 12)
    assert (sheet[:6, :5] == 0).all()
    assert (sheet[:6, 7:] == 180).all()
    assert (sheet[8:, 7:] == 96).all()


def test_contact_sheet_in_color():
    frames = np.zeros((1, 3, 4, 4), np.uint8)
    frames[:, 0] = 200
    picture = contact_sheet([Clip(frames, SequenceKey("a"))], frames_per_clip=1)
    assert cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)[0, 0].tolist() == [0, 0, 200]
    with pytest.raises(DataError, match="expected some of one size"):
        contact_sheet([clip(1), clip(1, size=(8, 8))])
    with pytest.raises(DataError, match="expected some of one size"):
        contact_sheet([])

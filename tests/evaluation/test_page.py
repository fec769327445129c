import json

from walkprint.evaluation.page import Diagram, Page, Section, Sheet, Table


def test_a_page_says_the_same_in_every_format(tmp_path):
    table = Table("Rank-1 <b>", [["network", "NM"], ["GaitSet", "+2.0 [+1.0, +3.0]"]], "how to read it")
    page = Page(
        "A study", "of | something",
        [
            Section("", (), [table]),
            Section("Pictures", (), (), [Diagram("lines", "<svg role='img'></svg>")], [Sheet("people", b"PNG")]),
            Section("Notes", notes=["one | note"]),
        ],
        {"seeds": "3"}, footer="by resampling the test subjects", numbers={"cells": {"x": 1}},
    )  # fmt: skip
    assert page.save(tmp_path) == tmp_path / "study.html"
    html = (tmp_path / "study.html").read_text()
    assert "Rank-1 &lt;b&gt;" in html
    assert "<svg role='img'>" in html
    assert "data:image/png;base64,UE5H" in html
    assert (tmp_path / "sheet-1.png").read_bytes() == b"PNG"
    assert "+1.0 – +3.0" in html
    assert "by resampling the test subjects" in html
    markdown = (tmp_path / "study.md").read_text()
    assert "| GaitSet | +2.0 [+1.0, +3.0] |" in markdown
    assert "of \\| something" in markdown
    assert "* one \\| note" in markdown
    assert (tmp_path / "study.txt").read_text().splitlines()[-3:] == ["Notes", "", "one | note"]
    assert "GaitSet  +2.0 [+1.0, +3.0]" in (tmp_path / "study.txt").read_text()
    plain = json.loads((tmp_path / "study.json").read_text())
    assert plain["numbers"] == {"cells": {"x": 1}}
    assert plain["tables"][0]["lines"][1][0] == "GaitSet"
    assert plain["notes"] == ["one | note"]


def test_sheets_of_an_earlier_report_do_not_stay(tmp_path):
    others = {"sheet-0.png", "sheet-02.png", "sheet-2b.png", "sheet-people.png", "my-sheet-2.png", "sheet-3.jpg"}
    for name in others:
        (tmp_path / name).write_bytes(b"mine")

    def sheets(*pictures):
        Page("A study", "of", [Section(sheets=[Sheet("people", one) for one in pictures])]).save(tmp_path)
        return {path.name: path.read_bytes() for path in tmp_path.glob("*sheet*") if path.name not in others}

    assert sheets(b"A", b"B", b"C") == {"sheet-1.png": b"A", "sheet-2.png": b"B", "sheet-3.png": b"C"}
    assert sheets(b"D") == {"sheet-1.png": b"D"}
    assert sheets() == {}
    assert others <= {path.name for path in tmp_path.iterdir()}

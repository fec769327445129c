import json

from walkprint.studies.page import Diagram, Page, Sheet, Table


def test_a_page_says_the_same_in_every_format(tmp_path):
    table = Table("Rank-1 <b>", [["network", "NM"], ["GaitSet", "+2.0 [+1.0, +3.0]"]], "how to read it")
    page = Page(
        "A study", "of | something", [table], [Diagram("lines", "<svg role='img'></svg>")], [Sheet("people", b"PNG")],
        ["one | note"], {"seeds": "3"}, {"cells": {"x": 1}},
    )  # fmt: skip
    assert page.save(tmp_path) == tmp_path / "study.html"
    html = (tmp_path / "study.html").read_text()
    assert "Rank-1 &lt;b&gt;" in html
    assert "<svg role='img'>" in html
    assert "data:image/png;base64,UE5H" in html
    assert (tmp_path / "sheet-1.png").read_bytes() == b"PNG"
    assert "+1.0 – +3.0" in html
    assert "by resampling the test subjects" in html
    assert "| GaitSet | +2.0 [+1.0, +3.0] |" in (tmp_path / "study.md").read_text()
    assert "GaitSet  +2.0 [+1.0, +3.0]" in (tmp_path / "study.txt").read_text()
    plain = json.loads((tmp_path / "study.json").read_text())
    assert plain["numbers"] == {"cells": {"x": 1}}
    assert plain["tables"][0]["lines"][1][0] == "GaitSet"

"""The demo, at a size that a test can bear: a report that stands alone, and a table that says what it is."""

import contextlib
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from walkprint.cli import main
from walkprint.studies import demo


@pytest.fixture(scope="module", autouse=True)
def _tiny() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            demo, "_QUICK", demo._Size(6, 4, ("072", "108"), 8, generator_steps=10, steps=1, subjects_per_batch=2)
        )
        yield


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, _tiny: None) -> tuple[Path, str]:
    """The folder of a demo, and what it printed."""
    out, printed = tmp_path_factory.mktemp("demo"), io.StringIO()
    with contextlib.redirect_stdout(printed):
        assert main(["demo", "--quick", "--out", str(out)]) == 0
    return out, printed.getvalue()


def test_demo_writes_a_report_that_stands_alone(finished: tuple[Path, str]) -> None:
    out, text = finished
    assert "synthetic" in text
    assert "energy image" in text
    assert "coats added" in text
    assert "gain" in text
    assert str(out / "report.html") in text
    assert demo._WORDS in text
    assert text.startswith(demo._CHECK)
    assert "Fewer than 10 people (NM 2, BG 2, CL 2)" in text
    page = (out / "report.html").read_text()
    header = page[: page.index("</header>")]
    lead = header[: header.index('<div class="cards">')]
    assert demo._CHECK in lead
    for head in ("energy image", "narrow GaitSet", "coats added", "gain"):
        assert f'<th scope="col">{head}</th>' in lead
    assert "narrow GaitSet, coats added: identical-view-excluded" in lead  # whose tiles follow
    assert "<figcaption>generated coats</figcaption>" in page  # of whom is written into the picture
    assert "<figcaption>BG, with a bag</figcaption>" in page
    assert "<h2>narrow GaitSet, coats added: identical-view-excluded: verification</h2>" in page.replace("\n", "")
    assert "What the coats add" in page
    assert page.count("<svg") == 2  # one CMC of the three systems, one ROC
    assert page.count("data:image/png;base64,") >= 3  # one per condition; coats that held together too
    assert 'src="http' not in page
    assert "<script" not in page


def test_the_readme_shows_what_the_demo_prints(finished: tuple[Path, str]) -> None:
    """The caption, the heads, the rows and their columns; figures take minutes."""
    readme = (Path(__file__).resolve().parents[2] / "README.md").read_text()
    shown = re.search(r"<!-- demo table: begin -->\n```\n(.*?)```", readme, flags=re.DOTALL)
    assert shown is not None
    caption, (head, *rows) = shown[1].splitlines()[:4], shown[1].splitlines()[4:]
    assert caption == [*demo._caption(demo._FULL), ""]
    printed = finished[1].splitlines()
    first = printed.index("", printed.index(demo._WORDS)) + 1
    assert head == printed[first]
    assert len(rows) == 3
    for row, other in zip(rows, printed[first + 1 :], strict=False):
        assert _columns(row) == _columns(other)


FIGURE = r"-?\d+\.\d \[-?\d+\.\d, -?\d+\.\d\]"


def _columns(row: str) -> list[tuple[str, int]]:
    """What each cell of a line is, and where it ends."""
    cells = re.finditer(rf"{FIGURE}|\S+", row)
    return [(re.sub(FIGURE, "figure", cell[0]), cell.end()) for cell in cells]


def test_demo_renders_once_and_refuses_other_people(
    finished: tuple[Path, str], capsys: pytest.CaptureFixture[str]
) -> None:
    out, first = finished
    words = ["demo", "--quick", "--json", "--out", str(out)]
    made = (out / "store" / "meta.json").stat().st_mtime_ns
    assert main(words) == 0
    again = json.loads(capsys.readouterr().out)
    for name in ("NM", "BG", "CL"):
        (row,) = (line for line in first.splitlines() if re.match(rf"{name} +{FIGURE}", line))
        assert [cell.split()[0] for cell in re.findall(FIGURE, row)] == [
            f"{100 * one:.1f}" for one in again[name].values()
        ]
    assert (out / "store" / "meta.json").stat().st_mtime_ns == made
    assert main([*words, "--seed", "1"]) == 2
    assert "people of another demo" in capsys.readouterr().err

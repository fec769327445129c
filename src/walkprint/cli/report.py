"""`walkprint report`: one self-contained HTML page from the figures of evaluations."""

from collections.abc import Sequence
from pathlib import Path

from walkprint.cli.words import Summary, carry_out
from walkprint.core.errors import DataError
from walkprint.evaluation import Report
from walkprint.evaluation.html import write_html

EXAMPLE = "walkprint report [results/a/identification.json,results/b/identification.json] --out comparison.html"


def main(words: Sequence[str]) -> Summary:
    """Carry out the words after `report`."""
    return carry_out(report, words, EXAMPLE)


def report(files: list[Path] | Path, *, out: Path, title: str = "Gait recognition report") -> Summary:
    """Write one HTML page of tables and curves.

    Args:
        files: a file that `walkprint evaluate` wrote, or several such as [a.json,b.json].
        out: the page to be.
        title: of the page.
    """
    named = files if isinstance(files, list) else [files]
    reports = [read_report(file) for file in named]
    write_html(out, reports, title=title)
    return Summary({"out": str(out), "reports": len(reports)}, f"{out}: {len(reports)} reports in one page")


def read_report(file: Path) -> Report:
    """Read a report from its JSON.

    Raises:
        DataError: the file is missing or no report.
    """
    try:
        return Report.from_json(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{file}: cannot be read ({error}); give a .json that `walkprint evaluate` wrote") from error
    except DataError as error:
        raise DataError(f"{file}: {error}") from error

"""`walkprint report`: one self-contained HTML page from the figures of evaluations."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from walkprint.cli.values import UsageError
from walkprint.core.files import check_there
from walkprint.core.summary import Summary, counted

if TYPE_CHECKING:
    from walkprint.evaluation import Report


def report(files: list[str], *, out: Path, title: str = "Gait recognition report") -> Summary:
    """Write one HTML page of tables and curves from several evaluations.

    Args:
        files: JSON files that `walkprint evaluate` wrote, each FILE or NAME=FILE; without a NAME, a system is called by
            the folder of its file.
        out: HTML file to write.
        title: title of the page.

    Example:
        walkprint report results/a/identification.json results/b/identification.json --out comparison.html
    """
    pairs = [("", word) if Path(word).exists() else word.rpartition("=")[::2] for word in files]
    check_there(*(file for _, file in pairs), advice="; give a .json that `evaluate` wrote")
    from walkprint.core.files import write_atomically
    from walkprint.evaluation import Report
    from walkprint.evaluation.html import report_page

    loaded = [_named(name, Path(file), Report.load(Path(file))) for name, file in pairs]
    kinds = [(one.title, one.kind) for one in loaded]
    if twice := next((one for one in kinds if kinds.count(one) > 1), None):
        raise UsageError(f"two reports are called {': '.join(twice)}; name the systems as NAME=FILE")
    write_atomically(out, report_page(loaded, title=title).to_html())
    return Summary({"out": str(out), "reports": len(files)}, f"{out}: {counted(len(files), 'report')} in one page")


def _named(name: str, file: Path, report: "Report") -> "Report":
    """A report with its system in the title; files as `evaluate` calls them are named by their folder."""
    usual = file.stem == report.kind.replace(" ", "_")
    return replace(report, title=f"{name or (file.absolute().parent.name if usual else file.stem)}: {report.title}")

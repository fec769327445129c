"""`walkprint report`: one self-contained HTML page from the figures of evaluations."""

from pathlib import Path

from walkprint.core.files import check_there
from walkprint.core.summary import Summary


def report(files: list[Path], *, out: Path, title: str = "Gait recognition report") -> Summary:
    """Write one HTML page of tables and curves from several evaluations.

    Args:
        files: JSON files that `walkprint evaluate` wrote.
        out: HTML file to write.
        title: title of the page.

    Example:
        walkprint report results/a/identification.json results/b/identification.json --out comparison.html
    """
    check_there(*files, advice="; give a .json that `evaluate` wrote")
    from walkprint.core.files import write_atomically
    from walkprint.evaluation import Report
    from walkprint.evaluation.html import report_page

    write_atomically(out, report_page([Report.load(file) for file in files], title=title).to_html())
    return Summary({"out": str(out), "reports": len(files)}, f"{out}: {len(files)} reports in one page")

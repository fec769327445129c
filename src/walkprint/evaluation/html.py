"""Reports as one self-contained HTML file: nothing is fetched, nothing runs, it prints."""

import base64
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from walkprint.core.errors import DataError
from walkprint.core.files import write_atomically
from walkprint.evaluation.plots import curves_svg
from walkprint.evaluation.report import Report

LeadTable = tuple[str, Sequence[Sequence[str]]]
"""What a table says, and its lines: the first is the head, the first cell of each names it."""
Sheets = Mapping[str, bytes | Mapping[str, bytes]]


def write_html(
    path: str | Path,
    reports: Sequence[Report],
    *,
    title: str = "Gait recognition report",
    lead: str = "",
    table: LeadTable | None = None,
    sheets: Sheets | None = None,
    provenance: Mapping[str, str] | None = None,
) -> None:
    """Write `render_html` to a file, atomically; arguments as there."""
    page = render_html(reports, title=title, lead=lead, table=table, sheets=sheets, provenance=provenance)
    write_atomically(path, page)


def render_html(
    reports: Sequence[Report],
    *,
    title: str = "Gait recognition report",
    lead: str = "",
    table: LeadTable | None = None,
    sheets: Sheets | None = None,
    provenance: Mapping[str, str] | None = None,
) -> str:
    """One page of reports.

    Args:
        reports: at least one; the first gives the headline.
        title: of the page.
        lead: a sentence below it.
        table: shown first of all, with what it says.
        sheets: title -> PNG, see `contact_sheet`; or title -> label -> PNG, for walks that are named one by one.
        provenance: what the header says, say recipe, seed, commit, machine; the reports' own are added.

    Returns:
        HTML; every text is escaped.

    Raises:
        DataError: there is no report.
    """
    if not reports:
        raise DataError("report: nothing to show; give at least one report")
    facts: dict[str, str] = {}
    for report in reversed(reports):
        facts |= report.provenance
    environment = Environment(
        loader=PackageLoader("walkprint.evaluation"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    return environment.get_template("report.html.j2").render(
        title=title,
        lead=lead,
        lead_table=table,
        facts={**facts, **(provenance or {})},
        cards_of=reports[0].title,
        cards=_cards(reports[0]),
        sections=[_section(report) for report in reports],
        glossary=list(dict.fromkeys(line for report in reports for line in report.glossary)),
        sheets=[(name, _walks(sheet)) for name, sheet in (sheets or {}).items()],
    )


def _walks(sheet: bytes | Mapping[str, bytes]) -> dict[str, str]:
    named = {"": sheet} if isinstance(sheet, bytes) else sheet
    return {label: base64.b64encode(png).decode() for label, png in named.items()}


def _cards(report: Report) -> list[dict[str, str]]:
    """The headline: the first figure of each probe set."""
    name = report.figure_names[0]
    cards = []
    for probe_set in report.probe_sets:
        row = report.headline(probe_set)
        if name in row.figures:
            figure = row.figures[name]
            interval = (
                "" if figure.low is None or figure.high is None else f"{100 * figure.low:.1f}–{100 * figure.high:.1f}"
            )
            value = "–" if math.isnan(figure.value) else f"{100 * figure.value:.1f}"
            cards.append({"set": probe_set, "value": value, "interval": interval, "what": name})
    return cards


def _section(report: Report) -> dict[str, Any]:
    kinds = dict.fromkeys(curve.kind for curve in report.curves)
    first = report.figure_names[0] if report.rows else ""
    return {
        "title": report.title,
        "kind": report.kind,
        "gallery": report.gallery,
        "caption": report.caption,
        "view_figure": first,
        "views": _shaded(report.view_table(first)) if report.views else [],
        "summary": report.summary_table() if report.rows else [],
        "summary_of": "mean over probe views" if report.views else "all probes",
        "plots": [(kind, Markup(curves_svg([c for c in report.curves if c.kind == kind]))) for kind in kinds],
        "matrices": [
            {"probe_set": one.probe_set, "figure": one.figure, "lines": _shaded(_lines(one))}
            for one in report.matrices
            if one.figure == first
        ],
        "notes": report.notes,
        "settings": [(name, _plain(value)) for name, value in report.settings.items()],
    }


def _lines(matrix: Any) -> list[list[str]]:
    body = [
        [view, *("" if math.isnan(value) else f"{100 * value:.1f}" for value in line)]
        for view, line in zip(matrix.probe_views, matrix.values, strict=True)
    ]
    return [["probe \\ gallery", *matrix.gallery_views], *body]


def _shaded(table: list[list[str]]) -> list[list[tuple[str, float | None]]]:
    """Cells with the strength of their shade, 0 to 100, or None for heads and gaps."""
    return [
        [(cell, _strength(cell) if row and column else None) for column, cell in enumerate(line)]
        for row, line in enumerate(table)
    ]


def _strength(cell: str) -> float | None:
    try:
        return min(max(float(cell), 0.0), 100.0)
    except ValueError:
        return None


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {_plain(item)}" for name, item in value.items() if item not in ([], {}, None, ""))
    if isinstance(value, list | tuple):
        shown = ", ".join(map(_plain, value[:24]))
        return shown + (f", … ({len(value)} in all)" if len(value) > 24 else "")
    return str(value)

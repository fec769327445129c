"""What a study shows: tables, diagrams and sheets of pictures, as text, Markdown, JSON and one HTML page."""

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from walkprint.core.files import write_atomically
from walkprint.evaluation.report import aligned, piped


@dataclass(frozen=True, slots=True)
class Table:
    """A table.

    Attributes:
        title: what it shows.
        lines: cells line by line; the first line is the head, the first cell of each names it.
        note: how to read it.
    """

    title: str
    lines: Sequence[Sequence[str]]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Diagram:
    """A drawing, see `diagram_svg`, in the HTML page only."""

    title: str
    svg: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet of silhouettes as PNG, in the HTML page and beside it."""

    title: str
    png: bytes


@dataclass(frozen=True, slots=True)
class Page:
    """All of a study.

    Attributes:
        title: of the study.
        lead: what it asks, and on what.
        tables, diagrams, sheets: what came out.
        notes: what a reader must know.
        facts: settings and provenance by name.
        numbers: the same as plain data, and the cells' own.
    """

    title: str
    lead: str
    tables: Sequence[Table]
    diagrams: Sequence[Diagram] = ()
    sheets: Sequence[Sheet] = ()
    notes: Sequence[str] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    numbers: Mapping[str, Any] = field(default_factory=dict)

    def to_text(self) -> str:
        """Tables for a terminal."""
        lines = [self.title, self.lead, ""]
        for table in self.tables:
            lines += [table.title, *([table.note] if table.note else []), *aligned(table.lines), ""]
        return "\n".join([*lines, *self.notes]).rstrip("\n") + "\n"

    def to_markdown(self) -> str:
        """Tables for a document."""
        lines = [f"## {self.title}", "", self.lead, ""]
        for table in self.tables:
            lines += [f"### {table.title}", "", *([table.note, ""] if table.note else []), *piped(table.lines), ""]
        lines += [f"* {note}" for note in self.notes]
        facts = " · ".join(f"{name}: {value}" for name, value in self.facts.items())
        return "\n".join([*lines, "", facts]).rstrip("\n") + "\n"

    def to_json(self) -> str:
        """Everything but the pictures."""
        plain = {"title": self.title, "lead": self.lead, "notes": list(self.notes), "facts": dict(self.facts)}
        tables = [{"title": one.title, "lines": [list(line) for line in one.lines]} for one in self.tables]
        return json.dumps({**plain, "tables": tables, "numbers": self.numbers}, indent=1) + "\n"

    def to_html(self) -> str:
        """One page that stands alone; every text is escaped."""
        loader = ChoiceLoader([PackageLoader("walkprint.studies"), PackageLoader("walkprint.evaluation")])
        environment = Environment(
            loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )
        return environment.get_template("study.html.j2").render(
            title=self.title,
            lead=self.lead,
            facts=self.facts,
            cards=[],
            tables=self.tables,
            diagrams=[(one.title, Markup(one.svg)) for one in self.diagrams],
            sheets=[(one.title, base64.b64encode(one.png).decode()) for one in self.sheets],
            notes=self.notes,
        )

    def save(self, out: Path) -> Path:
        """Write study.txt, .md, .json and .html, and each sheet as sheet-1.png and so on; returns the page.

        Sheets of an earlier report of that folder that had more of them are deleted.
        """
        for ending, text in (("txt", self.to_text), ("md", self.to_markdown), ("json", self.to_json)):
            write_atomically(out / f"study.{ending}", text())
        for number, sheet in enumerate(self.sheets, start=1):
            write_atomically(out / f"sheet-{number}.png", sheet.png)
        for path in out.glob("sheet-*.png"):
            found = re.fullmatch(r"sheet-([1-9][0-9]*)\.png", path.name)
            if found and int(found[1]) > len(self.sheets):
                path.unlink()
        write_atomically(out / "study.html", self.to_html())
        return out / "study.html"

"""One page for every kind of result: sections of tables, diagrams and sheets, as text, Markdown and one HTML file.

The HTML is self-contained: it fetches nothing, runs nothing, and prints.
"""

import base64
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from walkprint.core.files import write_atomically


@dataclass(frozen=True, slots=True)
class Table:
    """A table of texts.

    Attributes:
        title: what it shows.
        lines: cells line by line; the first line is the head, the first cell of each line names it.
        note: how to read it.
        shaded: color the cells of the HTML by their value, 0 to 100.
    """

    title: str
    lines: Sequence[Sequence[str]]
    note: str = ""
    shaded: bool = False

    def to_text(self) -> list[str]:
        """Lines for a terminal, columns aligned."""
        return [*filter(None, (self.title, self.note)), *aligned(self.lines)]

    def to_markdown(self, level: int) -> list[str]:
        """Lines of Markdown below a heading of this level."""
        rows = [f"| {' | '.join(escaped(cell) for cell in line)} |" for line in self.lines]
        rows.insert(1, "|---|" + "---:|" * (len(self.lines[0]) - 1))
        title = [f"{'#' * level} {escaped(self.title)}", ""] if self.title else []
        return [*title, *([escaped(self.note), ""] if self.note else []), *rows]

    def to_latex(self) -> list[str]:
        """Lines of a LaTeX tabular; needs the package booktabs."""
        rows = [" & ".join(_in_latex(cell) for cell in line) + r" \\" for line in self.lines]
        title = [f"% {' '.join(self.title.split())}"] if self.title else []
        columns = "l" + "r" * (len(self.lines[0]) - 1)
        return [
            *title, rf"\begin{{tabular}}{{{columns}}}", r"\toprule", rows[0], r"\midrule", *rows[1:], r"\bottomrule",
            r"\end{tabular}",
        ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Diagram:
    """A drawing, see `diagram_svg`; in the HTML only."""

    title: str
    svg: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet of silhouettes as PNG, see `contact_sheet`; in the HTML and beside it."""

    title: str
    png: bytes

    @property
    def base64(self) -> str:
        """The picture in base64, for a data URL."""
        return base64.b64encode(self.png).decode()


@dataclass(frozen=True, slots=True)
class Section:
    """What belongs together under one heading.

    Attributes:
        title: the heading, or "".
        captions: lines below it.
        tables, diagrams, sheets: the results.
        notes: what a reader must know.
        folded: heading -> tables that the HTML shows on request.
        settings: by name, shown on request.
    """

    title: str = ""
    captions: Sequence[str] = ()
    tables: Sequence[Table] = ()
    diagrams: Sequence[Diagram] = ()
    sheets: Sequence[Sheet] = ()
    notes: Sequence[str] = ()
    folded: Mapping[str, Sequence[Table]] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.tables or self.diagrams or self.sheets or self.notes)

    def to_text(self) -> list[str]:
        """Lines for a terminal."""
        head = [self.title, *self.captions] if self.title and (self.tables or self.notes) else []
        return _apart([head, *(table.to_text() for table in self.tables), self.notes])

    def to_markdown(self) -> list[str]:
        """Lines of a document; the heading has level 3."""
        if not (self.tables or self.notes):
            return []
        lines = [f"### {escaped(self.title)}", ""] if self.title else []
        for caption in self.captions:
            lines += [escaped(caption), ""]
        for table in self.tables:
            lines += [*table.to_markdown(4 if self.title else 3), ""]
        return [*lines, *(f"* {escaped(note)}" for note in self.notes)]


@dataclass(frozen=True, slots=True)
class Page:
    """All results of an evaluation or a study.

    Attributes:
        title: the heading.
        lead: what was done, on what.
        sections: the results.
        facts: settings and provenance by name.
        first: shown above everything else.
        cards: figures in large letters: caption, then (name, value, what it is) of each.
        footer: how to read intervals.
        numbers: results as plain data for the JSON.
    """

    title: str
    lead: str
    sections: Sequence[Section]
    facts: Mapping[str, str] = field(default_factory=dict)
    first: Table | None = None
    cards: tuple[str, Sequence[tuple[str, str, str]]] = ("", ())
    footer: str = ""
    numbers: Mapping[str, Any] = field(default_factory=dict)

    @property
    def tables(self) -> list[Table]:
        """The tables of all sections."""
        return [table for section in self.sections for table in section.tables]

    @property
    def sheets(self) -> list[Sheet]:
        """The sheets of all sections."""
        return [sheet for section in self.sections for sheet in section.sheets]

    @property
    def notes(self) -> list[str]:
        """The notes of all sections."""
        return [note for section in self.sections for note in section.notes]

    def to_text(self) -> str:
        """Tables for a terminal."""
        return "\n".join(_apart([[self.title, self.lead], *(one.to_text() for one in self.sections)])) + "\n"

    def to_markdown(self) -> str:
        """Tables for a document."""
        lines = [f"## {escaped(self.title)}", "", escaped(self.lead), ""]
        lines += [line for one in self.sections for line in one.to_markdown()]
        lines += ["", escaped(" · ".join(f"{name}: {value}" for name, value in self.facts.items()))]
        return "\n".join(lines).rstrip("\n") + "\n"

    def to_latex(self) -> str:
        """Tables for a paper, each a tabular of the package booktabs."""
        return "\n".join(_apart([table.to_latex() for table in self.tables])) + "\n"

    def to_json(self) -> str:
        """Everything but the pictures."""
        plain = {"title": self.title, "lead": self.lead, "facts": dict(self.facts)}
        tables = [{"title": one.title, "lines": [list(line) for line in one.lines]} for one in self.tables]
        return json.dumps({**plain, "notes": self.notes, "tables": tables, "numbers": self.numbers}, indent=1) + "\n"

    def to_html(self) -> str:
        """One file that stands alone; every text is escaped."""
        environment = Environment(
            loader=PackageLoader("walkprint.evaluation"), autoescape=True, undefined=StrictUndefined,
            trim_blocks=True, lstrip_blocks=True,
        )  # fmt: skip
        environment.filters |= {"strength": _strength, "svg": Markup}
        return environment.get_template("page.html.j2").render(page=self)

    def save(self, out: Path, name: str = "study") -> Path:
        """Write NAME.txt, .md, .tex, .json and .html, and each sheet as sheet-1.png and so on; returns the HTML file.

        Sheets of an earlier page of that folder that had more of them are deleted.
        """
        for ending, text in (
            ("txt", self.to_text), ("md", self.to_markdown), ("tex", self.to_latex), ("json", self.to_json)
        ):  # fmt: skip
            write_atomically(out / f"{name}.{ending}", text())
        for number, sheet in enumerate(self.sheets, start=1):
            write_atomically(out / f"sheet-{number}.png", sheet.png)
        for path in out.glob("sheet-*.png"):
            found = re.fullmatch(r"sheet-([1-9][0-9]*)\.png", path.name)
            if found and int(found[1]) > len(self.sheets):
                path.unlink()
        write_atomically(out / f"{name}.html", self.to_html())
        return out / f"{name}.html"


def aligned(lines: Sequence[Sequence[str]]) -> list[str]:
    """A table for a terminal, its head first: one line of text per line."""
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return [
        "  ".join(
            cell.rjust(width) if i else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]


def _apart(blocks: Iterable[Sequence[str]]) -> list[str]:
    """Blocks of lines with an empty line between them."""
    return [line for block in blocks if block for line in (*block, "")][:-1]


def escaped(text: str) -> str:
    """Text as Markdown that shows it as it is."""
    for character in "\\|<>*_`#":
        text = text.replace(character, "\\" + character)
    return text.replace("\n", " ")


_LATEX = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "±": r"$\pm$"}
_LATEX |= {character: f"\\{character}" for character in "&%$#_{}"}


def _in_latex(text: str) -> str:
    """Text as LaTeX that shows it as it is; a leading minus becomes one."""
    shown = "".join(_LATEX.get(character, character) for character in text.replace("\n", " "))
    return re.sub(r"(?<![\w-])-(?=[\d.])", "$-$", shown)


def _strength(cell: str) -> float | None:
    """How strongly a cell is shaded, 0 to 100; None of what is no number."""
    try:
        return min(max(float(cell), 0.0), 100.0)
    except ValueError:
        return None

"""What an evaluation found: figures with intervals and counts, as text, Markdown and JSON (HTML: `html.py`)."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from numbers import Real
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from walkprint.core.errors import DataError
from walkprint.core.files import write_atomically
from walkprint.core.yaml_json import parse_json, read_text
from walkprint.evaluation.glossary import explain
from walkprint.evaluation.page import Section, Table, escaped

Kind = Literal["identification", "verification", "open set"]
_FORMAT, _VERSION = "walkprint report", 1
MEAN, POOLED = "mean", "pooled"
_SUMMARIES = (MEAN, POOLED)
_STEPS = {
    "normalize": "parts of unit length",
    "whitening": "whitened",
    "gallery_site": "gallery's site",
    "probe_site": "probes' site",
    "center": "centered",
}


@dataclass(frozen=True, slots=True)
class Figure:
    """A number from 0 to 1 (a difference: -1 to 1); NaN where nothing could be measured.

    Attributes:
        value: the number.
        low, high: ends of its 95 % interval, or None where there is none.
    """

    value: float
    low: float | None = None
    high: float | None = None

    def percent(self, *, interval: bool = False, signed: bool = False) -> str:
        """As percentage with one decimal, never -0.0, "-" for NaN; on request with its interval, and with a sign."""
        if math.isnan(self.value):
            return "-"
        sign = "+" if signed else ""
        text = f"{100 * self.value:{sign}z.1f}"
        if interval and self.low is not None and self.high is not None:
            text += f" [{100 * self.low:{sign}z.1f}, {100 * self.high:{sign}z.1f}]"
        return text


@dataclass(frozen=True, slots=True)
class Row:
    """One line of results.

    Attributes:
        probe_set: name of the probe set.
        view: a probe view; "mean" over the views; or "pooled", where every probe weighs the same.
        figures: by name, "rank-1" and so on.
        probes: how many probes there are.
        unmatched: how many of them have no right sequence in the gallery.
    """

    probe_set: str
    view: str
    figures: Mapping[str, Figure]
    probes: int
    unmatched: int = 0


@dataclass(frozen=True, slots=True)
class Matrix:
    """A figure by probe view and gallery view; NaN where no probe counts.

    Attributes:
        probe_set, figure: what it shows.
        probe_views, gallery_views: its rows and columns.
        values: from 0 to 1.
    """

    probe_set: str
    figure: str
    probe_views: tuple[str, ...]
    gallery_views: tuple[str, ...]
    values: tuple[tuple[float, ...], ...]

    @property
    def table(self) -> Table:
        """In percent, empty where no probe counts."""
        body = [
            [view, *("" if math.isnan(value) else f"{100 * value:.1f}" for value in line)]
            for view, line in zip(self.probe_views, self.values, strict=True)
        ]
        return Table(self.probe_set, [["probe \\ gallery", *self.gallery_views], *body], shaded=True)


@dataclass(frozen=True, slots=True)
class Curve:
    """A curve to draw: "CMC" (rank, share found), "ROC" (share of wrong pairs accepted, share of right ones), "DET".

    Attributes:
        kind, name: what it shows, and of which probe set.
        x, y: its points; of "DET" FPIR (strangers' probes accepted) and FNIR (known people's probes that are missed).
        low, high: ends of the 95 % interval of each y; empty where there are none.
    """

    kind: str
    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """What one evaluation found.

    Attributes:
        title: name of the protocol.
        kind: of the evaluation.
        rows: the figures.
        matrices: figures by gallery view.
        curves: to draw.
        settings: everything that the figures depend on; plain data.
        notes: what a reader must know: probes left out, empty probe sets.
        provenance: where it comes from, e.g. recipe, seed, commit, machine.
    """

    title: str
    kind: Kind
    rows: tuple[Row, ...]
    matrices: tuple[Matrix, ...] = ()
    curves: tuple[Curve, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    provenance: Mapping[str, str] = field(default_factory=dict)

    @property
    def figure_names(self) -> tuple[str, ...]:
        """Names of the figures, in order."""
        return tuple(dict.fromkeys(name for row in self.rows for name in row.figures))

    @property
    def probe_sets(self) -> tuple[str, ...]:
        """Names of the probe sets, in order."""
        return tuple(dict.fromkeys(row.probe_set for row in self.rows))

    @property
    def views(self) -> tuple[str, ...]:
        """The probe views, sorted, without the summaries."""
        return tuple(sorted({row.view for row in self.rows} - set(_SUMMARIES)))

    def row(self, probe_set: str, view: str = "mean") -> Row:
        """One row.

        Raises:
            DataError: there is no such row.
        """
        for row in self.rows:
            if (row.probe_set, row.view) == (probe_set, view):
                return row
        raise DataError(
            f"report {self.title}: no row {probe_set!r} {view!r}; probe sets are {', '.join(self.probe_sets)}, "
            f"views {', '.join((*self.views, *_SUMMARIES))}"
        )

    def figure(self, probe_set: str, name: str = "rank-1", view: str = "mean") -> Figure:
        """One figure.

        Raises:
            DataError: there is no such row or figure.
        """
        figures = self.row(probe_set, view).figures
        if name not in figures:
            raise DataError(f"report {self.title}: no figure {name!r}; expected one of {', '.join(figures)}")
        return figures[name]

    def view_table(self, figure: str) -> Table:
        """The customary table of a figure: per probe set its views, mean and pooled, in percent."""
        columns = (*self.views, *_SUMMARIES)
        cells = {(row.probe_set, row.view): row.figures.get(figure) for row in self.rows}
        lines = [["", *columns]]
        for name in self.probe_sets:
            line = [cells.get((name, column)) for column in columns]
            lines.append([name, *("" if one is None else one.percent() for one in line)])
        return Table(f"{figure} by probe view", lines, shaded=True)

    def summary_table(self) -> Table:
        """Per probe set every figure with its interval, and the counts."""
        names = self.figure_names
        lines = [["", *names, "probes", "unmatched"]]
        for name in self.probe_sets:
            row = self.headline(name)
            shown = [row.figures[one].percent(interval=True) if one in row.figures else "" for one in names]
            lines.append([name, *shown, str(row.probes), str(row.unmatched)])
        return Table("mean over probe views [95 % interval]" if self.views else "all probes [95 % interval]", lines)

    def headline(self, probe_set: str) -> Row:
        """The row that stands for a probe set: its mean over views, or what there is instead."""
        views = {row.view for row in self.rows if row.probe_set == probe_set}
        return self.row(probe_set, next(view for view in (*_SUMMARIES, *sorted(views)) if view in views))

    @property
    def gallery(self) -> str:
        """One line about the sequences that probes are compared with; "" if the settings do not hold it."""
        found = self.settings.get("gallery")
        return f"gallery: {found}" if found else ""

    @property
    def source(self) -> str:
        """One line about what made the embeddings: the network's class and the digest of its weights; "" if unknown."""
        found = self.settings.get("source")
        return f"embeddings by {found}" if found else ""

    @property
    def caption(self) -> str:
        """One line that says what the tables show."""
        protocol = self.settings.get("protocol", {})
        scoring = self.settings.get("scoring", self.settings)  # reports of walkprint 0.1 hold them flat
        parts = [f"{self.kind}, %", f"metric {scoring.get('metric', '?')}"]
        parts += [words for name, words in _STEPS.items() if scoring.get(name)]
        rules = [(name, protocol.get(name)) for name in ("exclude", "require")]
        parts += [f"{name} {' + '.join(fields)}" for name, fields in rules if fields]
        if protocol.get("gallery_view") == "each" and self.kind == "identification":
            parts.append("one gallery view at a time")
        return " · ".join(parts)

    @property
    def glossary(self) -> list[str]:
        """What the abbreviations of the tables mean, a line each."""
        return explain(self.figure_names, self.settings.get("protocol", {}))

    @property
    def section(self) -> Section:
        """What a page shows of it, but for curves and abbreviations."""
        first = self.figure_names[:1]
        return Section(
            title=self.title,
            captions=[line for line in (self.gallery, self.caption, self.source) if line],
            tables=[*(self.view_table(name) for name in first if self.views), self.summary_table()],
            notes=self.notes,
            folded={
                f"{name} by probe view and gallery view": [one.table for one in self.matrices if one.figure == name]
                for name in first
                if self.matrices
            },
            settings={name: _in_words(value) for name, value in self.settings.items()},
        )

    def to_text(self) -> str:
        """Tables for a terminal."""
        glossary = ["", *self.glossary] if self.glossary else []
        return "\n".join([*self.section.to_text(), *glossary]) + "\n"

    def to_markdown(self) -> str:
        """Tables for a document."""
        lines = [*self.section.to_markdown(), *(f"* {escaped(one)}" for one in self.glossary)]
        if self.provenance:
            lines += ["", escaped(" · ".join(f"{name}: {value}" for name, value in self.provenance.items()))]
        return "\n".join(lines) + "\n"

    def to_latex(self) -> str:
        """Tables for a paper, each a tabular of the package booktabs."""
        return "\n\n".join("\n".join(table.to_latex()) for table in self.section.tables) + "\n"

    def to_json(self) -> str:
        """Everything, as JSON without NaN; `from_json` reads it back."""
        return json.dumps(
            {"format": _FORMAT, "version": _VERSION} | _without_nan(asdict(self)), indent=1, allow_nan=False
        )

    @classmethod
    def load(cls, path: Path) -> "Report":
        """The report in a JSON file.

        Raises:
            DataError: the file is missing or no report.
        """
        try:
            return cls.from_json(read_text(path))
        except (OSError, ValueError) as error:
            raise DataError(f"{path}: cannot be read ({error}); give a .json that an evaluation wrote") from error
        except DataError as error:
            raise DataError(f"{path}: {error}") from error

    @classmethod
    def from_json(cls, text: str) -> "Report":
        """Read what `to_json` wrote.

        Raises:
            DataError: it is no report of ours.
        """
        try:
            plain = parse_json(text, "report")
            if not isinstance(plain, dict) or (plain.pop("format", 0), plain.pop("version", 0)) != (_FORMAT, _VERSION):
                raise ValueError(f"not a {_FORMAT} of version {_VERSION}")
            for name, kind in (("rows", _row), ("matrices", _matrix), ("curves", _curve)):
                plain[name] = tuple(kind(item) for item in plain[name])
            found = cls(**plain | {"notes": tuple(plain["notes"])})
            for part in (found, *found.rows, *found.matrices, *found.curves):
                _check_types(part)
            return found
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(f"report: cannot be read ({error}); expected one that an evaluation wrote") from error

    def save(self, path: str | Path) -> None:
        """Write it, atomically, in the format of the ending: .json, .md, .tex or .txt.

        Raises:
            DataError: another ending.
        """
        path = Path(path)
        formats = {".json": self.to_json, ".md": self.to_markdown, ".tex": self.to_latex, ".txt": self.to_text}
        if path.suffix not in formats:
            raise DataError(f"{path}: unknown ending {path.suffix!r}; expected {', '.join(formats)}")
        write_atomically(path, formats[path.suffix]())


def _row(plain: dict[str, Any]) -> Row:
    figures = {name: Figure(**one | {"value": _number(one["value"])}) for name, one in plain["figures"].items()}
    return Row(**plain | {"figures": figures})


def _matrix(plain: dict[str, Any]) -> Matrix:
    views = {name: tuple(plain[name]) for name in ("probe_views", "gallery_views")}
    return Matrix(**plain | views | {"values": tuple(tuple(map(_number, line)) for line in plain["values"])})


def _curve(plain: dict[str, Any]) -> Curve:
    return Curve(**plain | {name: tuple(map(_number, plain.get(name, ()))) for name in ("x", "y", "low", "high")})


def _check_types(part: Any) -> None:
    for name, annotation in get_type_hints(type(part)).items():
        if not _fits(getattr(part, name), annotation):
            raise ValueError(f"{name} of another kind")
    for figure in part.figures.values() if isinstance(part, Row) else ():
        _check_types(figure)


def _fits(value: Any, annotation: Any) -> bool:
    kind, inner = get_origin(annotation) or annotation, get_args(annotation)
    if kind in (Union, UnionType):
        return any(_fits(value, one) for one in inner)
    if kind is Literal:
        return value in inner
    if kind in (int, float):
        return isinstance(value, Real) and not isinstance(value, bool)
    if kind is tuple:
        return isinstance(value, tuple) and all(_fits(one, inner[0]) for one in value)
    if kind is Mapping or kind is dict:
        return isinstance(value, Mapping) and all(_fits(one, inner[1]) for one in value.values())
    return kind is Any or isinstance(value, kind)


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _without_nan(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(name): _without_nan(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return value


def _in_words(value: Any) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {_in_words(item)}" for name, item in value.items() if item not in ([], {}, None, ""))
    if isinstance(value, list | tuple):
        shown = ", ".join(map(_in_words, value[:24]))
        return shown + (f", … ({len(value)} in all)" if len(value) > 24 else "")
    return str(value)

"""What the pages of all studies have in common: unfinished cells, failures, settings and versions."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from walkprint.core.versions import versions
from walkprint.evaluation.page import Diagram, Page, Section, Sheet, Table
from walkprint.studies.grid import Cell, Numbers

SETS = ("NM", "BG", "CL")
"""The probe sets of the rendered walkers."""
_FOOTER = "Intervals: 95 %. Over seeds: Student’s, of paired differences. Over people: by resampling "
_OTHER_PEOPLE = "the test subjects of each seed, averaged over seeds."
_SAME_PEOPLE = "the test subjects, each with the mean over seeds."


def study_page(
    study: Any,
    title: str,
    lead: str,
    results: Mapping[str, Numbers],
    failed: Mapping[str, str],
    *,
    tables: Sequence[Table],
    diagrams: Sequence[Diagram] = (),
    sheets: Sequence[Sheet] = (),
    notes: Sequence[str] = (),
    same_people: bool = False,
) -> Page:
    """One page of a study.

    Args:
        study: with `cells()`; its settings go into the header.
        title, lead: what it is about.
        results: numbers by cell.
        failed: why a cell could not be computed, by cell.
        tables, diagrams, sheets: what came out; tables without rows are left out.
        notes: what a reader must know.
        same_people: whether every seed tests the same people.
    """
    cells = study.cells()
    missing = [cell.name for cell in cells if cell.name not in results and cell.name not in failed]
    said = [*notes, *(f"{name} failed: {why}" for name, why in failed.items())]
    if missing:
        said.append(f"{len(missing)} of {len(cells)} cells are not computed yet, e.g. {missing[0]}.")
    found = [one for one in tables if len(one.lines) > 1]
    waiting = Table("Nothing is finished yet", [["cell"], *([cell.name] for cell in cells)])
    sections = [
        Section(tables=found or [waiting]),
        Section("Diagrams", diagrams=diagrams),
        Section("Silhouettes", sheets=sheets),
        Section("Notes", notes=said),
    ]
    return Page(
        title=title,
        lead=lead,
        sections=[one for one in sections if one],
        facts=_facts(study),
        footer=_FOOTER + (_SAME_PEOPLE if same_people else _OTHER_PEOPLE),
        numbers={"cells": dict(results)},
    )


def cells_of(study: Any, results: Mapping[str, Numbers]) -> dict[str, list[Cell]]:
    """The finished cells of each section of a study."""
    done = [cell for cell in study.cells() if cell.name in results]
    return {section: [cell for cell in done if cell.settings["section"] == section] for section in study.sections}


def _facts(study: Any) -> dict[str, str]:
    """Settings and versions."""
    settings = {name: getattr(study, name) for name in study.__dataclass_fields__}
    shown = {name: _in_words(one) for name, one in settings.items() if one is not None}
    found = versions()
    return shown | {name: str(found[name]) for name in ("walkprint", "commit", "torch", "machine") if found[name]}


def _in_words(value: Any) -> str:
    if isinstance(value, Path):
        return value.name
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(getattr(value, "name", value))

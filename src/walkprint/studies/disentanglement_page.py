"""The report of the study of disentanglement: tables over seeds, what codes reveal, and swapped looks."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from walkprint.evaluation.plots import COLORS, PAGE_COLOR, diagram_svg
from walkprint.studies.comparison import Outcomes, difference_table, mean_table
from walkprint.studies.disentanglement import FULL, READINGS, DisentanglementStudy, conditions_of, swap_grid
from walkprint.studies.grid import Cell, Numbers
from walkprint.studies.inter_class_page import facts
from walkprint.studies.page import Diagram, Page, Sheet, Table
from walkprint.studies.statistics import over_seeds

SETS = ("NM", "BG", "CL")
FRONTAL_SETS = ("WS", "CB", "CL", "CBG", "ALL")
_GAIT = "GaitNet, gait alone"
_LEAD = (
    "What GaitNet's codes of appearance, body and pose hold, what each of its losses does, and how it compares, on "
    "rendered people whom the networks never saw. Synthetic figures: they say nothing about accuracy on real people."
)
_REVEALED = {
    "subject": "Who walks: share of sequences that a linear probe names right, from other takes of these people.",
    "clothes": "In what: share of conditions (nm, bg, cl) named right, of people whom the probe never saw.",
    "phase": "When in the step: share of the variance of its phase that a probe explains, of people it never saw.",
}


def page(study: DisentanglementStudy, results: Mapping[str, Numbers], failed: Mapping[str, str], out: Path) -> Page:
    """The report of what is finished.

    Args:
        study: what was asked.
        results: numbers by cell.
        failed: why a cell could not be computed, by cell.
        out: the study's folder, where networks and people lie.
    """
    cells = study.cells()
    done = [cell for cell in cells if cell.name in results]
    parts = {part: [cell for cell in done if cell.settings["part"] == part] for part in study.parts}
    ablation = parts.get("ablation", [])
    full = [cell for cell in ablation if cell.settings["name"] == FULL]
    tables = [*_revealed(ablation, results), *_compared(full, parts.get("networks", []), results)]
    for reading in READINGS if ablation else ():
        outcomes = _outcomes(ablation, results, reading)
        tables.append(mean_table(f"Variants of GaitNet, {reading}: rank-1", outcomes, "rank-1", SETS))
        if reading == "whole" and len(study.variants) > 1:
            tables.append(difference_table("Variants against the full one", outcomes, FULL, "rank-1", SETS))
    for figure in ("TAR at FAR 1 %", "TAR at FAR 5 %") if parts.get("frontal") else ():
        outcomes = {
            ("GaitNet", reading): table for reading in READINGS
            for table in _outcomes(parts["frontal"], results, reading).values()
        }  # fmt: skip
        tables.append(mean_table(f"Before FVG's camera: {figure}", outcomes, figure, FRONTAL_SETS))
    diagrams = [one for cell in full for one in _planes(results[cell.name])]
    sheets = (
        [Sheet("Looks from the first column, poses from the first row", _png(swap_grid(full[0], out)))] if full else []
    )
    notes = [f"{name} failed: {why}" for name, why in failed.items()]
    if len(done) < len(cells):
        notes.append(f"{len(done)} of {len(cells)} cells are finished.")
    return Page(
        title="Study of disentanglement",
        lead=_LEAD,
        tables=tables or [Table("Nothing is finished yet", [["cell"], *([cell.name] for cell in cells)])],
        diagrams=diagrams,
        sheets=sheets,
        notes=notes,
        facts=facts(study),
        numbers={"cells": dict(results)},
    )


def _outcomes(
    cells: Sequence[Cell], results: Mapping[str, Numbers], reading: str, network: str = "GaitNet"
) -> Outcomes:
    table: dict[tuple[str, str], dict[int, Numbers]] = {}
    for cell in cells:
        figures = results[cell.name]["figures"].get(reading)
        if figures is not None:
            table.setdefault((network, cell.settings["name"]), {})[cell.settings["seed"]] = figures
    return table


def _compared(full: Sequence[Cell], others: Sequence[Cell], results: Mapping[str, Numbers]) -> list[Table]:
    """GaitNet's three readings beside the other networks."""
    table: dict[tuple[str, str], dict[int, Numbers]] = {}
    for reading in READINGS:
        for by_seed in _outcomes(full, results, reading).values():
            table[f"GaitNet, {reading}", "color"] = dict(by_seed)
    for cell in others:
        name = cell.settings["name"]
        table.setdefault((name, "silhouettes"), {})[cell.settings["seed"]] = results[cell.name]["figures"]["whole"]
    if not table:
        return []
    tables = [mean_table("Networks on the same people: rank-1, other views", table, "rank-1", SETS)]
    if full:
        sides = {("GaitNet", reading): table[f"GaitNet, {reading}", "color"] for reading in READINGS}
        tables.append(difference_table("GaitNet: parts of it against the whole", sides, "whole", "rank-1", SETS))
    return tables


def _revealed(cells: Sequence[Cell], results: Mapping[str, Numbers]) -> list[Table]:
    tables = []
    for what, note in _REVEALED.items():
        found: dict[str, dict[str, list[float]]] = {}
        for cell in cells:
            for code, value in results[cell.name]["probes"][what].items():
                found.setdefault(cell.settings["name"], {}).setdefault(code, []).append(value)
        if found:
            codes = list(next(iter(found.values())))
            lines = [["variant", *codes]]
            lines += [[name, *(over_seeds(row[code]).percent() for code in codes)] for name, row in found.items()]
            tables.append(Table(f"What codes reveal: {what}", lines, note))
    return tables


def _planes(numbers: Numbers) -> list[Diagram]:
    """Codes of test clips on a plane (t-SNE), by subject and by clothes."""
    if "planes" not in numbers:
        return []
    labels = {
        "subject": [key.split("/", maxsplit=1)[0] for key in numbers["keys"]],
        "clothes": conditions_of(numbers["keys"]),
    }

    def drawn(code: str, what: str) -> Diagram:
        points, names = np.array(numbers["planes"][code]), sorted(set(labels[what]))[: len(COLORS)]

        def draw(axes: Axes) -> None:
            for color, name in zip(COLORS, names, strict=False):
                mine = points[np.array(labels[what]) == name]
                axes.scatter(mine[:, 0], mine[:, 1], s=9, color=color, label=name, alpha=0.8, linewidths=0)
            axes.set(xticks=[], yticks=[])
            axes.legend(frameon=False, labelcolor=PAGE_COLOR, fontsize=7, markerscale=1.5)

        title = f"The {code} code by {what} (t-SNE: who is near whom, nothing else)"
        return Diagram(title, diagram_svg(title, draw))

    return [drawn(code, what) for code in ("appearance", "gait") for what in ("subject", "clothes")]


def _png(pictures: NDArray[np.uint8]) -> bytes:
    """(row, column, height, width, channel) side by side, twice as large."""
    sheet = np.concatenate([np.concatenate(list(row), axis=1) for row in pictures])
    large = cv2.resize(sheet, None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)
    return cv2.imencode(".png", large[..., ::-1] if sheet.shape[-1] == 3 else large)[1].tobytes()

"""The report of the study of disentanglement: tables over seeds, what codes reveal, and swapped looks."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from walkprint.evaluation.page import Diagram, Page, Sheet, Table
from walkprint.evaluation.plots import COLORS, PAGE_COLOR, diagram_svg
from walkprint.evaluation.sheets import picture_grid
from walkprint.studies.comparison import Outcomes, difference_table, mean_table, outcomes_of
from walkprint.studies.disentanglement import (
    EMBEDDING,
    EVERYTHING,
    FULL,
    READINGS,
    DisentanglementStudy,
    conditions_of,
    swap_grid,
)  # fmt: skip
from walkprint.studies.grid import Cell, Numbers
from walkprint.studies.statistics import over_seeds
from walkprint.studies.study_page import SETS, cells_of, study_page

_NETWORKS = (
    "Percent: mean ± standard deviation over seeds. Silhouettes lose frames and are sheared and stretched here and "
    "there, pictures in color are not: compare color with color. GaitNet by cosine, the others by Euclidean distance."
)
_MORE = (
    "The share above chance of the subject (of what chance leaves) minus that of clothes: 100 would be all of the "
    "subject and nothing of clothes. Mean and Student's 95 % interval over seeds."
)
FRONTAL_SETS = ("WS", "CB", "CL", "CBG", "ALL")
_LEAD = (
    "What GaitNet's codes of appearance, body and pose hold, what each of its losses does, and how it compares, on "
    "rendered people that the networks never saw. Synthetic figures: they say nothing about accuracy on real people."
)
_REVEALED = {
    "subject": "Who walks: share of sequences that a linear probe names right, from other takes of these people.",
    "clothes": "In what: share of conditions (nm, bg, cl) named right, of people that the probe never saw.",
    "phase": "When in the step: share of the variance of its phase that a probe explains, of people it never saw.",
}


def page(study: DisentanglementStudy, results: Mapping[str, Numbers], failed: Mapping[str, str], out: Path) -> Page:
    """The report of what is finished.

    Args:
        study: its settings.
        results: numbers by cell.
        failed: why a cell could not be computed, by cell.
        out: the study's folder, where networks and people lie.
    """
    sections = cells_of(study, results)
    ablation = sections.get("ablation", [])
    full = [cell for cell in ablation if cell.settings["name"] == FULL]
    tables = [*_revealed(ablation, results), *_compared(full, sections.get("networks", []), results)]
    for reading in READINGS if ablation else ():
        outcomes = _outcomes(ablation, results, reading)
        tables.append(mean_table(f"Variants of GaitNet, {reading}: rank-1", outcomes, "rank-1", SETS))
        if len(study.variants) > 1:
            tables.append(difference_table(f"The same against {FULL}", outcomes, FULL, "rank-1", SETS))
    for figure in ("TAR at FAR 1 %", "TAR at FAR 5 %") if sections.get("frontal") else ():
        outcomes = {
            ("GaitNet", reading): table for reading in READINGS
            for table in _outcomes(sections["frontal"], results, reading).values()
        }  # fmt: skip
        title = f"Before FVG's camera: {figure}"
        tables.append(mean_table(title, outcomes, figure, FRONTAL_SETS))
        tables.append(difference_table(f"{title}, against {EVERYTHING}", outcomes, EVERYTHING, figure, FRONTAL_SETS))
    diagrams = [one for cell in full for one in _planes(results[cell.name])]
    sheets = (
        [Sheet("Looks from the first column, poses from the first row", picture_grid(swap_grid(full[0], out), scale=2))]
        if full
        else []
    )
    return study_page(
        study,
        "Study of disentanglement",
        _LEAD,
        results,
        failed,
        tables=tables,
        diagrams=diagrams,
        sheets=sheets,
    )


def _outcomes(
    cells: Sequence[Cell], results: Mapping[str, Numbers], reading: str, network: str = "GaitNet"
) -> Outcomes:
    figures = {cell.name: results[cell.name]["figures"].get(reading) for cell in cells}
    known = {name: one for name, one in figures.items() if one is not None}
    return outcomes_of(cells, known, lambda settings: (network, settings["name"]))


def _compared(full: Sequence[Cell], others: Sequence[Cell], results: Mapping[str, Numbers]) -> list[Table]:
    """GaitNet's readings beside the other networks."""
    table: dict[tuple[str, str], Mapping[int, Numbers]] = {
        (f"GaitNet, {reading}", "color"): by_seed
        for reading in READINGS
        for by_seed in _outcomes(full, results, reading).values()
    }
    on_masks = _outcomes(others, results, EMBEDDING, "silhouettes")
    table |= {(name, "silhouettes"): by_seed for (_, name), by_seed in on_masks.items()}
    if not table:
        return []
    tables = [mean_table("Networks on the same people: rank-1, other views", table, "rank-1", SETS, _NETWORKS)]
    if on_masks:
        first = next(name for _, name in on_masks)
        tables.append(difference_table(f"On silhouettes, against {first}", on_masks, first, "rank-1", SETS))
    if full:
        sides = {("GaitNet", reading): table[f"GaitNet, {reading}", "color"] for reading in READINGS}
        tables.append(difference_table(f"GaitNet: its parts against {EVERYTHING}", sides, EVERYTHING, "rank-1", SETS))
    return tables


def _revealed(cells: Sequence[Cell], results: Mapping[str, Numbers]) -> list[Table]:
    """What codes reveal, with Student's interval over seeds: subject, clothes, phase, and subject beyond clothes."""
    tables = []
    for what, note in _REVEALED.items():
        found = _by_code(cells, lambda probes, code, what=what: probes[what].get(code), results)
        tables += _code_table(
            f"What codes reveal: {what}", found, f"{note} Mean and Student's 95 % interval over seeds."
        )

    def more(probes: Numbers, code: str) -> float | None:
        if code == "chance" or code not in probes["subject"]:
            return None
        beyond = [(probes[what][code] - probes[what]["chance"]) / (1 - probes[what]["chance"])
                  for what in ("subject", "clothes")]  # fmt: skip
        return float(beyond[0] - beyond[1])

    beyond = _by_code(cells, more, results)
    return [*tables, *_code_table("What codes reveal of the subject beyond clothes", beyond, _MORE, signed=True)]


_ByCode = dict[str, dict[str, list[float]]]


def _by_code(cells: Sequence[Cell], read: Callable[..., float | None], results: Mapping[str, Numbers]) -> _ByCode:
    """Variant -> code -> a figure of each seed."""
    found: _ByCode = {}
    for cell in cells:
        probes = results[cell.name]["probes"]
        for code in probes["subject"]:
            value = read(probes, code)
            if value is not None:
                found.setdefault(cell.settings["name"], {}).setdefault(code, []).append(value)
    return found


def _code_table(title: str, found: _ByCode, note: str, *, signed: bool = False) -> list[Table]:
    if not found:
        return []
    codes = list(next(iter(found.values())))
    lines = [["variant", *codes]]
    lines += [[name, *(over_seeds(row[code]).interval(signed=signed) for code in codes)] for name, row in found.items()]
    return [Table(title, lines, note)]


def _planes(numbers: Numbers) -> list[Diagram]:
    """Codes of test clips on a plane (t-SNE), by subject and by clothes."""
    if "planes" not in numbers:
        return []
    labels = {
        "subject": [key.split("/", maxsplit=1)[0] for key in numbers["keys"]],
        "clothes": conditions_of(numbers["keys"]),
    }

    def drawn(code: str, what: str) -> Diagram:
        points, all_names = np.array(numbers["planes"][code]), sorted(set(labels[what]))
        names = all_names[: len(COLORS)]

        def draw(axes: Axes) -> None:
            axes.scatter(points[:, 0], points[:, 1], s=4, color="0.75", linewidths=0)
            for color, name in zip(COLORS, names, strict=False):
                mine = points[np.array(labels[what]) == name]
                axes.scatter(mine[:, 0], mine[:, 1], s=9, color=color, label=name, alpha=0.8, linewidths=0)
            axes.set(xticks=[], yticks=[])
            axes.legend(frameon=False, labelcolor=PAGE_COLOR, fontsize=7, markerscale=1.5)

        some = f", {len(names)} of {len(all_names)} in color" if len(names) < len(all_names) else ""
        title = f"The {code} code by {what}{some} (t-SNE: only neighborhoods are meaningful)"
        return Diagram(title, diagram_svg(title, draw))

    return [drawn(code, what) for code in ("appearance", "gait") for what in ("subject", "clothes")]

"""From how many recorded coats a method helps or harms, by differences from the original at several numbers of them."""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

from matplotlib.axes import Axes

from walkprint.evaluation.page import Diagram, Table
from walkprint.evaluation.plots import COLORS, PAGE_COLOR, diagram_svg, label_axes
from walkprint.studies.comparison import Outcomes, difference
from walkprint.studies.statistics import Estimate

Gains = Mapping[str, Mapping[int, Estimate]]
"""Variant -> number of recorded coats -> difference from the original."""
_READING = (
    "Differences of rank-1 in points, with 95 % intervals over seeds, by the number of recorded takes in a coat, those "
    "of all training people together. Turns: where the mean difference changes its sign, on a straight line over the "
    "logarithm of the number; not settled where an interval holds 0 or is missing."
)
_DASHES = ("-", "--", ":")


def gains_by_number(outcomes: Outcomes, numbers: Mapping[str, int], baseline: str, name: str) -> Gains:
    """Differences from the baseline in rank-1 on one probe set, by the number of recorded coats.

    Args:
        outcomes: (what training people have of coats, variant) -> seed -> numbers.
        numbers: what they have -> how many takes that is; others are left out.
        baseline: the variant that others are compared with.
        name: of the probe set.
    """
    variants = [one for one in dict.fromkeys(variant for _, variant in outcomes) if one != baseline]
    found = {
        variant: {
            number: difference(outcomes, coats, variant, baseline, name)
            for coats, number in sorted(numbers.items(), key=lambda pair: pair[1])
        }
        for variant in variants
    }
    known = {
        variant: {number: one for number, one in by_number.items() if not math.isnan(one.value)}
        for variant, by_number in found.items()
    }
    return {variant: by_number for variant, by_number in known.items() if by_number}


def turns(values: Mapping[int, float]) -> str:
    """Up to which numbers something helps and harms, in words.

    Args:
        values: number, 1 or more -> difference; above 0 helps, below 0 harms.
    """
    there = sorted((number, value) for number, value in values.items() if value)
    if not there:
        return "no difference"
    words = []
    for (low, below), (high, above) in pairwise(there):
        if (below > 0) != (above > 0):
            at = low * (high / low) ** (below / (below - above))
            words.append(f"{_verb(below)} up to {at:.0f}")
    last = _verb(there[-1][1])
    return ", ".join([*words, f"{last} {'beyond' if words else 'throughout'}"])


def _verb(value: float) -> str:
    return "helps" if value > 0 else "harms"


def turning_table(title: str, gains: Gains) -> Table:
    """A line for each method: its differences at each number of recorded coats, and where they turn."""
    numbers = sorted({number for by_number in gains.values() for number in by_number})
    lines = [["made by", *map(str, numbers), "turns"]]
    for variant, by_number in gains.items():
        cells = [by_number[one].interval() if one in by_number else "-" for one in numbers]
        words = turns({number: one.value for number, one in by_number.items()})
        settled = all(one.certain for one in by_number.values())
        lines.append([variant, *cells, words if settled else f"{words} (not settled)"])
    return Table(title, lines, _READING)


def gains_diagram(title: str, gains: Gains) -> Diagram:
    """The differences over the number of recorded coats, a line for each method, bars for intervals over seeds."""

    def draw(axes: Axes) -> None:
        for place, (variant, by_number) in enumerate(gains.items()):
            ends = [(one.value - one.low if one.low is not None else 0.0) for one in by_number.values()]
            axes.errorbar(
                list(by_number), [100 * one.value for one in by_number.values()], yerr=[100 * one for one in ends],
                fmt=f"o{_DASHES[place // len(COLORS) % len(_DASHES)]}", color=COLORS[place % len(COLORS)], capsize=2,
                markersize=3, linewidth=1.3, label=variant,
            )  # fmt: skip
        axes.axhline(0, color=PAGE_COLOR, linewidth=0.8)
        axes.set_xscale("log", base=2)
        numbers: Sequence[int] = sorted({number for by_number in gains.values() for number in by_number})
        axes.set_xticks(numbers, labels=list(map(str, numbers)))
        label_axes(axes, "recorded takes in a coat", "rank-1 minus that of the original, points", legend_pt=7)

    return Diagram(title, diagram_svg(title, draw))

"""Diagrams for pages: SVG that follows the page's colors."""

import io
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from walkprint.core.errors import DataError
from walkprint.evaluation.report import Curve

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Distinct with any color vision, and legible on white and on black (after Okabe and Ito, 2008).
COLORS = ("#0f82c8", "#e0701e", "#0a9e73", "#c9609b", "#b8920f", "#4ba3d8", "#8a63c9")
_DASHES = ("-", "--", "-.", ":")
PAGE_COLOR = "#010203"
_LEAST = 0.1
_LABELS = {
    "CMC": ("rank k", "found within rank k, %"),
    "ROC": ("false accepts, % of wrong pairs", "true accepts, % of right pairs"),
    "DET": ("FPIR: strangers named, %", "FNIR: known people missed, %"),
}


def curves_svg(curves: Mapping[str, Sequence[Curve]]) -> str:
    """Draw curves of one kind into one diagram: of one network in a color each, of several in a color a network.

    Args:
        curves: name of the network or report -> its curves, all of one kind; "ROC" gets a logarithmic axis, "DET" two.

    Returns:
        An `svg` element, to be put into a page as it is; lines of the frame and text take the page's text color.

    Raises:
        DataError: there is no curve, or they are of different kinds.
    """
    kinds = {curve.kind for some in curves.values() for curve in some}
    if len(kinds) != 1:
        raise DataError(f"plot: curves are of kinds {sorted(kinds)}; expected one kind")
    kind = kinds.pop()
    names = list(dict.fromkeys(curve.name for some in curves.values() for curve in some))

    def draw(axes: "Axes") -> None:
        for network, some in enumerate(curves.values()):
            for curve in some:
                x, y = np.array(curve.x), 100 * np.array(curve.y)
                if kind == "ROC":
                    x, y = 100 * x[1:], y[1:]
                number = names.index(curve.name)
                color, dash = (network, number) if len(curves) > 1 else (number, number // len(COLORS))
                look = _look(color, dash)
                if kind == "DET":  # what is never missed lies on the lower edge
                    x, y = 100 * x, np.maximum(y, _LEAST)
                    if curve.low:
                        band = [np.maximum(100 * np.array(one), _LEAST) for one in (curve.low, curve.high)]
                        axes.fill_between(x, *band, color=look["color"], alpha=0.13, linewidth=0)
                axes.plot(x, y, **look, label=curve.name)
        _dress(axes, kind)
        legend: dict[str, Any] = {"frameon": False, "labelcolor": PAGE_COLOR}
        if len(curves) == 1:
            axes.legend(**legend, loc="lower left" if kind == "DET" else "lower right")
            return
        sets = [axes.plot([], [], **_look(None, i), label=name)[0] for i, name in enumerate(names)]
        networks = [axes.plot([], [], **_look(i, 0), label=name)[0] for i, name in enumerate(curves)]
        axes.add_artist(axes.legend(handles=networks, **legend, loc="lower right"))
        axes.legend(handles=sets, **legend, loc="center right")

    return diagram_svg(kind, draw)


def _look(color: int | None, dash: int) -> dict[str, Any]:
    shown = PAGE_COLOR if color is None else COLORS[color % len(COLORS)]
    return {"color": shown, "linestyle": _DASHES[dash % len(_DASHES)], "linewidth": 1.9}


def diagram_svg(name: str, draw: "Callable[[Axes], None]") -> str:
    """One diagram for a page.

    Args:
        name: what it shows, for screen readers; keeps its identifiers apart from those of other diagrams.
        draw: draws it; what has `PAGE_COLOR` takes the page's text color.

    Returns:
        An `svg` element, to be put into a page as it is.
    """
    from matplotlib import rc_context  # not needed by what only measures
    from matplotlib.figure import Figure

    style: Any = {"svg.fonttype": "none", "svg.hashsalt": name, "font.size": 9.5, "text.parse_math": False}
    with rc_context(style):
        figure = Figure(figsize=(5.4, 3.7), layout="constrained")
        axes = figure.add_subplot()
        draw(axes)
        axes.tick_params(colors=PAGE_COLOR, length=3)
        axes.grid(color=PAGE_COLOR, alpha=0.13, linewidth=0.6)
        for side, spine in axes.spines.items():
            spine.set_visible(side in ("left", "bottom"))
            spine.set_color(PAGE_COLOR)
        text = io.StringIO()
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return _to_page(text.getvalue(), name)


def label_axes(axes: "Axes", across: str, up: str, *, legend_pt: float | None = 8) -> None:
    """Name the axes, and what is drawn; `legend_pt` is the size of the legend's letters, None for that of all text."""
    axes.set_xlabel(across, color=PAGE_COLOR)
    axes.set_ylabel(up, color=PAGE_COLOR)
    axes.legend(frameon=False, labelcolor=PAGE_COLOR, fontsize=legend_pt)


def _dress(axes: "Axes", kind: str) -> None:
    from matplotlib.ticker import MaxNLocator

    across, up = _LABELS.get(kind, ("", ""))
    axes.set_xlabel(across, color=PAGE_COLOR)
    axes.set_ylabel(up, color=PAGE_COLOR)
    if kind == "ROC":
        axes.set_xscale("log")
        axes.set_xlim(0.01, 100)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    elif kind == "DET":
        axes.set(xscale="log", yscale="log", xlim=(_LEAST, 100), ylim=(_LEAST, 100))
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(lambda value, _: f"{value:g}")
        return
    else:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
        axes.set_xlim(left=0.5)
    axes.set_ylim(0, 102)


def _to_page(svg: str, name: str) -> str:
    kind = re.sub(r"\W+", "-", name)
    svg = svg[svg.index("<svg") :].replace(PAGE_COLOR, "currentColor")
    # A page holds several drawings: their identifiers must not meet.
    svg = re.sub(r'\bid="', f'id="{kind}-', svg).replace("url(#", f"url(#{kind}-").replace('href="#', f'href="#{kind}-')
    return re.sub(r'width="[\d.]+pt" height="[\d.]+pt"', f'role="img" aria-label="{name} curves"', svg, count=1)

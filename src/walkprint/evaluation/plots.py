"""Pictures for reports: curves as SVG that follow the page's colors, contact sheets of silhouettes as PNG."""

import io
import re
from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from walkprint.core.errors import DataError
from walkprint.core.sequence import Clip
from walkprint.evaluation.report import Curve

# Told apart by people with any color vision, and legible on white and on black (after Okabe and Ito, 2008).
COLORS = ("#0f82c8", "#e0701e", "#0a9e73", "#c9609b", "#b8920f", "#4ba3d8", "#8a63c9")
_DASHES = ("-", "--", "-.", ":")
PAGE_COLOR = "#010203"
_LABELS = {
    "CMC": ("rank k", "found within rank k, %"),
    "ROC": ("false accepts, % of wrong pairs", "true accepts, % of right pairs"),
}
_GAP_PX = 2


def curves_svg(curves: Sequence[Curve]) -> str:
    """Draw curves of one kind into one diagram.

    Args:
        curves: at least one, all of one kind; "ROC" gets a logarithmic axis.

    Returns:
        An `svg` element, to be put into a page as it is; lines of the frame and text take the page's text color.

    Raises:
        DataError: there is no curve, or they are of different kinds.
    """
    kinds = {curve.kind for curve in curves}
    if len(kinds) != 1:
        raise DataError(f"plot: curves are of kinds {sorted(kinds)}; expected one kind")
    kind = kinds.pop()

    def draw(axes: Axes) -> None:
        for i, curve in enumerate(curves):
            x, y = np.array(curve.x), 100 * np.array(curve.y)
            if kind == "ROC":
                x, y = 100 * x[1:], y[1:]
            dash = _DASHES[i // len(COLORS) % len(_DASHES)]
            axes.plot(x, y, dash, color=COLORS[i % len(COLORS)], linewidth=1.9, label=curve.name)
        _dress(axes, kind)
        axes.legend(frameon=False, labelcolor=PAGE_COLOR, loc="lower right")

    return diagram_svg(kind, draw)


def diagram_svg(name: str, draw: Callable[[Axes], None]) -> str:
    """One diagram for a page.

    Args:
        name: says what it shows, to those who cannot see it, and keeps its identifiers apart from other diagrams'.
        draw: draws it; what has `PAGE_COLOR` takes the page's text color.

    Returns:
        An `svg` element, to be put into a page as it is.
    """
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


def _dress(axes: Axes, kind: str) -> None:
    across, up = _LABELS.get(kind, ("", ""))
    axes.set_xlabel(across, color=PAGE_COLOR)
    axes.set_ylabel(up, color=PAGE_COLOR)
    if kind == "ROC":
        axes.set_xscale("log")
        axes.set_xlim(0.01, 100)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
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


def contact_sheet(clips: Sequence[Clip], *, frames_per_clip: int = 12) -> bytes:
    """Draw clips one below the other, each by evenly spaced frames.

    Args:
        clips: at least one, all of one frame size; silhouettes or RGB.
        frames_per_clip: at most so many frames of each.

    Returns:
        A PNG file.

    Raises:
        DataError: no clip, or frames of different sizes.
    """
    sizes = {clip.frames.shape[1:] for clip in clips}
    if len(sizes) != 1 or frames_per_clip < 1:
        raise DataError(f"contact sheet: {len(clips)} clips of frame sizes {sorted(sizes)}; expected some of one size")
    channels, height, width = sizes.pop()
    sheet = np.full(
        (len(clips) * (height + _GAP_PX) - _GAP_PX, frames_per_clip * (width + _GAP_PX) - _GAP_PX, channels),
        96,
        np.uint8,
    )
    for row, clip in enumerate(clips):
        count = min(frames_per_clip, len(clip))
        for column, time in enumerate(np.linspace(0, len(clip) - 1, count).round().astype(int)):
            top, left = row * (height + _GAP_PX), column * (width + _GAP_PX)
            sheet[top : top + height, left : left + width] = clip.frames[time].transpose(1, 2, 0)
    return _png(sheet)


def _png(picture: NDArray[np.uint8]) -> bytes:
    done, data = cv2.imencode(".png", picture[..., ::-1])
    if not done:
        raise DataError(f"contact sheet: a picture of {picture.shape} cannot be written as PNG; draw fewer clips")
    return bytes(data)

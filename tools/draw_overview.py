"""Draw docs/overview.png: rendered walks from picture to silhouette to aligned frames to the nearest people.

The people are rendered; the distances are those of the bundled network, computed here.
"""

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from numpy.typing import NDArray

from walkprint import Walkers
from walkprint.core.sequence import SequenceKey
from walkprint.networks import Network
from walkprint.recipes.trained import load_network

OUT = Path(__file__).resolve().parents[1] / "docs" / "overview.png"
WALKS = (("006", "nm", "02", "normal"), ("004", "bg", "01", "with a bag"), ("009", "cl", "01", "in a coat"))
MOMENTS = (4, 11, 18)
NEAREST = 4
TITLES = {0: "video", 4: "silhouettes", 8: "aligned"}
GREEN, GRAY = "#1a7f37", "#8c959f"


def main() -> None:
    network = load_network("street")
    people = Walkers(subjects=12, train=0, views=("090",), frames=40)
    gallery = {name: SequenceKey(name, "nm", "01", "090") for name in people.names}
    known = {name: embedding(network, people, key) for name, key in gallery.items()}
    mpl.rcParams.update({"font.size": 13, "font.family": "DejaVu Sans"})
    figure = plt.figure(figsize=(15, 6.9), facecolor="white")
    grid = figure.add_gridspec(
        3,
        12,
        width_ratios=[*[1] * 3, 0.22, *[1] * 3, 0.22, *[1] * 3, 4.7],
        wspace=0.04,
        hspace=0.16,
        left=0.082,
        right=0.995,
        top=0.93,
        bottom=0.04,
    )
    for row, (name, condition, take, words) in enumerate(WALKS):
        key = SequenceKey(name, condition, take, "090")
        for first, pictures in zip((0, 4, 8), strips(people, key), strict=True):
            for column, picture in enumerate(pictures):
                axes = figure.add_subplot(grid[row, first + column])
                show(axes, picture)
                if row == 0 and column == 1:
                    axes.set_title(TITLES[first], fontsize=15.5, fontweight="bold", pad=12)
                if first == column == 0:
                    axes.set_ylabel(f"{name}\n{words}", rotation=0, ha="right", va="center", labelpad=10)
        probe = embedding(network, people, key)
        distances = {other: float(np.linalg.norm(probe - vector, axis=1).mean()) for other, vector in known.items()}
        cards = grid[row, 11].subgridspec(1, NEAREST + 1, width_ratios=[0.32, *[1] * NEAREST], wspace=0.08)
        for place, other in enumerate(sorted(distances, key=distances.__getitem__)[:NEAREST]):
            axes = figure.add_subplot(cards[0, place + 1])
            show(axes, widest(people.read(gallery[other]).frames[:, 0, :, 10:54]))
            frame(axes, f"{other}  {distances[other]:.3f}", right=other == name)
    figure.text(0.876, 0.953, "nearest of 12 known people", ha="center", fontsize=15.5, fontweight="bold")
    figure.savefig(OUT, dpi=92)
    print(f"{OUT}: {OUT.stat().st_size // 1024} KB")


def embedding(network: Network, people: Walkers, key: SequenceKey) -> NDArray[np.float32]:
    """Parts of unit length, (part, feature)."""
    parts = network.embed(people.read(key))
    return parts / np.linalg.norm(parts, axis=1, keepdims=True)


def strips(people: Walkers, key: SequenceKey) -> tuple[list[NDArray[np.uint8]], ...]:
    """A few moments of a walk: in color, as masks, aligned."""
    color, masks = people.read_color(key)
    rows, columns = np.nonzero(masks.frames[list(MOMENTS), 0].max(axis=0))
    center, half = (columns.min() + columns.max()) // 2, (rows.max() - rows.min()) // 2 + 7
    top, left = max(0, (rows.min() + rows.max()) // 2 - half), max(0, center - round(0.69 * half))
    cut = np.s_[top : top + 2 * half, left : left + round(1.38 * half)]
    aligned = people.read(key).frames
    return (
        [color.frames[moment].transpose(1, 2, 0)[cut] for moment in MOMENTS],
        [masks.frames[moment, 0][cut] for moment in MOMENTS],
        [aligned[min(moment, len(aligned) - 1), 0, :, 10:54] for moment in MOMENTS],
    )


def show(axes: Axes, picture: NDArray[np.uint8]) -> None:
    """A picture that fills its axes."""
    axes.imshow(picture, cmap="gray", vmin=0, vmax=255, interpolation="bilinear", aspect="auto")
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def widest(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The frame in which the legs are farthest apart."""
    return max(frames, key=lambda one: int(np.ptp(np.nonzero(one[48:].max(axis=0))[0])))


def frame(axes: Axes, words: str, *, right: bool) -> None:
    """Frame a card, in green where it is the right person, and write its caption below."""
    axes.spines[:].set(visible=True, color=GREEN if right else GRAY, linewidth=4 if right else 1.2)
    color, weight = (GREEN, "bold") if right else ("#57606a", "normal")
    axes.set_xlabel(("✓ " if right else "") + words, fontsize=10, color=color, fontweight=weight, labelpad=5)


if __name__ == "__main__":
    main()

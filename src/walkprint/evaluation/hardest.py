"""The hardest probes as pictures, each beside its nearest gallery sequences, and what each part finds by itself."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from walkprint.core.embedding import EmbeddingSet
from walkprint.core.errors import DataError
from walkprint.core.protocol import Protocol
from walkprint.core.sequence import SequenceKey
from walkprint.data.store import Store
from walkprint.evaluation.averaging import MEAN_ROW
from walkprint.evaluation.identify import work_on
from walkprint.evaluation.page import Diagram, Section, Sheet
from walkprint.evaluation.plots import COLORS, diagram_svg, label_axes
from walkprint.evaluation.protocol_pairs import Pairs, counting_pairs, pair_up
from walkprint.evaluation.scoring import Scoring
from walkprint.evaluation.sheets import caption, picture_grid

_BORDER_PX = 3
_RIGHT, _WRONG, _PROBE = (46, 160, 67), (96, 96, 96), (255, 255, 255)
_READING = (
    "Each row is a probe (framed white) and its nearest gallery sequences (right ones framed green), one frame each. "
    "Shown are the probes whose right sequence is farthest behind a wrong one."
)


def hardest_probes(
    embeddings: EmbeddingSet,
    protocol: Protocol,
    stores: Sequence[Store],
    *,
    scoring: Scoring = Scoring(),
    gallery: EmbeddingSet | None = None,
    probes: int = 4,
    nearest: int = 10,
) -> Section:
    """A section for a page: ranked galleries of the hardest probes, and rank-1 of each part alone.

    Args:
        embeddings, protocol, scoring, gallery: as in `identify`; views of the gallery are searched together.
        stores: where the pictures of probes and gallery are.
        probes: how many of each probe set.
        nearest: how many gallery sequences of each.

    Raises:
        ProtocolError: as in `identify`.
        DataError: a sequence is in none of the stores.
    """
    pairs = pair_up(embeddings, protocol, scoring, gallery=gallery)
    places = {key: store for store in reversed(stores) for key in store.keys}
    sheets = [
        Sheet(f"{name}: the hardest probes", _sheet(pairs, hardest, places, nearest))
        for name in pairs.probe_sets
        if (hardest := sorted(_margins(pairs, name, probes), key=lambda one: (-one[0], one[1]))[:probes])
    ]
    diagrams = []
    if gallery is None and scoring.same_for_both:
        diagrams.append(Diagram("Rank-1 of each part alone", _parts(embeddings, protocol, scoring)))
    return Section("Ranked galleries", [_READING], sheets=sheets, diagrams=diagrams)


def part_ranks(embeddings: EmbeddingSet, protocol: Protocol, scoring: Scoring) -> dict[str, list[float]]:
    """Probe set -> rank-1 of each part alone, 0 to 1; the mean over probe views."""
    known = scoring.prepare(embeddings, "gallery")
    plain = Scoring(metric=scoring.metric, center=scoring.center, resamples=0)
    found: dict[str, list[float]] = {}
    for part in range(known.vectors.shape[1]):
        alone = EmbeddingSet(np.ascontiguousarray(known.vectors[:, part : part + 1]), known.keys, known.source)
        for name, one in work_on(alone, protocol, plain, (1,)).estimates.items():
            found.setdefault(name, []).append(float(one.points[MEAN_ROW, 0]))
    return found


_Places = Mapping[SequenceKey, Store]
_Hard = tuple[float, int, NDArray[np.int64], NDArray[np.bool_]]
"""How far the right one is behind, the probe's row, its counting gallery items nearest first, which are right."""


def _margins(pairs: Pairs, name: str, probes: int) -> Iterator[_Hard]:
    """The hardest probes of each block; those without a right or a wrong item are no question."""
    for rows, block, labels in pairs.blocks(name):
        counts = counting_pairs(labels, pairs.gallery_labels)
        same = labels.subject[:, None] == pairs.gallery_labels.subject
        right, wrong = (np.where(counts & side, block, np.inf).min(axis=1) for side in (same, ~same))
        with np.errstate(invalid="ignore"):
            behind = np.where(np.isfinite(right) & np.isfinite(wrong), right - wrong, -np.inf)
        for i in np.argsort(-behind, kind="stable")[:probes]:
            if np.isfinite(behind[i]):
                order = np.flatnonzero(counts[i])[np.argsort(block[i][counts[i]], kind="stable")]
                yield float(behind[i]), rows.start + int(i), order, same[i][order]


def _sheet(pairs: Pairs, hardest: Sequence[_Hard], places: _Places, nearest: int) -> bytes:
    lines, captions = [], []
    for _, row, order, right in hardest:
        key = pairs.probe_keys[row]
        line = [_framed(key, places, _PROBE)]
        for i, is_right in zip(order[:nearest], right, strict=False):
            line.append(_framed(pairs.gallery_keys[i], places, _RIGHT if is_right else _WRONG))
        line += [np.full_like(line[0], _WRONG[0])] * (1 + nearest - len(line))
        lines.append(line)
        captions.append(f"{caption(key)}: right at rank {1 + int(np.flatnonzero(right)[0])} of {len(order)}")
    if len({picture.shape for line in lines for picture in line}) > 1:
        raise DataError("pictures: probes and gallery have frames of different sizes; prepare both with one size")
    return picture_grid(np.array(lines), captions=captions)


def _framed(key: SequenceKey, places: _Places, color: tuple[int, int, int]) -> NDArray[np.uint8]:
    """The frame in the middle of a sequence as RGB (height, width, channel) in a frame of this color."""
    if key not in places:
        raise DataError(f"pictures: sequence {key} is not in the stores; give those that were embedded")
    frames = places[key].read(key).frames
    picture = np.broadcast_to(frames[len(frames) // 2].transpose(1, 2, 0), (*frames.shape[2:], 3))
    framed = np.empty((picture.shape[0] + 2 * _BORDER_PX, picture.shape[1] + 2 * _BORDER_PX, 3), np.uint8)
    framed[:] = color
    framed[_BORDER_PX:-_BORDER_PX, _BORDER_PX:-_BORDER_PX] = picture
    return framed


def _parts(embeddings: EmbeddingSet, protocol: Protocol, scoring: Scoring) -> str:
    found = part_ranks(embeddings, protocol, scoring)

    def draw(axes: Axes) -> None:
        for i, (name, shares) in enumerate(found.items()):
            places = range(1, len(shares) + 1)
            axes.plot(places, 100 * np.array(shares), "o-", color=COLORS[i % len(COLORS)], markersize=3, label=name)
        axes.set_ylim(0, 102)
        label_axes(axes, "part, in the order of the network", "rank-1, %", legend_pt=None)

    return diagram_svg("parts", draw)

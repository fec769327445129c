"""Sheets of silhouettes as PNG: one walk per row, with its caption in the picture."""

from collections.abc import Collection, Sequence
from pathlib import Path

import cv2
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from walkprint.core.errors import DataError
from walkprint.core.files import write_atomically
from walkprint.core.sequence import Clip, SequenceKey
from walkprint.data.store import Store
from walkprint.evaluation.glossary import CONDITIONS

Picture = NDArray[np.uint8]
"""(height, width, channel)"""
_GAP_PX, _CAPTION_PX = 2, 16
_GRAY = 96
_DPI, _POINTS = 100, 8


def contact_sheet(clips: Sequence[Clip], *, captions: Sequence[str] = (), frames_per_clip: int = 12) -> bytes:
    """Draw clips one below the other, each by evenly spaced frames.

    Args:
        clips: at least one, all of one frame size; silhouettes or RGB.
        captions: written above the row of each clip, if given.
        frames_per_clip: at most so many frames of each.

    Returns:
        A PNG file.

    Raises:
        DataError: no clip, or frames of different sizes.
    """
    sizes = {clip.frames.shape[1:] for clip in clips}
    if len(sizes) != 1 or frames_per_clip < 1:
        raise DataError(f"contact sheet: {len(clips)} clips of frame sizes {sorted(sizes)}; expected some of one size")
    rows = []
    for clip in clips:
        times = np.linspace(0, len(clip) - 1, min(frames_per_clip, len(clip))).round().astype(int)
        blank = np.full((frames_per_clip - len(times), *clip.frames.shape[1:]), _GRAY, np.uint8)
        rows.append(np.concatenate([clip.frames[times], blank]).transpose(0, 2, 3, 1))
    return picture_grid(np.stack(rows), captions=captions)


def picture_grid(pictures: NDArray[np.uint8], *, captions: Sequence[str] = (), scale: int = 1) -> bytes:
    """Pictures (row, column, height, width, channel) side by side as PNG, each `scale` times as large.

    Args:
        pictures: silhouettes (one channel) or RGB.
        captions: written above each row, if given.
        scale: whole number.
    """
    large = pictures.repeat(scale, axis=2).repeat(scale, axis=3)
    gaps = [(0, 0), (0, 0), (0, _GAP_PX), (0, _GAP_PX), (0, 0)]
    framed = np.pad(large, gaps, constant_values=_GRAY)
    lines: list[Picture] = []
    for number, row in enumerate(framed):
        line = np.concatenate(list(row), axis=1)[:, :-_GAP_PX]
        if captions:
            lines.append(_written(captions[number], line.shape[1], line.shape[2]))
        lines.append(line)
    sheet = np.concatenate(lines)[:-_GAP_PX]
    done, data = cv2.imencode(".png", sheet[..., ::-1])
    if not done:
        raise DataError(f"contact sheet: a picture of {sheet.shape} cannot be written as PNG; draw fewer clips")
    return bytes(data)


def _written(text: str, width_px: int, channels: int) -> Picture:
    """A line of text, white on gray."""
    gray = _GRAY / 255
    figure = Figure(figsize=(width_px / _DPI, _CAPTION_PX / _DPI), dpi=_DPI, facecolor=(gray, gray, gray))
    figure.text(3 / width_px, 0.45, text, color="white", fontsize=_POINTS, va="center", parse_math=False)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    pixels = np.asarray(canvas.buffer_rgba())  # type: ignore[no-untyped-call]
    return np.repeat(pixels[:, :width_px, :1], channels, axis=2)


def caption(key: SequenceKey, *, generated: bool = False) -> str:
    """A sequence in words, e.g. "person 003, in a coat, take 01, view 090, generated"."""
    parts = [f"person {key.subject}", CONDITIONS.get(key.condition, key.condition)]
    parts += [f"{name} {value}" for name, value in (("take", key.take), ("view", key.view)) if value]
    return ", ".join([*filter(None, parts), *(["generated"] if generated else [])])


def clips_by_condition(store: Store, *, subjects: int = 4) -> dict[str, list[Clip]]:
    """The first take of some people in each condition, from the view in the middle."""
    views = sorted({key.view for key in store.keys})
    middle = [key for key in store.keys if key.view == views[len(views) // 2]]
    names = sorted({key.subject for key in middle})[:subjects]
    chosen: dict[tuple[str, str], Clip] = {}
    for key in middle:
        if key.subject in names and (key.condition, key.subject) not in chosen:
            chosen[key.condition, key.subject] = store.read(key)
    clips: dict[str, list[Clip]] = {}
    for (condition, _), clip in chosen.items():
        clips.setdefault(condition, []).append(clip)
    return clips


def generated_beside_real(store: Store, *, subjects: int = 4) -> list[Clip]:
    """For some subjects, from the view in the middle: the original, what was made from it, a recording of that kind."""
    views = sorted({key.view for key in store.generated})
    made = [key for key in store.generated if key.view == views[len(views) // 2]]
    firsts = {key.subject: key for key in reversed(made)}
    clips: list[Clip] = []
    for name in sorted(firsts)[:subjects]:
        key = firsts[name]
        original = store.source(key)
        real = [
            one
            for one in store.keys
            if (one.subject, one.condition, one.view) == (name, key.condition, key.view) and one not in store.generated
        ]
        clips += [store.read(one) for one in (original, key, *real[:1])]
    return clips


def save_sheet(store: Store, path: Path) -> None:
    """Write one sheet of all conditions as PNG, atomically."""
    save_sheet_of([clip for some in clips_by_condition(store).values() for clip in some], path)


def save_generated_sheet(store: Store, path: Path) -> None:
    """Write one sheet of `generated_beside_real` as PNG, atomically."""
    save_sheet_of(generated_beside_real(store), path, generated=store.generated)


def save_sheet_of(clips: Sequence[Clip], path: Path, *, generated: Collection[SequenceKey] = ()) -> None:
    """Write one sheet of these clips as PNG, atomically; captions say which are generated."""
    captions = [caption(clip.key, generated=clip.key in generated) for clip in clips]
    write_atomically(path, contact_sheet(clips, captions=captions))

"""Rendered people through a real segmenter: filmed in color, cut out, and packed; `walkprint walkers --segmented`."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from walkprint.core.described import describe
from walkprint.core.engine import HERE, Machines
from walkprint.core.errors import DataError
from walkprint.core.progress import Progress
from walkprint.core.protocol import Protocol
from walkprint.core.sequence import Clip, SequenceKey
from walkprint.core.silhouette import align_clip
from walkprint.data.base import GaitDataset, Reading, Split
from walkprint.data.prepare import PrepareReport, pack, report_of
from walkprint.data.store import Store, is_store
from walkprint.data.walkers import Walkers
from walkprint.data.walkers.render import FRAME_RATE_HZ
from walkprint.recipes.classes import build_segmenter
from walkprint.video.segmenter import Segmenter

LOST = "no person found by the segmenter"
_MODELS = ("selfie", "pose")
_LEAST_FOUND = 0.5  # share of the true mask


class Segmented(GaitDataset):
    """The people of `Walkers`, as a segmenter sees them; nothing of `Variety.noise` is drawn.

    Masks are the same on every run; on another kind of processor a network's may differ by a gray level.

    Args:
        walkers: who walks.
        segmenter: sees each clip's place empty first, then the clip.
    """

    def __init__(self, walkers: Walkers, segmenter: Segmenter) -> None:
        self.walkers, self.segmenter = walkers, segmenter

    @property
    def settings(self) -> Mapping[str, Any]:
        """Those of the walkers, and the segmenter."""
        return {**self.walkers.settings, "segmenter": describe(self.segmenter)}

    @property
    def protocols(self) -> Mapping[str, Protocol]:
        """Those of the walkers."""
        return self.walkers.protocols

    def catalogue(self) -> Sequence[SequenceKey]:
        """The walkers' sequences."""
        return self.walkers.catalogue()

    def subjects(self, split: Split) -> Sequence[str]:
        """The walkers' split."""
        return self.walkers.subjects(split)

    def read(self, key: SequenceKey) -> Clip:
        """One clip, filmed, segmented and aligned.

        Raises:
            DataError: there is no such clip, or the segmenter finds no person in it.
        """
        clip = self.examine(key).clip
        if clip is None:
            raise DataError(f"walkers: {key}: {LOST}, on no frame; leave it out, or choose another segmenter")
        return clip

    def examine(self, key: SequenceKey) -> Reading:
        """See `GaitDataset`: frames without a mask that covers half of the person are counted."""
        film = self.walkers.film(key)
        self.segmenter.learn([self.segmenter.sample(picture) for picture in film.empty])
        found = [self._person(picture, mask >= 128) for picture, mask in zip(film.pictures, film.masks, strict=True)]
        masks = [mask for mask in found if mask is not None]
        dropped = Counter({LOST: len(found) - len(masks)})
        if not masks:
            return Reading(None, +dropped)
        frames, reasons = align_clip(np.stack(masks), self.walkers.size_px)
        return Reading(Clip(frames, key, FRAME_RATE_HZ) if len(frames) else None, +dropped + reasons)

    def _person(self, picture: Any, true: Any) -> Any:
        """The mask, uint8 (height, width), that covers most of the person; None where none covers half."""
        masks = [person.on_frame(*true.shape) for person in self.segmenter(picture)]
        covered = [int((mask[true] >= 128).sum()) for mask in masks]
        best = max(covered, default=0)
        return masks[covered.index(best)] if best >= max(_LEAST_FOUND * true.sum(), 1) else None


def segmented_to_store(
    walkers: Walkers,
    *,
    out: Path | str,
    segmenter: str | Segmenter = "selfie",
    machines: Machines = HERE,
    progress: Progress | None = None,
) -> PrepareReport:
    """Film walkers, hand the frames to a segmenter, and pack the masks into a store.

    A finished store of the same settings is kept as it is; an unfinished one is continued.

    Args:
        walkers: who walks.
        out: folder of the store.
        segmenter: the MediaPipe models "selfie" (bundled) or "pose" (after `make models`), the class of a segmenter by
            name, or an object.
        machines: where work is done.
        progress: called with (sequences done, sequences in all).

    Raises:
        DataError: the place is taken by something else, or the model's file is missing.
        RecipeError: there is no such segmenter.
    """
    dataset = Segmented(walkers, _segmenter(segmenter))
    if is_store(out):
        store = Store.open(out)
        wanted = {"dataset": "Segmented", "settings": json.loads(json.dumps(dataset.settings))}
        if {name: store.meta.get(name) for name in wanted} == wanted:
            return report_of(store)
    return pack(dataset, out, workers=machines.workers, engine=machines.chosen, progress=progress)


def _segmenter(named: str | Segmenter) -> Segmenter:
    if isinstance(named, Segmenter):
        return named
    known = named in _MODELS
    found: Segmenter = build_segmenter("MediaPipe" if known else named, {"model": named} if known else {})
    return found

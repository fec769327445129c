"""Re-rendering: the same walk of a rendered person, in a coat, on the same body.

Source: none; a reference for every expander that works frame by frame. Only for `walkprint.data.walkers`, whose bodies
are known. A take that lost more frames than its segmenter's errors explain is not rendered again.
Deviations: none.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from walkprint.core.bounds import Seed
from walkprint.core.described import describe
from walkprint.core.errors import DataError
from walkprint.core.sequence import Clip, SequenceKey
from walkprint.core.silhouette import align_clip
from walkprint.data.packed import Packed
from walkprint.data.walkers.camera import HEIGHT_PX, WIDTH_PX
from walkprint.data.walkers.clothes import draw_coat, draw_outfit
from walkprint.data.walkers.noise import Masks, draw_faults, kept_frames, spoil
from walkprint.data.walkers.people import Variety, camera_of, person, stream, walk, wear
from walkprint.data.walkers.render import act, silhouettes
from walkprint.generation.expander import Expander, Frames

USUAL = Variety()


class Rerendering(Expander):
    """Renders a take of a walker again in a coat: the same body, steps and camera.

    Args:
        seed: of the walkers' world.
        variety: of the walkers' world.
        own_coat: the coat that the person owns; else another one in every take.
        source_condition: the one without a coat.
    """

    ordered = True

    def __init__(
        self, *, seed: Seed = 0, variety: Variety = USUAL, own_coat: bool = True, source_condition: str = "nm"
    ) -> None:
        self.seed, self.variety, self.own_coat, self.source_condition = seed, variety, own_coat, source_condition
        self._rendered: int | None = None  # frames of a take before some were lost

    def check(self, dataset: Packed, wanted: Collection[str], takes: Sequence[SequenceKey]) -> None:
        """See `Expander`.

        Raises:
            DataError: the data set's people were not rendered with this seed and variety.
        """
        super().check(dataset, wanted, takes)
        meta = dataset.store().meta
        settings = meta.get("settings", {})
        found = settings.get("seed"), settings.get("variety")
        known = self.seed, describe(self.variety)["init_args"]
        if not str(meta.get("dataset")).endswith("Walkers") or found != known:
            raise DataError(
                f"{dataset.root}: people are of {meta.get('dataset')}, seed {found[0]}; expected rendered walkers of "
                f"seed {self.seed} and the same variety, whose bodies are known"
            )
        self._rendered = settings["frames"]

    def make(self, source: Clip, wanted: SequenceKey, rng: np.random.Generator) -> tuple[Frames, Counter[str]]:
        """See `Expander`; the steps that the source has, unless the segmenter loses some of them."""
        rendered = self._rendered or len(source)
        steps = self.steps(source, rendered)
        if steps is None:
            return source.frames[:0], Counter({"steps of the source are not known": len(source)})
        masks = self._masks(source.key, rendered, rng)[steps]
        if self.variety.noise:
            chance = stream(self.seed, "noise", str(wanted))
            masks = spoil(masks, draw_faults(chance, self.variety.noise), chance)
        frames, dropped = align_clip(masks, source.frames.shape[2])
        dropped["lost by the segmenter"] += len(source) - len(masks)
        return frames, +dropped

    def steps(self, source: Clip, rendered: int) -> NDArray[np.int64] | None:
        """Which frames of a take, of so many that were rendered, are left in it: int64 (frame,); None if not known."""
        kept = np.arange(rendered, dtype=np.int64)
        if self.variety.noise:
            rng = stream(self.seed, "noise", str(source.key))
            kept = kept_frames(draw_faults(rng, self.variety.noise), rng, (rendered, HEIGHT_PX, WIDTH_PX))
        return kept if len(kept) == len(source) else None

    def perfect(self, key: SequenceKey, rendered: int, size_px: int) -> tuple[Frames, Frames]:
        """A take without errors of the segmenter, as it was and in the coat: uint8 (time, 1, size_px, size_px) each."""
        usual, dressed = self._masks(key, rendered, None), self._masks(key, rendered, np.random.default_rng(0))
        return align_clip(usual, size_px)[0], align_clip(dressed, size_px)[0]

    def _masks(self, key: SequenceKey, rendered: int, rng: np.random.Generator | None) -> Masks:
        """Perfect masks of a take, in a coat that sits as `rng` has it, or as it was."""
        who = person(self.seed, key.subject, self.variety)
        take = walk(self.seed, key, who, self.variety)
        if rng is not None:
            coat = who.coat if self.own_coat else draw_coat(draw_outfit(rng), rng)
            take = replace(take, outfit=wear(coat, rng, self.variety))
        return silhouettes(act(take, rendered), camera_of(self.seed, key, self.variety))

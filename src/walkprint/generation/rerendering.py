"""Re-rendering: the same walk of a rendered person, in a coat, on the same body.

Source: none; a reference for every expander that works frame by frame. Only for `walkprint.data.walkers`, whose bodies
are known. Frames are those of the first steps: behind a frame that the take has lost, steps are shifted.
Deviations: none.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from walkprint.core.bounds import Seed
from walkprint.core.described import describe
from walkprint.core.errors import DataError
from walkprint.core.sequence import Clip, SequenceKey
from walkprint.core.silhouette import align_clip
from walkprint.data.packed import Packed
from walkprint.data.walkers.clothes import draw_coat, draw_outfit
from walkprint.data.walkers.noise import draw_faults, spoil
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

    def make(self, source: Clip, wanted: SequenceKey, rng: np.random.Generator) -> tuple[Frames, Counter[str]]:
        """See `Expander`; as many frames as the source has, unless the segmenter loses some."""
        who = person(self.seed, source.key.subject, self.variety)
        take = walk(self.seed, source.key, who, self.variety)
        coat = who.coat if self.own_coat else draw_coat(draw_outfit(rng), rng)
        dressed = replace(take, outfit=wear(coat, rng, self.variety))
        masks = silhouettes(act(dressed, len(source)), camera_of(self.seed, source.key, self.variety))
        if self.variety.noise:
            chance = stream(self.seed, "noise", str(wanted))
            masks = spoil(masks, draw_faults(chance, self.variety.noise), chance)
        frames, dropped = align_clip(masks, source.frames.shape[2])
        dropped["lost by the segmenter"] += len(source) - len(masks)
        return frames, +dropped

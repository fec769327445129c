"""Draper: a paired network that puts a coat on any mask, learned from rendered people with and without one.

It needs no recording of a coat: rendering shows the same body at the same step in both. Which coat is an input, drawn
once for a take.

Source: the network is the U-Net of O. Ronneberger et al., MICCAI 2015; the loss is cross entropy of pixels plus the
Dice loss of F. Milletari et al., "V-Net", 3DV 2016; the people are those of `walkprint.data.walkers`.
Deviations: the coat conditions the network by scales and shifts. Masks to dress have a segmenter's errors, those to
draw have none. The real frames of a batch are not used.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from walkprint.core.bounds import Count, Positive, Seed, Width
from walkprint.core.errors import RecipeError
from walkprint.core.sequence import SequenceKey
from walkprint.core.silhouette import UnusableFrameError, align
from walkprint.data.walkers.clothes import Hanging, Outfit, draw_coat, draw_outfit
from walkprint.data.walkers.noise import draw_faults, spoil
from walkprint.data.walkers.people import Variety, camera_of, person, stream, walk
from walkprint.data.walkers.render import Scene, act, silhouettes
from walkprint.generation.base import GenerativeModel, Phase, Stage
from walkprint.generation.batches import SIZE_PX, GeneratorBatch
from walkprint.generation.labels import Labels
from walkprint.generation.layers import UNet
from walkprint.losses.base import LossValue

COAT_FEATURES = 11
_WORLD = "draper"  # so that its people are no data set's
_CAMERAS, _FRAMES, _EVERY = 4, 8, 3
_KEPT = 1024
_NO_TAILS = Hanging(hem=0.0, thickness_m=0.0, flare=0.0, taut=0.0, lag=0.0)


def coat_features(coat: Outfit) -> NDArray[np.float32]:
    """What shapes a coat, float32 (COAT_FEATURES,), each about 0 to 1."""
    tails = coat.hanging or _NO_TAILS
    return np.array(
        [
            coat.torso_m / 0.065, coat.sleeve_m / 0.06, coat.collar_m / 0.05, coat.puff, coat.hood_m / 0.04,
            float(bool(coat.hat)), tails.hem, tails.thickness_m / 0.09, tails.flare / 0.22, tails.taut, tails.lag,
        ],
        np.float32,
    )  # fmt: skip


@lru_cache(maxsize=_KEPT)
def rendered_pairs(seed: int, number: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Frames of one rendered person without and with a coat: the same body, steps and cameras.

    Args:
        seed: of the world.
        number: of the person.

    Returns:
        uint8 (frame, 2, 64, 64), the first of each pair as a segmenter would see it; and `coat_features`.
    """
    usual, name = Variety(), f"{_WORLD}{number}"
    who, rng = person(seed, name, usual), stream(seed, _WORLD, name)
    take = walk(seed, SequenceKey(name, "nm", "01", ""), who, usual)
    scenes = [_thinned(act(one, _FRAMES * _EVERY)) for one in (take, replace(take, outfit=who.coat))]
    pairs = []
    for number_of_camera in range(_CAMERAS):
        key = SequenceKey(name, "nm", str(number_of_camera), f"{rng.uniform(0, 360):.1f}")
        normal, dressed = (silhouettes(scene, camera_of(seed, key, usual)) for scene in scenes)
        seen = spoil(normal, replace(draw_faults(rng), lost_frames=0.0), rng)
        for masks in zip(seen, dressed, strict=True):
            try:
                pairs.append(np.stack([align(mask, SIZE_PX) for mask in masks]))
            except UnusableFrameError:  # the segmenter left too little of this one
                continue
    return np.stack(pairs), coat_features(who.coat)


def _thinned(scene: Scene) -> Scene:
    return replace(scene, points=scene.points[::_EVERY], path_m=scene.path_m[::_EVERY])


class Draper(GenerativeModel):
    """See the module.

    Args:
        condition: what a coat is called; need not occur in the data. Other conditions stay as they are.
        people: rendered to learn from.
        world: seed of their world.
        people_per_batch: whose frames a batch shows.
        widths: channels at 32, 16, 8 and 4 pixels.
        learning_rate: of Adam.
        names: see `GenerativeModel`.

    Raises:
        RecipeError: a setting is out of range, or the coat's condition is the one that is dressed.
    """

    ordered = True

    def __init__(
        self,
        *,
        condition: str = "cl",
        people: Count = 96,
        world: Seed = 0,
        people_per_batch: Count = 8,
        widths: Sequence[Width] = (32, 64, 96, 128),
        learning_rate: Positive = 2e-3,
        **names: Any,
    ) -> None:
        if condition not in (known := names.get("conditions", ())):
            names["conditions"] = (*known, condition)
        super().__init__(**names)
        if condition == self.source_condition:
            raise RecipeError(f"Draper: condition is {condition}, which is what it dresses; expected that of coats")
        self.condition, self.people, self.world, self.people_per_batch = condition, people, world, people_per_batch
        self.learning_rate, self.widths = learning_rate, tuple(widths)
        self.unet = UNet(COAT_FEATURES, widths)

    def stages(self) -> Sequence[Stage]:
        """See `GenerativeModel`."""
        adam = partial(torch.optim.Adam, lr=self.learning_rate, betas=(0.9, 0.99))
        return [Stage("pairs", 1.0, (Phase("pairs", self.unet.parameters, self._pair_loss, adam),))]

    def generate(self, sources: Tensor, labels: Labels, generator: torch.Generator) -> Tensor:
        """See `GenerativeModel`; all frames of a subject in a call wear one coat; other conditions stay as they are."""
        seeds = torch.randint(2**31, (len(self.names.subjects),), generator=generator).tolist()
        coats = torch.from_numpy(np.stack([_coat(seeds[row]) for row in labels.subjects.tolist()]))
        frames = self.to_unit(sources)
        dressed = _dressed(self.unet, frames, coats)
        wearing = labels.conditions == self.names.conditions.index(self.condition)
        return torch.where(wearing[:, None, None, None], dressed, frames)

    def pairs(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """A batch to learn from: frames without and with a coat, uint8 (count, 1, 64, 64) each, and the coats."""
        chosen = torch.randint(self.people, (self.people_per_batch,), generator=generator).tolist()
        places = torch.rand(count, generator=generator).tolist()
        drawn = [rendered_pairs(self.world, chosen[i % len(chosen)]) for i in range(count)]
        frames = np.stack([some[int(place * len(some))] for (some, _), place in zip(drawn, places, strict=True)])
        normal, dressed = torch.from_numpy(frames).unsqueeze(2).unbind(1)
        return normal, dressed, torch.from_numpy(np.stack([coat for _, coat in drawn]))

    def _pair_loss(self, batch: GeneratorBatch, generator: torch.Generator) -> LossValue:
        normal, dressed, coats = (one.to(batch.frames.device) for one in self.pairs(len(batch), generator))
        return dressing_loss(self.unet(self.to_unit(normal), coats), dressed.float() / 255)


def dressing_loss(logits: Tensor, wanted: Tensor) -> LossValue:
    """Cross entropy of pixels, plus one minus the mean Dice coefficient.

    Args:
        logits: (batch, 1, height, width).
        wanted: the same shape, 0 background to 1 person.
    """
    logits = logits.float()
    shown, wanted = logits.sigmoid().flatten(1), wanted.flatten(1)
    dice = ((2 * (shown * wanted).sum(1) + 1) / (shown.sum(1) + wanted.sum(1) + 1)).mean()
    entropy = F.binary_cross_entropy_with_logits(logits.flatten(1), wanted)
    return LossValue(entropy + 1 - dice, {"dice": dice.detach()})


def dress(unet: UNet, frames: Tensor, coat: NDArray[np.float32]) -> Tensor:
    """Frames in one coat.

    Args:
        unet: of a trained draper, in evaluation mode.
        frames: uint8 (batch, 1, 64, 64).
        coat: `coat_features`.

    Returns:
        uint8 (batch, 1, 64, 64), gray, not yet cleaned.
    """
    with torch.no_grad():
        shown = _dressed(unet, Draper.to_unit(frames), torch.from_numpy(coat).expand(len(frames), -1))
    return Draper.to_bytes(shown)


def draw_coat_features(rng: np.random.Generator) -> NDArray[np.float32]:
    """`coat_features` of a coat drawn at random."""
    return coat_features(draw_coat(draw_outfit(rng), rng))


def _dressed(unet: UNet, frames: Tensor, coats: Tensor) -> Tensor:
    return torch.as_tensor((unet(frames, coats.to(frames)) / 2).tanh())


@lru_cache(maxsize=_KEPT)
def _coat(seed: int) -> NDArray[np.float32]:
    return draw_coat_features(np.random.default_rng(seed))

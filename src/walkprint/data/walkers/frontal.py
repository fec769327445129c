"""People who walk towards the camera, in color, as in FVG: from far to near, at other speeds, with a bag, changed.

Scores on them are synthetic, as those on all walkers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import ClassVar

import numpy as np

from walkprint.core.bounds import CountOrZero, Frames, Seed, SizePx, Subjects
from walkprint.core.errors import DataError, RecipeError
from walkprint.core.protocol import Protocol
from walkprint.core.sequence import SequenceKey
from walkprint.data.base import Reading
from walkprint.data.fvg import PROTOCOLS, VIDEOS, VIEWS
from walkprint.data.walkers.camera import Camera
from walkprint.data.walkers.carried import draw_carried
from walkprint.data.walkers.clothes import draw_outfit
from walkprint.data.walkers.color import ColorWalkers
from walkprint.data.walkers.dataset import USUAL
from walkprint.data.walkers.film import Film
from walkprint.data.walkers.gait import Gait, draw_take
from walkprint.data.walkers.people import Take, Variety, of_the_day, stream, wear
from walkprint.data.walkers.render import Scene, act, pictures

FAR_M, NEAR_M = 30.0, 5.0
_HEIGHT_M = 1.5
_FOCAL_PX = 1000.0  # of a full HD camera
_MOST_PX = 112.0  # nearer people are seen finer than frames can show
_CLUTTER = 2.0


class FrontalWalkers(ColorWalkers):
    """Rendered people before FVG's camera, with FVG's videos and protocols; every other person in its second session.

    The whole way from 30 m to 5 m takes about 450 frames; shorter clips show a random stretch of it, so that
    people grow within a clip and are coarse in some and fine in others. What a cluttered background does to a
    segmenter is shown in `cbg` by masks twice as faulty; the background itself is no livelier there.

    Args:
        subjects: how many people, "001" and on.
        train: the first so many are for training, the others for testing; 60 % when None.
        seed: of the world they live in.
        frames: frames of a clip, at 25 Hz.
        size_px: height and width of the aligned frames.
        variety: how much people, takes and masks differ.

    Raises:
        RecipeError: a number is out of range, or cameras are to be fresh: FVG has one.
    """

    PROTOCOLS: ClassVar[Mapping[str, Protocol]] = PROTOCOLS

    def __init__(
        self,
        *,
        subjects: Subjects = 60,
        train: CountOrZero | None = None,
        seed: Seed = 0,
        frames: Frames = 48,
        size_px: SizePx = 64,
        variety: Variety = USUAL,
    ) -> None:
        if variety.fresh_cameras:
            raise RecipeError("walkers: fresh_cameras is on, but all people walk before FVG's camera; leave it off")
        super().__init__(
            subjects=subjects, train=train, seed=seed, views=VIEWS, frames=frames, size_px=size_px, variety=variety
        )

    def catalogue(self) -> Sequence[SequenceKey]:
        """Twelve videos of each person."""
        return sorted(
            SequenceKey(name, condition, f"{session}{video:02d}", view)
            for number, name in enumerate(self.names)
            for session in (1 + number % 2,)
            for video, (condition, view) in VIDEOS[session].items()
        )

    def film(self, key: SequenceKey, empty: int = 9) -> Film:
        """Not of these people, whose camera is not the fixed one of `Walkers.film`.

        Raises:
            RecipeError: always.
        """
        raise RecipeError("walkers: people before FVG's camera cannot be filmed for a segmenter; use Walkers")

    def _render(self, key: SequenceKey) -> Reading:
        if key not in self._videos:
            raise DataError(f"walkers: no video {key}; there are {len(self._videos)}, see the catalogue")
        scene = self._scene(key.subject, key.condition, key.take)
        rng = stream(self.seed, "camera", str(key))
        light, turn_deg = float(rng.random()), float(key.view) + 3 * self.variety.camera * float(rng.standard_normal())
        shots = [
            pictures(_still(scene, t), _camera(turn_deg, distance_m), light, stream(self.seed, "background", str(key)))
            for t, distance_m in enumerate(self._distances_m(scene, rng))
        ]
        color, masks = (np.concatenate(column) for column in zip(*shots, strict=True))
        return self._cut_out(color, masks, key, self.variety.noise * (_CLUTTER if key.condition == "cbg" else 1))

    @cached_property
    def _videos(self) -> frozenset[SequenceKey]:
        return frozenset(self.catalogue())

    def _distances_m(self, scene: Scene, rng: np.random.Generator) -> list[float]:
        """How far the walker is in every frame: a random stretch of the way."""
        step_m = float(np.diff(scene.path_m).max()) if len(scene.path_m) > 1 else 0.0
        length_m = min(step_m * (self.frames - 1), FAR_M - NEAR_M)
        start_m = float(rng.uniform(NEAR_M + length_m, FAR_M))
        return [max(start_m - step_m * t, NEAR_M) for t in range(self.frames)]

    def _make_scene(self, subject: str, condition: str, take: str) -> Scene:
        who = self._person(subject)
        own, rng = stream(self.seed, "wardrobe", subject), stream(self.seed, "video", subject, take)
        gait = draw_take(who.gait, rng, self.variety.take)
        if condition == "ws":
            slow_first = own.random() < 0.5
            gait = _at_speed(gait, 0.8 if slow_first == (int(take[1:]) <= 6) else 1.25)
        outfit = draw_outfit(own) if condition == "cl" else who.outfit
        worn = wear(outfit, rng, self.variety)
        carried = draw_carried(own) if condition == "cb" else None
        one = Take(who.body, gait, worn, carried, float(rng.random()))
        return act(of_the_day(one, self.seed, SequenceKey(subject, condition, take), self.variety), self.frames)


def _at_speed(gait: Gait, speed: float) -> Gait:
    style = gait.style
    changed = replace(
        style,
        cadence_hz=style.cadence_hz * speed**0.5,
        hip_swing=style.hip_swing * speed**0.5,
        knee_swing=style.knee_swing * speed**0.3,
        arm_swing_deg=style.arm_swing_deg * speed,
    )
    return replace(gait, style=changed)


def _camera(azimuth_deg: float, distance_m: float) -> Camera:
    return Camera(azimuth_deg, distance_m, _HEIGHT_M, person_px=min(1.7 * _FOCAL_PX / distance_m, _MOST_PX))


def _still(scene: Scene, t: int) -> Scene:
    """One moment, at the place that the camera looks at."""
    return Scene(scene.points[t : t + 1], scene.faces, scene.colors, np.zeros(1))

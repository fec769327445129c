"""The bundled benchmark: rendered people at CASIA-B's protocol, so that everything runs without licensed data.

Scores on it are synthetic: they compare methods and catch faults, they say nothing about accuracy on real people.
"""

import inspect
from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from typing import Any, ClassVar

import numpy as np

from walkprint.core.bounds import Count, CountOrZero, Frames, Seed, SizePx, Subjects
from walkprint.core.described import describe
from walkprint.core.errors import DataError, RecipeError
from walkprint.core.protocol import Protocol
from walkprint.core.sequence import Clip, SequenceKey
from walkprint.core.silhouette import align_clip
from walkprint.data.base import GaitDataset, Reading, Split
from walkprint.data.casia_b import CasiaB
from walkprint.data.walkers.film import Film, film
from walkprint.data.walkers.noise import draw_faults, spoil
from walkprint.data.walkers.people import CONDITIONS, Person, Variety, camera_of, person, stream, walk
from walkprint.data.walkers.render import FRAME_RATE_HZ, Scene, act, pictures, silhouettes

VIEWS = tuple(f"{degrees:03d}" for degrees in range(0, 181, 18))
TAKES = {"nm": 6, "bg": 2, "cl": 2}
USUAL = Variety()


class Walkers(GaitDataset):
    """Rendered people who walk normally (nm), with something carried (bg) and in a coat (cl).

    A subject is the same person for the same seed whatever else is asked for; the same settings give the same pixels
    on every machine.

    Args:
        subjects: number of people, named from "001" on.
        train: this many of them, the first, train; the others test. 60 % when None.
        seed: seed of everything random.
        views: angles between the direction of walking and the camera, degrees as text; 0 comes towards the camera,
            90 shows the left side, 270 the right.
        takes: number of takes of each condition.
        scarce: condition -> N: only one in N training subjects, starting with the first, has takes of it; test subjects
            and other conditions are unaffected.
        views_per_take: number of views, drawn at random, from which each take is seen; all when None.
        one_side: show every other person from the left only (views below 180) and the others from the right only, so
            that a network need not learn that the two sides of a person belong together.
        frames: frames of a clip, at 25 Hz; some may be lost to the segmenter.
        size_px: height and width of the aligned frames.
        variety: how much people, takes, masks and cameras differ.

    Raises:
        RecipeError: a number is out of range, a condition is unknown, a view is no angle or named twice, or nothing is
            left to render.
    """

    PROTOCOLS: ClassVar[Mapping[str, Protocol]] = CasiaB.PROTOCOLS

    def __init__(
        self,
        *,
        subjects: Subjects = 124,
        train: CountOrZero | None = None,
        seed: Seed = 0,
        views: Sequence[str] = VIEWS,
        takes: Mapping[str, CountOrZero] = TAKES,
        scarce: Mapping[str, Count] | None = None,
        views_per_take: Count | None = None,
        one_side: bool = False,
        frames: Frames = 40,
        size_px: SizePx = 64,
        variety: Variety = USUAL,
    ) -> None:
        train = round(0.6 * subjects) if train is None else train
        if train > subjects:
            raise RecipeError(f"walkers: {train} training subjects of {subjects}; expected 0 to {subjects}")
        unknown = set(takes) - set(CONDITIONS)
        if unknown:
            raise RecipeError(f"walkers: condition {', '.join(sorted(unknown))}; expected {', '.join(CONDITIONS)}")
        _check_what_is_rendered(views, takes, size_px)
        scarce = dict(scarce or {})
        _check_scarcity(scarce, takes)
        if views_per_take is not None and views_per_take > len(views):
            raise RecipeError(
                f"walkers: {views_per_take} views per take, expected 1 to {len(views)}, the views there are"
            )
        self.names = tuple(f"{number:0{max(3, len(str(subjects)))}d}" for number in range(1, subjects + 1))
        self.train, self.seed, self.views, self.takes = train, seed, tuple(views), dict(takes)
        self.scarce, self.views_per_take, self.one_side = scarce, views_per_take, one_side
        self.frames, self.size_px, self.variety = frames, size_px, variety
        # Views of one take come one after another: keep the last person and walk.
        self._person = lru_cache(maxsize=1)(self._make_person)
        self._scene = lru_cache(maxsize=1)(self._make_scene)

    def __reduce__(self) -> tuple[object, ...]:
        known = inspect.signature(type(self)).parameters  # subclasses take fewer
        settings = {name: value for name, value in self.settings.items() if name in known}
        return partial(type(self), **{**settings, "variety": self.variety}), ()

    @property
    def settings(self) -> Mapping[str, Any]:
        """What to call the class with to get the same people."""
        # Absent where nothing is scarce, so that stores and digests of before stay what they are.
        return ({"scarce": self.scarce} if self.scarce else {}) | {
            "subjects": len(self.names),
            "train": self.train,
            "seed": self.seed,
            "views": list(self.views),
            "takes": self.takes,
            "views_per_take": self.views_per_take,
            "one_side": self.one_side,
            "frames": self.frames,
            "size_px": self.size_px,
            "variety": describe(self.variety)["init_args"],
        }

    def catalogue(self) -> Sequence[SequenceKey]:
        """Every subject, condition, take and view."""
        without = {
            (name, condition)
            for condition, one_in in self.scarce.items()
            for number, name in enumerate(self.subjects("train"))
            if number % one_in
        }
        return sorted(
            SequenceKey(name, condition, f"{take:02d}", view)
            for name in self.names
            for condition, count in self.takes.items()
            if (name, condition) not in without
            for take in range(1, count + 1)
            for view in self._seen(name, condition, f"{take:02d}")
        )

    def _seen(self, *take: str) -> Sequence[str]:
        views = self.views
        if self.one_side:
            right = self.names.index(take[0]) % 2 == 1
            views = tuple(view for view in views if (float(view) >= 180) == right)
        if self.views_per_take is None:
            return views
        order = stream(self.seed, "views", *take).permutation(len(views))
        return [views[i] for i in order[: self.views_per_take]]

    def subjects(self, split: Split) -> Sequence[str]:
        """The first people, for training, or the others."""
        return self.names[: self.train] if split == "train" else self.names[self.train :]

    def read(self, key: SequenceKey) -> Clip:
        """One clip, rendered: silhouettes with a segmenter's errors, aligned.

        Raises:
            DataError: there is no such subject, condition or view.
        """
        reading = self.examine(key)
        if reading.clip is None:
            raise DataError(f"walkers: no frame of {key} survived its mask noise; lower `variety.noise`")
        return reading.clip

    def examine(self, key: SequenceKey) -> Reading:
        """See `GaitDataset`: frames that the segmenter lost are counted."""
        return self._render(key)

    def _render(self, key: SequenceKey) -> Reading:
        camera = camera_of(self.seed, key, self.variety)
        masks = silhouettes(self._scene(key.subject, key.condition, key.take), camera)
        if self.variety.noise:
            rng = stream(self.seed, "noise", str(key))
            masks = spoil(masks, draw_faults(rng, self.variety.noise), rng)
        frames, dropped = align_clip(masks, self.size_px)
        dropped["lost by the segmenter"] += self.frames - len(masks)
        return Reading(Clip(frames, key, FRAME_RATE_HZ) if len(frames) else None, +dropped)

    def read_color(self, key: SequenceKey) -> tuple[Clip, Clip]:
        """Render one clip in color, not aligned: RGB over a background, and its soft mask."""
        camera = camera_of(self.seed, key, self.variety)
        scene = self._scene(key.subject, key.condition, key.take)
        rng = stream(self.seed, "background", key.subject, key.condition, key.take)
        rgb, masks = pictures(scene, camera, float(rng.random()), rng)
        color = Clip(np.ascontiguousarray(rgb.transpose(0, 3, 1, 2)), key, FRAME_RATE_HZ)
        return color, Clip(masks[:, None], key, FRAME_RATE_HZ)

    def film(self, key: SequenceKey, empty: int = 9) -> Film:
        """Film one clip with a fixed camera, and its place `empty` times before, for segmenters; see `walkers.film`."""
        camera = camera_of(self.seed, key, self.variety)
        scene = self._scene(key.subject, key.condition, key.take)
        return film(scene, camera, stream(self.seed, "film", str(key)), empty)

    def _make_person(self, subject: str) -> Person:
        if subject not in self.names:
            raise DataError(f"walkers: no subject {subject!r}; there are {self.names[0]} to {self.names[-1]}")
        return person(self.seed, subject, self.variety)

    def _make_scene(self, subject: str, condition: str, take: str) -> Scene:
        who = self._person(subject)
        return act(walk(self.seed, SequenceKey(subject, condition, take), who, self.variety), self.frames)


def _check_what_is_rendered(views: Sequence[str], takes: Mapping[str, int], size_px: int) -> None:
    if not views or len(set(views)) < len(views) or not all(map(_is_angle, views)):
        raise RecipeError(
            f"walkers: views are {', '.join(views) or 'none'}; expected different degrees below 360, e.g. 000,090"
        )
    if not any(takes.values()):
        raise RecipeError(f"walkers: takes are {dict(takes)}; expected 1 or more of one condition")
    if size_px % 2:
        raise RecipeError(f"walkers: size_px is {size_px}; expected an even number of pixels")


def _check_scarcity(scarce: Mapping[str, int], takes: Mapping[str, int]) -> None:
    there = [condition for condition, count in takes.items() if count]
    if set(scarce) - set(there):
        raise RecipeError(f"walkers: scarce is {dict(scarce)}; expected only some of {', '.join(there)}")


def _is_angle(view: str) -> bool:
    try:
        return abs(float(view)) < 360
    except ValueError:
        return False

"""Who walks: a person's build, gait and wardrobe, and one walk of theirs, all drawn from names and a seed."""

import zlib
from dataclasses import dataclass, field, fields, replace

import numpy as np

from walkprint.core.bounds import Checked, Fraction, NonNegative
from walkprint.core.errors import DataError
from walkprint.core.sequence import SequenceKey
from walkprint.data.walkers.body import Body, build, draw_neck, draw_shape
from walkprint.data.walkers.camera import Camera
from walkprint.data.walkers.carried import Carried, draw_carried
from walkprint.data.walkers.clothes import Outfit, draw_coat, draw_outfit, draw_shoes, retouch, tailor
from walkprint.data.walkers.gait import Gait, draw_curves, draw_gait, draw_stride, draw_take

CONDITIONS = ("nm", "bg", "cl")


def stream(seed: int, *names: str) -> np.random.Generator:
    """Random numbers that depend on the seed and the names alone."""
    return np.random.default_rng([seed, *(zlib.crc32(name.encode()) for name in names)])


# Left out of stores and digests at their defaults, so that earlier ones stay what they are.
_LATER = {"omit_default": True}


@dataclass(frozen=True)  # without slots, so that recipes can read its defaults
class Variety(Checked):
    """How much walks differ. The first five are factors of the usual amount; `shoes` to `curves` are off at 0.

    Attributes:
        shape, gait: between people.
        take: from take to take of one person.
        noise: errors of the segmenter; 0 gives perfect masks.
        camera: scatter of the camera around the nominal view.
        fresh_clothes: every take with a bag or a coat wears clothes of its own; else people own one outfit and one
            coat.
        mixed: share of takes of "bg" that also change clothes, and of "cl" that also carry something.
        fresh_cameras: every clip has a camera of its own, 4 to 14 m away and 0.9 to 2.2 m high; else a view has one.
        shoes: shoes longer and thicker than the foot, drawn for every take; amounts at 1 in `docs/walkers.md`.
        neck: at 1, necks are 3 mm thicker, and necks and shoulders differ by a further 8 mm (standard deviation)
            between people.
        stride: stride and cadence differ further from take to take, as they do between places; at 1, strides are also
            6 % longer on average.
        curves: the shape of joint curves differs further from take to take; at 1 about as it does between days.
        trousers: factor of the thickness of trousers.
        hems: factor of how far coats, skirts and shirts hang down the legs.
    """

    shape: NonNegative = 1.0
    gait: NonNegative = 1.0
    take: NonNegative = 1.0
    noise: NonNegative = 1.0
    camera: NonNegative = 1.0
    fresh_clothes: bool = False
    mixed: Fraction = 0.0
    fresh_cameras: bool = field(default=False, metadata=_LATER)
    shoes: NonNegative = field(default=0.0, metadata=_LATER)
    neck: NonNegative = field(default=0.0, metadata=_LATER)
    stride: NonNegative = field(default=0.0, metadata=_LATER)
    curves: NonNegative = field(default=0.0, metadata=_LATER)
    trousers: NonNegative = field(default=1.0, metadata=_LATER)
    hems: NonNegative = field(default=1.0, metadata=_LATER)

    def __repr__(self) -> str:
        shown = [one for one in fields(self) if not (one.metadata and getattr(self, one.name) == one.default)]
        return f"Variety({', '.join(f'{one.name}={getattr(self, one.name)!r}' for one in shown)})"


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """One subject.

    Attributes:
        body: how they are built.
        gait: how they usually walk.
        outfit, coat: what they wear.
    """

    body: Body
    gait: Gait
    outfit: Outfit
    coat: Outfit


@dataclass(frozen=True, slots=True, eq=False)
class Take:
    """One take, before it is seen by a camera.

    Attributes:
        body: who walks.
        gait: how, this time.
        outfit: in what.
        carried: with what, or None.
        start: phase of the first frame.
    """

    body: Body
    gait: Gait
    outfit: Outfit
    carried: Carried | None
    start: float


def person(seed: int, subject: str, variety: Variety) -> Person:
    """The subject of that name in the world of that seed."""
    rng = stream(seed, "person", subject)
    body = build(draw_shape(rng, variety.shape))
    if variety.neck:
        body = draw_neck(body, stream(seed, "neck", subject), variety.neck)
    gait = draw_gait(rng, variety.gait)
    outfit = draw_outfit(rng)
    return Person(body, gait, outfit, draw_coat(outfit, rng))


def walk(seed: int, key: SequenceKey, who: Person, variety: Variety) -> Take:
    """One take of a person, the same from every view.

    Raises:
        DataError: the condition is none of "nm", "bg", "cl".
    """
    if key.condition not in CONDITIONS:
        raise DataError(f"walkers: condition is {key.condition!r}, expected one of {', '.join(CONDITIONS)}")
    rng = stream(seed, "walk", key.subject, key.condition, key.take)
    gait = draw_take(who.gait, rng, variety.take)
    outfit, coat = who.outfit, who.coat
    if variety.fresh_clothes and key.condition != "nm":
        outfit = draw_outfit(rng)
        coat = draw_coat(outfit, rng)
    coated = key.condition == "cl" or (key.condition == "bg" and rng.random() < variety.mixed)
    loaded = key.condition == "bg" or (key.condition == "cl" and rng.random() < variety.mixed)
    worn = wear(coat if coated else outfit, rng, variety)
    carried = draw_carried(rng) if loaded else None
    return of_the_day(Take(who.body, gait, worn, carried, float(rng.random())), seed, key, variety)


def wear(outfit: Outfit, rng: np.random.Generator, variety: Variety) -> Outfit:
    """These clothes as they sit on one take."""
    return tailor(retouch(outfit, rng, variety.take), variety.trousers, variety.hems)


def of_the_day(take: Take, seed: int, key: SequenceKey, variety: Variety) -> Take:
    """The take in its shoes, with its stride and curves, from random numbers of their own."""
    names = (key.subject, key.condition, key.take)
    body, gait = take.body, take.gait
    if variety.shoes:
        body = draw_shoes(body, stream(seed, "shoes", *names), variety.shoes)
    if variety.stride:
        gait = draw_stride(gait, stream(seed, "stride", *names), variety.stride)
    if variety.curves:
        gait = draw_curves(gait, stream(seed, "curves", *names), variety.curves)
    return replace(take, body=body, gait=gait)


def camera_of(seed: int, key: SequenceKey, variety: Variety) -> Camera:
    """The camera of a view; it moves a little from take to take, as cameras and paths do.

    Raises:
        DataError: the view is no number of degrees.
    """
    try:
        nominal = float(key.view)
    except ValueError as error:
        raise DataError(f"walkers: view is {key.view!r}, expected degrees, e.g. '090'") from error
    fixed = stream(seed, "camera", key.view)
    rng = stream(seed, "camera", key.subject, key.condition, key.take, key.view)
    camera = Camera(
        azimuth_deg=nominal + variety.camera * 3.0 * float(rng.standard_normal()),
        distance_m=float(fixed.uniform(4.5, 6.5) * np.exp(0.08 * variety.camera * rng.standard_normal())),
        height_m=float(fixed.uniform(1.0, 1.7) + 0.08 * variety.camera * rng.standard_normal()),
        roll_deg=0.8 * variety.camera * float(rng.standard_normal()),
        person_px=float(rng.uniform(64, 108)),
    )
    if not variety.fresh_cameras:
        return camera
    rng = stream(seed, "fresh camera", key.subject, key.condition, key.take, key.view)
    return replace(
        camera,
        distance_m=float(np.exp(rng.uniform(np.log(4), np.log(14)))),
        height_m=float(rng.uniform(0.9, 2.2)),
        person_px=float(rng.uniform(50, 108)),
    )

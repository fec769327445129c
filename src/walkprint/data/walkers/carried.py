"""What people carry: bags and boxes as rounded blocks that ride on a bone or hang from a hand."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from walkprint.data.walkers.body import Body, Floats, rotation, template
from walkprint.data.walkers.gait import Load, Pose

RINGS, AROUND = 6, 10
KINDS = ("backpack", "shoulder bag", "handbag", "box")


@dataclass(frozen=True, slots=True)
class Carried:
    """One thing.

    Attributes:
        kind: one of KINDS.
        size_m: half lengths forward, sideways, up.
        side: 1 left, -1 right; for bags.
        strap_m: how far a handbag hangs below the hand.
        color: RGB.
    """

    kind: str
    size_m: tuple[float, float, float]
    side: int = 1
    strap_m: float = 0.1
    color: tuple[int, int, int] = (70, 60, 50)

    @property
    def load(self) -> Load:
        """What it does to the walk."""

        def one(value: float, rest: float) -> tuple[float, float]:
            return (value, rest) if self.side > 0 else (rest, value)

        if self.kind == "backpack":
            return Load(swing=(0.8, 0.8), lean_deg=3.0)
        if self.kind == "box":
            return Load(swing=(0.05, 0.05), elbow_deg=(85.0, 85.0), flexion_deg=(12.0, 12.0), lean_deg=-2.0)
        if self.kind == "handbag":
            return Load(swing=one(0.35, 1.0), out_deg=one(4.0, 0.0))
        return Load(swing=one(0.6, 1.0), out_deg=one(5.0, 0.0))


def draw_carried(rng: np.random.Generator, kind: str | None = None) -> Carried:
    """A bag or box of a common size."""
    kind = kind or str(rng.choice(KINDS, p=[0.4, 0.27, 0.25, 0.08]))
    half = {
        "backpack": (0.1, 0.15, 0.23),
        "shoulder bag": (0.16, 0.055, 0.13),
        "handbag": (0.17, 0.05, 0.13),
        "box": (0.15, 0.2, 0.13),
    }[kind]
    length, breadth, height = (float(value * rng.uniform(0.7, 1.3)) for value in half)
    shade = rng.uniform(20, 200, 3)
    return Carried(
        kind,
        (length, breadth, height),
        side=int(rng.choice([-1, 1])),
        strap_m=float(rng.uniform(0.02, 0.25)),
        color=(int(shade[0]), int(shade[1]), int(shade[2])),
    )


@cache
def _block() -> Floats:
    """A rounded block within -1..1, in rings."""
    up = np.linspace(-np.pi / 2, np.pi / 2, RINGS)
    around = 2 * np.pi * np.arange(AROUND) / AROUND
    sphere = np.stack(
        [
            np.outer(np.cos(up), np.cos(around)),
            np.outer(np.cos(up), np.sin(around)),
            np.repeat(np.sin(up)[:, None], AROUND, 1),
        ],
        -1,
    ).reshape(-1, 3)
    block: Floats = np.sign(sphere) * np.abs(sphere) ** 0.45
    return block


def place(thing: Carried, body: Body, pose: Pose, phase: Floats, back_m: float) -> Floats:
    """Where the thing is, (time, RINGS * AROUND, 3), pelvis at the origin.

    Args:
        thing: what is carried.
        body: who carries it.
        pose: how.
        phase: (time,) of the gait; a hanging bag swings with it.
        back_m: thickness of the clothes on the back.
    """
    names = template().names
    length, breadth, height = thing.size_m
    points = _block() * (length, breadth, height)
    if thing.kind == "backpack":
        bone, chest = names.index("chest"), template().vertices_of("chest", "shoulders")
        behind = body.vertices[chest, 0].min() - body.heads[bone, 0]
        points = points + (behind - length * 0.8 - back_m, 0.0, 0.12)
        ridden: Floats = points @ pose.rotations[:, bone].transpose(0, 2, 1) + pose.places[:, bone][:, None]
        return ridden
    if thing.kind == "box":
        hands = pose.places[:, [names.index("hand.L"), names.index("hand.R")]].mean(1)
        turned: Floats = points + (hands + (length * 0.6, 0.0, 0.02))[:, None]
        return turned
    swing = rotation("y", 0.12 * np.sin(2 * np.pi * (phase + 0.2 * thing.side)))
    if thing.kind == "handbag":
        hand = names.index("hand.L" if thing.side > 0 else "hand.R")
        hung = points - (0, 0, thing.strap_m + height + 0.06)
        held: Floats = (hung @ swing.transpose(0, 2, 1)) + pose.places[:, hand][:, None]
        return held
    hips = template().vertices_of("pelvis")
    aside = np.abs(body.vertices[hips, 1]).max() + breadth + back_m
    points = points + (-0.04, thing.side * aside, 0.02 - thing.strap_m * 0.6)
    slung: Floats = points @ (swing @ pose.rotations[:, names.index("pelvis")]).transpose(0, 2, 1)
    return slung

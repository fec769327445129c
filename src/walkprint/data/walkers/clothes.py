"""What people wear: garments that thicken the body, and cloth that hangs from the waist over both legs.

Thickness follows the skin; hanging cloth is a tube of rings, each the convex hull of what it covers at that height,
pulled straight between the places where the body holds it, and late behind the legs. All lengths in meters.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from walkprint.core.compiled import compiled
from walkprint.data.walkers.body import Body, Floats, template

RING = 16  # directions of a ring
LEVELS = 9  # rings of a tube


@dataclass(frozen=True, slots=True)
class Hanging:
    """Cloth that hangs around both legs.

    Attributes:
        top_m: where it begins, above the pelvis.
        hem: where it ends, as a part of the way from pelvis (0) to floor (1).
        thickness_m: distance from what it covers.
        flare: how much wider it gets per meter downward.
        taut: 0 falls in folds along the legs, 1 is pulled straight between waist and knees.
        lag: 0 follows at once, towards 1 it trails behind the legs.
    """

    top_m: float = 0.1
    hem: float = 0.45
    thickness_m: float = 0.03
    flare: float = 0.08
    taut: float = 0.7
    lag: float = 0.4


Color = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Outfit:
    """One person's clothes and hair on one day; thicknesses are added to the skin.

    Attributes:
        torso_m, sleeve_m, thigh_m, shin_m, collar_m: thickness by body part.
        cuff_m: further thickness at the ends of the trousers.
        puff: 0 smooth, 1 a quilted jacket's ridges.
        hanging: coat tails, a skirt or a dress, or None.
        hair_m: thickness of hair; `long_hair` lets it fall on the neck.
        hat: "", "cap", "brim" or "beanie".
        hood_m: thickness of a hood over head and neck, 0 without.
        top, legs, skin, hair, shoes: RGB.
        bare_arms: whether the forearms show skin.
    """

    torso_m: float = 0.008
    sleeve_m: float = 0.006
    thigh_m: float = 0.008
    shin_m: float = 0.008
    collar_m: float = 0.0
    cuff_m: float = 0.005
    puff: float = 0.0
    hanging: Hanging | None = None
    hair_m: float = 0.012
    long_hair: bool = False
    hat: str = ""
    hood_m: float = 0.0
    top: Color = (90, 110, 150)
    legs: Color = (60, 60, 75)
    skin: Color = (205, 165, 140)
    hair: Color = (60, 45, 35)
    shoes: Color = (40, 40, 40)
    bare_arms: bool = field(default=False)


def draw_outfit(rng: np.random.Generator) -> Outfit:
    """Everyday clothes: shirts, sweaters, short jackets, trousers from tight to wide, now and then a skirt or dress."""

    def between(low: float, high: float) -> float:
        return float(rng.uniform(low, high))

    kind = rng.random()
    heavy = between(0.003, 0.014) if kind < 0.6 else between(0.012, 0.03)
    wide = between(0.003, 0.012) if rng.random() < 0.65 else between(0.012, 0.035)
    hanging = None
    long_hair = bool(rng.random() < 0.35)
    style = rng.random()
    if style < 0.08:
        hanging = Hanging(0.08, between(0.38, 0.75), 0.008, between(0.02, 0.22), between(0.4, 1.0), between(0.2, 0.6))
        wide = 0.003
    elif style < 0.3:  # a shirt or sweater worn outside
        hanging = Hanging(0.12, between(0.08, 0.22), heavy + 0.006, between(0.0, 0.08), 0.8, 0.2)
    hat = str(rng.choice(["", "cap", "beanie"], p=[0.88, 0.07, 0.05]))
    return Outfit(
        torso_m=heavy,
        sleeve_m=heavy * between(0.4, 1.0),
        thigh_m=wide,
        shin_m=wide * between(0.8, 1.4),
        collar_m=between(0.0, 0.012),
        cuff_m=between(0.0, 0.03) if wide > 0.01 else between(0.0, 0.012),
        hanging=hanging,
        hair_m=between(0.002, 0.03) if not long_hair else between(0.012, 0.04),
        long_hair=long_hair,
        hat=hat,
        top=_color(rng),
        legs=_color(rng, 0.6),
        skin=_skin(rng),
        hair=_color(rng, 0.35),
        shoes=_color(rng, 0.5),
        bare_arms=bool(rng.random() < 0.4),
    )


def draw_coat(worn: Outfit, rng: np.random.Generator) -> Outfit:
    """A coat over the clothes worn: short, knee-long or long, a down jacket, with a hood or hat now and then."""

    def between(low: float, high: float) -> float:
        return float(rng.uniform(low, high))

    kind = str(rng.choice(["short", "down", "knee", "long", "dress"], p=[0.2, 0.25, 0.27, 0.18, 0.1]))
    thick = {"short": (0.02, 0.04), "down": (0.035, 0.065), "knee": (0.02, 0.045), "long": (0.02, 0.045)}
    torso = between(*thick.get(kind, (0.006, 0.015)))
    hem = {"short": (0.12, 0.24), "down": (0.1, 0.42), "knee": (0.38, 0.58), "long": (0.6, 0.85), "dress": (0.45, 0.9)}
    flare = {"short": (0.0, 0.1), "down": (0.0, 0.08), "dress": (0.05, 0.22)}.get(kind, (0.0, 0.16))
    hanging = Hanging(
        top_m=0.13,
        hem=between(*hem[kind]),
        thickness_m=torso * between(0.8, 1.3) + 0.008,
        flare=between(*flare),
        taut=between(0.4, 1.0),
        lag=between(0.1, 0.55),
    )
    hooded = rng.random()
    return replace(
        worn,
        torso_m=torso,
        sleeve_m=torso * between(0.45, 0.9),
        thigh_m=max(worn.thigh_m, 0.008),
        collar_m=between(0.005, 0.05),
        puff=between(0.3, 1.0) if kind == "down" else 0.0,
        hanging=hanging,
        hood_m=between(0.015, 0.04) if hooded < 0.12 else 0.0,
        hat=str(rng.choice(["cap", "brim", "beanie"])) if 0.12 <= hooded < 0.3 else worn.hat,
        top=_color(rng),
        bare_arms=False,
    )


def retouch(worn: Outfit, rng: np.random.Generator, amount: float = 1.0) -> Outfit:
    """The same clothes on another walk: they never sit quite the same."""

    def about(value: float, share: float = 0.15) -> float:
        return value * float(np.exp(amount * share * rng.standard_normal()))

    hanging = worn.hanging and replace(
        worn.hanging, hem=about(worn.hanging.hem, 0.04), taut=min(1.0, about(worn.hanging.taut))
    )
    return replace(
        worn,
        torso_m=about(worn.torso_m),
        sleeve_m=about(worn.sleeve_m),
        thigh_m=about(worn.thigh_m),
        shin_m=about(worn.shin_m),
        hanging=hanging,
    )


def tailor(worn: Outfit, trousers: float, hems: float) -> Outfit:
    """The same clothes with trousers of `trousers` times their thickness, hanging `hems` times as far down."""
    return replace(
        worn,
        thigh_m=worn.thigh_m * trousers,
        shin_m=worn.shin_m * trousers,
        cuff_m=worn.cuff_m * trousers,
        hanging=worn.hanging and replace(worn.hanging, hem=worn.hanging.hem * hems),
    )


def draw_shoes(body: Body, rng: np.random.Generator, amount: float = 1.0) -> Body:
    """The body in one day's shoes: longer and thicker than the foot."""
    vertices = body.vertices.copy()
    longer, thicker_m = 1 + amount * rng.uniform(0.05, 0.35), amount * rng.uniform(0.0, 0.02)
    for side in "LR":
        foot = template().vertices_of(f"foot.{side}", f"toes.{side}")
        at = vertices[foot]
        middle = np.median(at[:, 0])
        at[:, 0] = middle + (at[:, 0] - middle) * longer
        vertices[foot] = at + body.normals[foot] * thicker_m
    return replace(body, vertices=vertices)


def _color(rng: np.random.Generator, light: float = 1.0) -> Color:
    base, tint = rng.uniform(30, 225), rng.normal(0, 28, 3)
    red, green, blue = (int(c) for c in np.clip((base + tint) * light, 8, 245))
    return red, green, blue


def _skin(rng: np.random.Generator) -> Color:
    light = float(rng.uniform(0.35, 1.0))
    return int(90 + 140 * light), int(60 + 125 * light), int(45 + 115 * light)


def dress(body: Body, outfit: Outfit) -> Floats:
    """Rest vertices with clothes and hair on, (vertex, 3)."""
    shared = template()
    worn = {
        "pelvis": max(outfit.torso_m, outfit.thigh_m) * 0.9,
        "spine": outfit.torso_m,
        "chest": outfit.torso_m,
        "shoulders": outfit.torso_m,
        "clavicle": outfit.torso_m,
        "upperarm": outfit.sleeve_m * 1.1,
        "forearm": 0.0 if outfit.bare_arms else outfit.sleeve_m,
        "thigh": outfit.thigh_m,
        "shin": outfit.shin_m,
        "foot": 0.008,
        "toes": 0.008,
        "neck": outfit.collar_m,
    }
    by_bone = np.array([worn.get(name.split(".")[0], 0.0) for name in shared.names])
    thickness = (shared.weight * by_bone[shared.bone]).sum(1)
    z = body.vertices[:, 2]
    shins = shared.vertices_of("shin")
    along = (z[shins].max() - z[shins]) / np.ptp(z[shins])
    thickness[shins] += outfit.cuff_m * along**2
    torso = shared.vertices_of("spine", "chest", "shoulders", "upperarm", "forearm")
    thickness[torso] *= 1 + 0.3 * outfit.puff * np.sin(z[torso] * 2 * np.pi / 0.11)
    offset = body.normals * thickness[:, None]
    _dress_head(body, outfit, offset)
    dressed: Floats = body.vertices + offset
    return dressed


def _dress_head(body: Body, outfit: Outfit, offset: Floats) -> None:
    head = template().vertices_of("head")
    at, normal = body.vertices[head], body.normals[head]
    chin, crown = at[:, 2].min(), at[:, 2].max()
    up = (at[:, 2] - chin) / (crown - chin)
    back = (at[:, 0].max() - at[:, 0]) / np.ptp(at[:, 0])
    hair = np.clip(np.maximum((up - 0.55) * 4, (back - 0.45) * 4), 0, 1)
    if not outfit.long_hair:
        hair *= np.clip((up - 0.25) * 5, 0, 1)
    grown = normal * (outfit.hair_m * hair)[:, None]
    if outfit.hat:
        under = np.clip((up - 0.62) * 12, 0, 1)
        grown *= (1 - under)[:, None]
        grown += normal * (0.012 * under)[:, None]
        if outfit.hat != "beanie":
            rim = np.exp(-(((up - 0.7) / 0.07) ** 2)) * (
                1.0 if outfit.hat == "brim" else np.clip(0.4 - back, 0, 0.4) * 3
            )
            level = normal * (1, 1, 0)
            grown += level * (0.07 * rim)[:, None]
        grown[:, 2] += {"beanie": 0.03, "cap": 0.01, "brim": 0.035}[outfit.hat] * np.clip((up - 0.75) * 5, 0, 1)
    if outfit.hood_m:
        covered = np.clip(np.maximum((up - 0.5) * 4, (back - 0.25) * 4), 0, 1)
        grown = normal * (outfit.hood_m * covered)[:, None]
        neck = template().vertices_of("neck")
        offset[neck] += body.normals[neck] * outfit.hood_m
    offset[head] += grown
    if outfit.long_hair and not outfit.hood_m:
        neck = template().vertices_of("neck")
        behind = np.clip(-body.normals[neck, 0], 0, 1)
        offset[neck] += body.normals[neck] * (behind * (outfit.hair_m + 0.01))[:, None]


@compiled()
def drape(
    covered: Floats,
    top_m: float,
    hem_m: Floats,
    thickness_m: float,
    flare: float,
    taut: float,
    lag: float,
) -> Floats:
    """Rings of hanging cloth, (time, LEVELS * RING, 3).

    Args:
        covered: (time, vertex, 3) the posed body under it, pelvis at the origin.
        top_m, hem_m: heights of the first ring, and of the last one by time (time,).
        thickness_m, flare, taut, lag: as in `Hanging`.
    """
    times = covered.shape[0]
    angle = 2 * np.pi * np.arange(RING) / RING
    cos, sin = np.cos(angle), np.sin(angle)
    reach = np.zeros((times, LEVELS, RING))
    for t in range(times):
        step = (top_m - hem_m[t]) / (LEVELS - 1)
        window = max(0.55 * step, 0.025)
        found = np.full((LEVELS, RING), -1.0)
        for v in range(covered.shape[1]):
            x, y, z = covered[t, v]
            first = max(0, int(np.ceil((top_m - z - window) / step)))
            last = min(LEVELS - 1, int(np.floor((top_m - z + window) / step)))
            for level in range(first, last + 1):
                for k in range(RING):
                    found[level, k] = max(found[level, k], x * cos[k] + y * sin[k])
        for level in range(LEVELS):
            for k in range(RING):
                body = found[level, k] + thickness_m
                hung = 0.0 if level == 0 else reach[t, level - 1, k] - 0.35 * step * (1 - taut)
                reach[t, level, k] = max(body, hung) + (flare * step if level > 0 else 0.0)
        _pull_straight(reach[t], taut)
    for t in range(1, times):
        for level in range(1, LEVELS):
            late = lag * level / (LEVELS - 1)
            for k in range(RING):
                reach[t, level, k] = max(
                    (1 - late) * reach[t, level, k] + late * reach[t - 1, level, k], reach[t, level, k] - 0.06
                )
    rings = np.empty((times, LEVELS * RING, 3))
    between = np.sin(2 * np.pi / RING)
    for t in range(times):
        step = (top_m - hem_m[t]) / (LEVELS - 1)
        for level in range(LEVELS):
            for k in range(RING):
                n = (k + 1) % RING
                a, b = reach[t, level, k], reach[t, level, n]
                at = level * RING + k
                rings[t, at, 0] = (a * sin[n] - b * sin[k]) / between
                rings[t, at, 1] = (b * cos[k] - a * cos[n]) / between
                rings[t, at, 2] = top_m - level * step
    return rings


@compiled()
def _pull_straight(reach: Floats, taut: float) -> None:
    """Blend each direction's profile from waist to hem with its concave envelope, in place."""
    for k in range(reach.shape[1]):
        for level in range(1, reach.shape[0] - 1):
            straight = reach[level, k]
            for above in range(level):
                for below in range(level + 1, reach.shape[0]):
                    share = (level - above) / (below - above)
                    straight = max(straight, (1 - share) * reach[above, k] + share * reach[below, k])
            reach[level, k] += taut * (straight - reach[level, k])

"""How people walk: joint angles over the gait cycle, what differs between people and from take to take.

Angles are degrees; a cycle runs from one heel strike of the left foot (phase 0) to the next (phase 1).

Source: the shapes of the mean curves were read off the normative sagittal kinematics of D. A. Winter, The Biomechanics
and Motor Control of Human Gait, 1991, and J. Perry and J. M. Burnfield, Gait Analysis, 2010; arm swing follows
M. P. Murray, S. B. Sepic and E. J. Barnard, Patterns of sagittal rotation of the upper limbs in walking, Phys. Ther.,
1967; pelvis and trunk, C. Bovi et al., A multiple-task gait analysis approach, Gait & Posture, 2011.
Deviations: knots rounded to a degree and closed by a Fourier series of five harmonics; the spread between people and
between takes is ours, chosen so that curves stay within the published bands.
"""

from dataclasses import dataclass, fields, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from walkprint.data.walkers.body import Body, Floats, rotation, template, turning

HARMONICS = 5
Shape = dict[str, NDArray[np.complex128]]

# Percent of the cycle -> degrees; flexion and dorsiflexion are positive.
_KNOTS = {
    "hip": ((0, 26), (10, 22), (20, 13), (30, 3), (40, -7), (50, -13), (60, -7), (70, 10), (80, 23), (90, 28)),
    "knee": ((0, 4), (7, 12), (14, 17), (22, 14), (30, 9), (40, 5), (47, 8), (55, 24), (62, 44), (70, 59), (74, 61), (80, 52), (87, 26), (94, 5)),  # noqa: E501
    "ankle": ((0, 0), (6, -5), (14, 0), (24, 5), (34, 8), (44, 11), (52, 5), (58, -8), (63, -17), (70, -9), (80, 0), (90, 2)),  # noqa: E501
}  # fmt: skip


@cache
def _mean_curve(joint: str) -> NDArray[np.complex128]:
    """Complex Fourier coefficients 0..HARMONICS of a joint's mean curve."""
    percent, degrees = np.array(_KNOTS[joint], np.float64).T
    grid = np.arange(200) / 2
    around = np.concatenate([percent - 100, percent, percent + 100])
    curve = np.interp(grid, around, np.tile(degrees, 3))
    spectrum = np.fft.rfft(curve)[: HARMONICS + 1] / len(grid)
    spectrum[1:] *= 2
    return spectrum.astype(np.complex128)


@dataclass(frozen=True, slots=True)
class GaitStyle:
    """One way of walking; angles in degrees, amplitudes as factors of the mean curve where no unit is given."""

    cadence_hz: float = 0.93
    hip_swing: float = 1.0
    knee_swing: float = 1.0
    ankle_swing: float = 1.0
    hip_offset_deg: float = 0.0
    knee_offset_deg: float = 2.0
    ankle_offset_deg: float = 0.0
    adduction_deg: float = 2.0
    toe_out_deg: float = 6.0
    pelvis_turn_deg: float = 5.0
    pelvis_drop_deg: float = 3.5
    chest_turn_deg: float = 6.0
    sway_deg: float = 1.5
    lean_deg: float = 1.0
    stoop_deg: float = 2.0
    neck_deg: float = 7.0
    nod_deg: float = -4.0
    shrug_deg: float = 0.0
    arm_swing_deg: float = 17.0
    arm_offset_deg: float = -3.0
    arm_out_deg: float = 8.0
    arm_lag: float = 0.0
    elbow_deg: float = 18.0
    elbow_swing_deg: float = 10.0
    arm_asymmetry: float = 0.0
    leg_asymmetry: float = 0.0
    bob: float = 1.0  # not used; the random number drawn for it keeps those of the curves what they are


# Standard deviations between people; what is missing does not vary.
_BETWEEN = {
    "cadence_hz": 0.1, "hip_swing": 0.16, "knee_swing": 0.14, "ankle_swing": 0.3, "hip_offset_deg": 3.38,
    "knee_offset_deg": 3.38, "ankle_offset_deg": 3.38, "adduction_deg": 1.89, "toe_out_deg": 8.1,
    "pelvis_turn_deg": 3.38, "pelvis_drop_deg": 1.75, "chest_turn_deg": 3.38, "sway_deg": 1.08, "lean_deg": 3.51,
    "stoop_deg": 5.4, "neck_deg": 8.1, "nod_deg": 6.75, "shrug_deg": 4.05, "arm_swing_deg": 8.78,
    "arm_offset_deg": 6.75, "arm_out_deg": 4.72, "arm_lag": 0.041, "elbow_deg": 12.15, "elbow_swing_deg": 6.75,
    "arm_asymmetry": 0.3, "leg_asymmetry": 0.047,
}  # fmt: skip
# How much of that comes back from take to take; postures are kept better than swings.
_WITHIN = 0.14
_HARMONIC_DEG = {"hip": (1.6, 1.2, 0.7), "knee": (2.7, 2.4, 1.3), "ankle": (1.6, 1.6, 0.9)}


@dataclass(frozen=True, slots=True, eq=False)
class Gait:
    """A style together with the finer shape of its curves.

    Attributes:
        style: the named settings.
        shape: per joint, complex (3,), degrees added to the first harmonics.
    """

    style: GaitStyle
    shape: Shape


def draw_gait(rng: np.random.Generator, spread: float = 1.0) -> Gait:
    """A person's usual way of walking."""
    return _vary(Gait(GaitStyle(), {joint: np.zeros(3, complex) for joint in _HARMONIC_DEG}), rng, spread)


def draw_take(usual: Gait, rng: np.random.Generator, variation: float = 1.0) -> Gait:
    """The same person on another walk: another speed, another mood, arms less or more swung."""
    gait = _vary(usual, rng, _WITHIN * variation)
    speed = 1 + 0.03 * variation * float(np.clip(rng.standard_normal(), -2, 2))
    style = gait.style
    faster = replace(
        style,
        cadence_hz=style.cadence_hz * speed**0.6,
        hip_swing=style.hip_swing * speed**0.8,
        knee_swing=style.knee_swing * speed**0.3,
        arm_swing_deg=style.arm_swing_deg * speed**1.5 * float(np.exp(0.1 * variation * rng.standard_normal())),
        pelvis_turn_deg=style.pelvis_turn_deg * speed,
    )
    return Gait(faster, gait.shape)


def draw_stride(gait: Gait, rng: np.random.Generator, amount: float = 1.0) -> Gait:
    """The same walk with a longer or shorter stride, as one person has at different places."""
    stride = float(np.exp(amount * (0.06 + 0.09 * np.clip(rng.standard_normal(), -2, 2))))
    style = gait.style
    style = replace(style, hip_swing=style.hip_swing * stride, cadence_hz=style.cadence_hz * stride**0.4)
    return replace(gait, style=style)


def draw_curves(gait: Gait, rng: np.random.Generator, amount: float = 1.0) -> Gait:
    """The same walk with joint curves of another shape, as one person has on different days."""
    return replace(gait, shape=_bent(gait.shape, rng, 0.55 * amount))


def _vary(gait: Gait, rng: np.random.Generator, spread: float) -> Gait:
    values = {
        one.name: getattr(gait.style, one.name)
        + spread * _BETWEEN.get(one.name, 0.0) * float(np.clip(rng.standard_normal(), -2.2, 2.2))
        for one in fields(GaitStyle)
    }
    values["arm_swing_deg"] = max(values["arm_swing_deg"], 2.0)
    values["elbow_deg"] = max(values["elbow_deg"], 4.0)
    values["knee_offset_deg"] = max(values["knee_offset_deg"], -3.0)
    values["arm_out_deg"] = max(values["arm_out_deg"], 3.0)
    return Gait(GaitStyle(**values), _bent(gait.shape, rng, spread))


def _bent(shape: Shape, rng: np.random.Generator, spread: float) -> Shape:
    bent = {}
    for joint, deviation in _HARMONIC_DEG.items():
        noise = rng.standard_normal(3) + 1j * rng.standard_normal(3)
        bent[joint] = shape[joint] + spread * np.array(deviation) * noise / np.sqrt(2)
    return bent


def joint_angle(gait: Gait, joint: str, phase: Floats) -> Floats:
    """Degrees of the left leg's "hip", "knee" or "ankle" at each phase."""
    style = gait.style
    swing = {"hip": style.hip_swing, "knee": style.knee_swing, "ankle": style.ankle_swing}[joint]
    offset = {"hip": style.hip_offset_deg, "knee": style.knee_offset_deg, "ankle": style.ankle_offset_deg}[joint]
    spectrum = _mean_curve(joint).copy()
    spectrum[1:] *= swing
    spectrum[1:4] += gait.shape[joint]
    spectrum[0] += offset
    waves = np.exp(2j * np.pi * np.outer(phase, np.arange(HARMONICS + 1)))
    result: Floats = (waves * spectrum).real.sum(1)
    return result


@dataclass(frozen=True, slots=True)
class Load:
    """What carrying does to the arms, per side (left, right).

    Attributes:
        swing: factor of the arm's swing.
        elbow_deg: a fixed flexion, or None to swing as usual.
        flexion_deg: added to the shoulder.
        out_deg: added to the arm's distance from the trunk.
        lean_deg: added to the trunk's lean; a backpack leans forward.
    """

    swing: tuple[float, float] = (1.0, 1.0)
    elbow_deg: tuple[float | None, float | None] = (None, None)
    flexion_deg: tuple[float, float] = (0.0, 0.0)
    out_deg: tuple[float, float] = (0.0, 0.0)
    lean_deg: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Pose:
    """Bones over time.

    Attributes:
        rotations: (time, bone, 3, 3) from the rest pose.
        places: (time, bone, 3) where each bone begins; the pelvis stays above the origin.
    """

    rotations: Floats
    places: Floats


_DOWN = np.array([0.0, 0.0, -1.0])


def pose(body: Body, gait: Gait, phase: Floats, load: Load | None = None) -> Pose:
    """Where the bones of a body are at each phase, (time,), of its gait."""
    load = load or Load()
    style, names = gait.style, template().names
    rad = np.pi / 180
    wave = 2 * np.pi * phase
    times = len(phase)
    world: dict[str, Floats] = {}

    turn = style.pelvis_turn_deg * np.cos(wave)
    drop = style.pelvis_drop_deg * np.sin(wave + 0.6)
    world["pelvis"] = rotation("z", -turn * rad) @ rotation("x", -drop * rad)
    chest_turn = style.chest_turn_deg * np.cos(wave - 0.3)
    sway = style.sway_deg * np.sin(wave)
    lean = style.lean_deg + load.lean_deg + 0.8 * np.cos(2 * wave + 1.0)
    upright = rotation("x", sway * rad)
    bends = (("spine", 0.5, 0.0), ("chest", 1.0, 0.35), ("shoulders", 1.0, 1.0))
    for name, share, stooped in bends:
        bend = lean * share + style.stoop_deg * stooped
        world[name] = rotation("z", chest_turn * share * rad) @ upright @ rotation("y", bend * rad)
    facing = rotation("z", 0.3 * chest_turn * rad)
    world["neck"] = facing @ rotation("y", np.full(times, (style.lean_deg + style.stoop_deg + style.neck_deg) * rad))
    world["head"] = facing @ rotation("y", np.full(times, (style.nod_deg + 0.35 * style.neck_deg) * rad))

    for side, sign in (("L", 1.0), ("R", -1.0)):
        own = phase + (0.0 if side == "L" else 0.5)
        _pose_leg(world, body, gait, own, side, sign)
        _pose_arm(world, body, style, own, load, side, sign)

    rotations = np.stack([np.broadcast_to(world[name], (times, 3, 3)) for name in names], axis=1)
    return Pose(rotations, _place_bones(body, rotations))


def _between(body: Body, start: str, end: str) -> Floats:
    names = template().names
    result: Floats = body.heads[names.index(end)] - body.heads[names.index(start)]
    return result


def _pose_leg(world: dict[str, Floats], body: Body, gait: Gait, phase: Floats, side: str, sign: float) -> None:
    """The mesh stands with spread legs; each bone is first turned straight down, then to its angle."""
    style, rad = gait.style, np.pi / 180
    larger = 1 + sign * style.leg_asymmetry
    hip, knee, ankle = (joint_angle(gait, joint, phase) for joint in ("hip", "knee", "ankle"))
    pelvis_turn = style.pelvis_turn_deg * np.cos(2 * np.pi * phase) * sign
    out = rotation("z", (sign * style.toe_out_deg * 0.5 - 0.3 * pelvis_turn) * rad)
    thigh = out @ rotation("x", np.full(len(phase), -sign * style.adduction_deg * rad))
    thigh = thigh @ rotation("y", -hip * larger * rad)
    shin = thigh @ rotation("y", knee * larger * rad)
    foot = shin @ rotation("z", np.full(len(phase), sign * style.toe_out_deg * 0.5 * rad))
    foot = foot @ rotation("y", -ankle * rad)
    toes = foot @ rotation("y", -np.maximum(0.0, -ankle - 2) * 1.3 * rad)
    toe_line = _between(body, f"foot.{side}", f"toes.{side}") * (1, 1, 0)
    straight = turning(toe_line, np.array([1.0, 0.0, 0.0]))
    world[f"thigh.{side}"] = thigh @ turning(_between(body, f"thigh.{side}", f"shin.{side}"), _DOWN)
    world[f"shin.{side}"] = shin @ turning(_between(body, f"shin.{side}", f"foot.{side}"), _DOWN)
    world[f"foot.{side}"] = foot @ straight
    world[f"toes.{side}"] = toes @ straight


def _pose_arm(
    world: dict[str, Floats], body: Body, style: GaitStyle, phase: Floats, load: Load, side: str, sign: float
) -> None:
    """An arm swings against the leg of its own side: furthest back at that side's heel strike."""
    rad, index = np.pi / 180, 0 if side == "L" else 1
    swing = style.arm_swing_deg * (1 + sign * style.arm_asymmetry) * load.swing[index]
    forward = -np.cos(2 * np.pi * (phase - style.arm_lag))
    flexion = style.arm_offset_deg + load.flexion_deg[index] + swing * forward
    fixed = load.elbow_deg[index]
    bent = style.elbow_deg + style.elbow_swing_deg * load.swing[index] * (forward + 0.35)
    elbow = np.maximum(bent, 2.0) if fixed is None else np.full(len(phase), fixed)
    away = sign * (style.arm_out_deg + load.out_deg[index])
    trunk = world["shoulders"]
    world[f"clavicle.{side}"] = trunk @ rotation("x", np.full(len(phase), sign * style.shrug_deg * rad))
    upper = trunk @ rotation("y", np.full(len(phase), -style.stoop_deg * 0.8 * rad))
    upper = upper @ rotation("x", np.full(len(phase), away * rad)) @ rotation("y", -flexion * rad)
    inward = rotation("z", np.full(len(phase), -sign * 20 * rad))
    fore = upper @ inward @ rotation("y", -elbow * rad) @ np.linalg.inv(inward)
    fore_down = turning(_between(body, f"forearm.{side}", f"hand.{side}"), _DOWN)
    world[f"upperarm.{side}"] = upper @ turning(_between(body, f"upperarm.{side}", f"forearm.{side}"), _DOWN)
    world[f"forearm.{side}"] = world[f"hand.{side}"] = fore @ fore_down


def _place_bones(body: Body, rotations: Floats) -> Floats:
    """Follow the skeleton from the pelvis, which stays at the origin."""
    parents = template().parent
    places = np.zeros(rotations.shape[:3])
    for bone, parent in enumerate(parents):
        if parent >= 0:
            reach = body.heads[bone] - body.heads[parent]
            places[:, bone] = places[:, parent] + rotations[:, parent] @ reach
    return places

"""Rendered people of `recipes/real/walkers.yaml` lie where silhouettes of real people lie; numbers only, no real data.

Real silhouettes are those of 12 people of the KTH recordings (Schuldt et al., ICPR 2004), seen from the side, aligned
to 64 x 64. They come from a segmenter, which changes widths; `SEGMENTER` is its effect on rendered people (a segmented
picture minus the clean mask), so clean rendered silhouettes are compared with KTH minus that. Docs: docs/walkers.md.
"""

from pathlib import Path

import numpy as np
import pytest
import yaml

from walkprint.data.walkers import Variety, Walkers
from walkprint.data.walkers.gait import draw_curves, draw_gait, draw_stride, draw_take, joint_angle

RECIPE = yaml.safe_load((Path(__file__).resolve().parents[3] / "recipes/real/walkers.yaml").read_text())["variety"]
BANDS = {"neck": slice(7, 11), "shoulders": slice(14, 22), "legs": slice(40, 57)}
# KTH indoor and outdoor (two directions): mean width at these rows, and the 90th percentile of the legs' spread.
ROWS = (8, 12, 18, 26, 32, 40, 48, 61)
LOW = np.array([8.4, 9.1, 11.1, 12.5, 12.9, 10.7, 10.7, 10.8])
HIGH = np.array([8.9, 9.8, 12.0, 13.4, 13.5, 12.2, 11.8, 11.8])
SEGMENTER = np.array([2.5, 2.4, 1.8, 1.7, 1.3, 1.8, 1.4, -0.1])
SPREAD, SEGMENTER_SPREAD = (29.3, 35.4), -2.4
# KTH outdoor, standard deviation over people of their mean width, by direction; row bands as above.
BETWEEN = {"neck": (1.35, 1.76), "shoulders": (1.34, 1.47), "legs": (0.77, 1.61)}
# KTH clothes minus outdoor of one person, rows 40 to 56: root mean square in px, and mean.
CLOTHES_RMS, CLOTHES_MEAN = 2.1, 0.5


def spread_of_legs(masks: np.ndarray) -> float:
    """90th percentile over frames of the largest extent, in px, of a row below the hip; masks bool (time, 64, 64)."""
    column = np.arange(masks.shape[2])
    legs = masks[:, 40:]
    extent = np.where(legs, column, -1).max(2) - np.where(legs, column, 64).min(2) + 1
    return float(np.percentile(extent.max(1), 90))


def silhouettes(people: int, variety: Variety, frames: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Condition -> mean widths (person, take, row) and spreads of the legs (person, take), from the side."""
    walkers = Walkers(
        subjects=people, train=people, seed=8, views=("090",), takes={"nm": 1, "cl": 2}, frames=frames, variety=variety
    )
    found: dict[str, tuple[list, list]] = {"nm": ([], []), "cl": ([], [])}
    for key in walkers.catalogue():
        masks = walkers.read(key).frames[:, 0] >= 128
        found[key.condition][0].append(masks.sum(2).mean(0))
        found[key.condition][1].append(spread_of_legs(masks))
    return {one: (np.reshape(a, (people, -1, 64)), np.reshape(b, (people, -1))) for one, (a, b) in found.items()}


def statistics(people: int, variety: Variety, frames: int = 20) -> dict[str, np.ndarray]:
    """What is compared, in px."""
    found = silhouettes(people, variety, frames)
    usual, spread = found["nm"]
    mean = usual.mean(1)
    changed = (found["cl"][0] - mean[:, None])[..., BANDS["legs"]]
    return {
        "widths": mean.mean(0)[list(ROWS)],
        "spread": spread.mean(),
        "clothes_rms": np.sqrt((changed**2).mean()),
        "clothes_mean": changed.mean(),
        **{name: mean[:, rows].mean(1).std(ddof=1) for name, rows in BANDS.items()},
    }


@pytest.fixture(scope="module")
def rendered() -> dict[str, np.ndarray]:
    return statistics(14, Variety(**{**RECIPE, "noise": 0.0}))


def test_mean_widths_and_the_spread_of_legs_are_those_of_real_people(rendered):
    """Twelve people's means are known to half a pixel, and so are these: one pixel is allowed."""
    assert (rendered["widths"] >= LOW - SEGMENTER - 1).all()
    assert (rendered["widths"] <= HIGH - SEGMENTER + 1).all()
    assert SPREAD[0] - SEGMENTER_SPREAD <= rendered["spread"] <= SPREAD[1] - SEGMENTER_SPREAD


@pytest.mark.parametrize("band", BANDS)
def test_people_differ_as_real_people_do(rendered, band):
    """Within a quarter, as far as a standard deviation of 12 to 14 people is known; segmented necks differ more."""
    low, high = BETWEEN[band]
    assert (0.6 if band == "neck" else 0.75) * low <= rendered[band] <= 1.25 * high


def test_clothes_change_the_legs_no_more_than_real_clothes_do(rendered):
    assert 0.5 * CLOTHES_RMS <= rendered["clothes_rms"] <= 1.25 * CLOTHES_RMS
    assert abs(rendered["clothes_mean"] - CLOTHES_MEAN) <= 1


def _ratios(variety: Variety, people: int = 60, takes: int = 3) -> dict[str, float]:
    """Variance between people over variance within one, of joint curves: their mean, their size, and their shape."""
    rng, phase, curves = np.random.default_rng(0), np.arange(25) / 25, []
    for _ in range(people):
        usual = draw_gait(rng, variety.gait)
        for _ in range(takes):
            gait = draw_stride(draw_take(usual, rng, variety.take), rng, variety.stride)  # 0 is none
            gait = draw_curves(gait, rng, variety.curves)
            curves.append([joint_angle(gait, joint, phase) for joint in ("hip", "knee", "ankle")])
    all_curves = np.reshape(curves, (people, takes, 3, len(phase)))
    mean = all_curves.mean(-1, keepdims=True)
    size = (all_curves - mean).std(-1, keepdims=True)
    found = {}
    for name, values in (("mean", mean), ("size", size), ("shape", (all_curves - mean) / size)):
        within = values.var(1, ddof=1).mean((0, 2))
        between = values.mean(1).var(0, ddof=1).mean(1) - within / takes
        found[name] = float((between / within).mean())
    return found


def test_joint_curves_differ_between_people_and_between_takes():
    """In shape 2 to 4 times as much between people as between days of one person; without `curves` 45 times."""
    assert 2 <= _ratios(Variety(**RECIPE))["shape"] <= 4
    assert _ratios(Variety())["shape"] > 20

"""Walkers in color, and those who come towards the camera."""

from itertools import pairwise

import numpy as np
import pytest

from walkprint.core.errors import DataError
from walkprint.core.sequence import SequenceKey
from walkprint.data.fvg import FRONTAL
from walkprint.data.prepare import prepare
from walkprint.data.walkers import ColorWalkers, FrontalWalkers, Variety, Walkers

PERFECT = Variety(noise=0)


def test_a_colored_frame_shows_the_silhouette():
    settings = {"subjects": 2, "frames": 6, "variety": PERFECT}
    key = SequenceKey("001", "nm", "01", "090")
    gray, color = Walkers(**settings).read(key).frames, ColorWalkers(**settings).read(key).frames
    assert color.shape == (6, 3, 64, 64)
    seen = color.max(axis=1) > 8
    person = gray[:, 0] >= 128
    overlap = (seen & person).sum() / (seen | person).sum()
    assert overlap > 0.8
    assert len(np.unique(color[0].reshape(3, -1), axis=1).T) > 50


def test_colors_belong_to_the_clothes():
    people = ColorWalkers(subjects=2, frames=3, variety=PERFECT)

    def mean(condition, take):
        frames = people.read(SequenceKey("002", condition, take, "090")).frames[:, :, 16:32].astype(float)
        return frames.transpose(1, 0, 2, 3)[:, frames.max(axis=1) > 8].mean(axis=1)

    same = np.abs(mean("nm", "01") - mean("nm", "02")).max()
    assert np.abs(mean("nm", "01") - mean("cl", "01")).max() > 2 * same


def test_mask_noise_leaves_every_frame_in_its_place():
    people = ColorWalkers(subjects=2, frames=12, variety=Variety(noise=3))
    assert len(people.read(SequenceKey("001", "nm", "01", "090"))) == 12


@pytest.fixture(scope="module")
def frontal():
    return FrontalWalkers(subjects=4, train=2, frames=20, variety=PERFECT)


def test_everybody_has_the_twelve_videos_of_a_session(frontal):
    keys = frontal.catalogue()
    assert len(keys) == 48
    assert {key.take[0] for key in keys if key.subject == "001"} == {"1"}
    assert {key.take[0] for key in keys if key.subject == "002"} == {"2"}
    tested = [key for key in keys if key.subject in frontal.subjects("test")]
    assert len(FRONTAL.gallery.among(tested)) == 2
    assert all(selection.among(tested) for selection in FRONTAL.probes.values())


def test_walkers_come_nearer_from_thirty_to_five_meters():
    people = FrontalWalkers(subjects=2, frames=40)
    scene = people._scene("001", "nm", "102")
    starts = [people._distances_m(scene, np.random.default_rng(seed)) for seed in range(50)]
    for distances in starts:
        assert all(b < a for a, b in pairwise(distances))
        assert 30 >= distances[0] > distances[-1] >= 5
        assert 1 < distances[0] - distances[-1] < 4
    assert max(one[0] for one in starts) > 27
    assert min(one[-1] for one in starts) < 8
    whole = FrontalWalkers(subjects=2, frames=700)._distances_m(scene, np.random.default_rng(0))
    assert (whole[0], whole[-1]) == (30, 5)


def test_speeds_differ_and_clothes_change(frontal):
    steps = {take: np.diff(frontal._scene("001", "ws", take).path_m).max() for take in ("104", "107")}
    usual = np.diff(frontal._scene("001", "nm", "102").path_m).max()
    assert min(steps.values()) < 0.9 * usual < 1.1 * usual < max(steps.values())
    shown = {c: frontal._scene("002", c, take).colors for c, take in (("nm", "202"), ("cl", "208"), ("cbg", "211"))}
    assert np.array_equal(shown["nm"], shown["cbg"])
    assert not np.array_equal(shown["nm"], shown["cl"])


def test_far_people_are_coarser():
    from walkprint.data.walkers.frontal import _camera

    assert _camera(0, 30).person_px < _camera(0, 20).person_px < _camera(0, 5).person_px


def test_a_store_says_who_is_in_it(tmp_path, frontal):
    few = FrontalWalkers(subjects=2, train=1, frames=2, variety=PERFECT)
    again = prepare(few, tmp_path / "s", workers=1)
    key = few.catalogue()[3]
    assert np.array_equal(again.store().read(key).frames, few.read(key).frames)
    assert few.read(key).frames.shape == (2, 3, 64, 64)
    assert again.keys("all") == list(few.catalogue())
    assert (again.benchmark, again.subjects("train"), again.settings["frames"]) == ("FrontalWalkers", ["001"], 2)
    with pytest.raises(DataError, match="no video"):
        frontal.read(SequenceKey("001", "cl", "107", "000"))

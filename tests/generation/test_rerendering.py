"""Re-rendering: without a change of clothes it gives the very frames; only bodies that are known are rendered."""

from dataclasses import replace

import numpy as np
import pytest

from walkprint.core.errors import DataError
from walkprint.core.sequence import SequenceKey
from walkprint.data.packed import Packed
from walkprint.data.prepare import prepare
from walkprint.data.walkers import Variety, Walkers
from walkprint.data.walkers import people as walkers_people
from walkprint.generation import rerendering
from walkprint.generation.expand import expand
from walkprint.generation.rerendering import Rerendering

PERFECT = Variety(noise=0.0)
SOURCE, WANTED = SequenceKey("001", "nm", "01", "090"), SequenceKey("001", "cl", "01", "090")


def people(frames=6, takes=1, **settings):
    return Walkers(subjects=2, train=1, seed=4, views=("090",), takes={"nm": takes}, frames=frames, **settings)


def without_one(frames, among):
    """Positions of all of `among` but the one without which they are most similar to `frames`."""
    ways = [[t for t in range(len(among)) if t != lost] for lost in range(len(among))]
    return min(ways, key=lambda way: np.abs(among[way].astype(int) - frames).sum())


def test_in_the_same_clothes_it_is_the_same_take(monkeypatch):
    """The twin is the reader of the data set: same body, steps, camera and errors of the segmenter."""
    for variety in (PERFECT, Variety()):
        read = people(variety=variety).read(SOURCE)
        take = walkers_people.walk(4, SOURCE, walkers_people.person(4, "001", variety), variety)
        monkeypatch.setattr(rerendering, "wear", lambda *_, worn=take.outfit: worn)
        made, dropped = Rerendering(seed=4, variety=variety).make(read, SOURCE, np.random.default_rng(0))
        np.testing.assert_array_equal(made, read.frames)
        assert not dropped


def test_a_coat_lies_around_the_body():
    read = people(variety=PERFECT).read(SOURCE)
    made, _ = Rerendering(seed=4, variety=PERFECT).make(read, WANTED, np.random.default_rng(0))
    assert made.shape == read.frames.shape
    assert (made > 127).sum() > 1.05 * (read.frames > 127).sum()
    assert np.minimum(made, read.frames).sum() > 0.9 * read.frames.sum()
    legs = slice(58, 64)  # feet are where they were
    assert np.abs(made[:, :, legs].astype(int) - read.frames[:, :, legs]).mean() < 20


def test_behind_a_lost_frame_steps_are_those_of_the_source():
    """The twin tries each frame that a perfect segmenter sees of the whole walk as the lost one."""
    walkers, world = people(20, takes=8), Rerendering(seed=4)
    read = next(clip for key in walkers.catalogue() if len(clip := walkers.read(key)) == 19)
    usual, dressed = world.perfect(read.key, 20, 64)
    perfect = people(20, takes=8, variety=PERFECT).read(read.key).frames
    np.testing.assert_array_equal(usual, perfect)
    assert without_one(read.frames, usual) == world.steps(read, 20).tolist() != list(range(19))
    world._rendered = 20
    made, dropped = world.make(read, replace(WANTED, subject=read.key.subject), np.random.default_rng(0))
    assert not dropped
    assert without_one(made, dressed) == world.steps(read, 20).tolist()


def test_what_its_errors_do_not_explain_is_not_rendered():
    read = people().read(SOURCE)
    short = replace(read, frames=read.frames[:-1])
    world = Rerendering(seed=4)
    world._rendered = 6
    made, dropped = world.make(short, WANTED, np.random.default_rng(0))
    assert len(made) == 0
    assert dropped == {"steps of the source are not known": 5}


def test_another_coat_in_every_take_if_asked():
    read = people(variety=PERFECT).read(SOURCE)
    areas = {own: [(Rerendering(seed=4, variety=PERFECT, own_coat=own).make(read, WANTED, np.random.default_rng(i))[0]
                    > 127).mean() for i in range(6)] for own in (True, False)}  # fmt: skip
    assert np.std(areas[False]) > 2 * np.std(areas[True])


def test_only_people_of_its_own_world(tmp_path):
    store = Packed(prepare(people(), tmp_path / "store", workers=1).root)
    expand(store, Rerendering(seed=4), wanted={"cl": 1}, out=tmp_path / "filled")
    for other in (Rerendering(seed=5), Rerendering(seed=4, variety=replace(PERFECT))):
        with pytest.raises(DataError, match=r"expected rendered walkers of seed"):
            expand(store, other, wanted={"cl": 1}, out=tmp_path / "other")

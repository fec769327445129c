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


def people(**settings):
    return Walkers(subjects=2, train=1, seed=4, views=("090",), takes={"nm": 1}, frames=6, **settings)


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

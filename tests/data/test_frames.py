import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oracles.sampling import snippets_slowly

from walkprint.core.errors import RecipeError
from walkprint.data.frames import AllFrames, Contiguous, EvenlySpaced, OrderedWindow, RandomSubset, Snippets

CHOOSERS = [
    Contiguous(30), RandomSubset(30), EvenlySpaced(30), OrderedWindow(30, 40), OrderedWindow(1, 1), AllFrames(),
    Snippets(30, 3, 12), Snippets(4, 4, 1),
]  # fmt: skip


@pytest.mark.parametrize("chooser", CHOOSERS, ids=repr)
@settings(deadline=None)
@given(length=st.integers(1, 200), seed=st.integers(0, 2**32))
def test_every_choice_lies_in_the_sequence(chooser, length, seed):
    positions = chooser.positions(length, np.random.default_rng(seed))
    assert positions.dtype == np.int64
    assert positions.min() >= 0
    assert positions.max() < length
    assert len(positions) == getattr(chooser, "count", length)
    again = chooser.positions(length, np.random.default_rng(seed))
    np.testing.assert_array_equal(positions, again)
    if chooser.ordered and length >= 40:
        assert (np.diff(positions) > 0).all() or isinstance(chooser, EvenlySpaced)
        assert (np.diff(positions) >= 0).all()


def many(chooser, length):
    rng = np.random.default_rng(0)
    return np.stack([chooser.positions(length, rng) for _ in range(2000)])


def test_contiguous_runs_start_anywhere():
    runs = many(Contiguous(5), 9)
    assert (np.diff(runs, axis=1) == 1).all()
    np.testing.assert_allclose(np.bincount(runs[:, 0]) / 2000, 0.2, atol=0.04)
    assert not Contiguous(5).positions(5, np.random.default_rng(0))[0]


def test_short_sequences_are_looped_in_order():
    rng = np.random.default_rng(0)
    assert Contiguous(7).positions(3, rng).tolist() == [0, 1, 2, 0, 1, 2, 0]
    assert (np.diff(OrderedWindow(9, 9).positions(4, rng)) % 4 == 1).all()


def test_random_subset_repeats_only_when_it_must():
    assert all(len(set(row)) == 5 for row in many(RandomSubset(5), 6).tolist())
    np.testing.assert_allclose(np.bincount(many(RandomSubset(5), 6).ravel()) / 10_000, 1 / 6, atol=0.01)
    assert set(many(RandomSubset(5), 3).ravel().tolist()) == {0, 1, 2}


def test_window_bounds_the_spread():
    picks = many(OrderedWindow(4, 6), 20)
    assert (picks[:, -1] - picks[:, 0]).max() == 5
    assert (np.diff(picks, axis=1) > 0).all()
    assert (picks.min(), picks.max()) == (0, 19)


@given(
    length=st.integers(1, 90), each=st.integers(1, 6), snippets=st.integers(1, 5), more=st.integers(0, 5),
    seed=st.integers(0, 2**32),
)  # fmt: skip
@settings(deadline=None)
def test_snippets_are_what_the_slow_twin_chooses(length, each, snippets, more, seed):
    window = each + more
    chosen = Snippets(each * snippets, snippets, window).positions(length, np.random.default_rng(seed))
    assert chosen.tolist() == snippets_slowly(length, each, snippets, window, np.random.default_rng(seed))


def test_snippets_come_from_short_windows_all_over_the_sequence():
    picks = many(Snippets(6, 2, 5), 23).reshape(-1, 2, 3)
    assert (picks[..., -1] - picks[..., 0]).max() == 4  # within a window
    assert (picks[:, 1, 0] > picks[:, 0, -1]).all()  # in order, none twice
    assert (picks.min(), picks.max()) == (0, 22)
    shares = np.bincount(picks.ravel(), minlength=23)[3:20] / picks.size
    np.testing.assert_allclose(shares, 1 / 20, atol=0.01)  # but for the ends


def test_even_spacing_touches_both_ends():
    rng = np.random.default_rng(0)
    assert EvenlySpaced(4).positions(10, rng).tolist() == [0, 3, 6, 9]
    assert EvenlySpaced(1).positions(10, rng).tolist() == [0]
    assert EvenlySpaced(3).positions(1, rng).tolist() == [0, 0, 0]


@pytest.mark.parametrize("make", [lambda: Contiguous(0), lambda: RandomSubset(-1), lambda: OrderedWindow(5, 4)])
def test_counts_out_of_range(make):
    with pytest.raises(RecipeError, match="expected at least"):
        make()


@pytest.mark.parametrize("sizes", [(7, 2, 9), (8, 2, 3)])
def test_snippets_that_do_not_fit(sizes):
    with pytest.raises(RecipeError, match="expected as many frames of each"):
        Snippets(*sizes)


def test_only_sets_lose_their_order():
    assert [type(chooser).__name__ for chooser in CHOOSERS if not chooser.ordered] == ["RandomSubset"]

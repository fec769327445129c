import numpy as np
import pytest

from walkprint.evaluation.averaging import draw_weights, estimate, to_figures
from walkprint.evaluation.ranking import Ranks


def ranks_of(first):
    ranks = Ranks.empty(*np.shape(first))
    ranks.first[:] = first
    return ranks


def slow_mean(first, views, subjects, weights):
    """Mean over views of the mean over cells, of probes repeated as often as their subject is drawn."""
    rows = np.repeat(np.arange(len(views)), [int(weights[s]) for s in subjects])
    by_view = []
    for view in sorted({views[i] for i in rows}):
        cells = []
        for cell in range(first.shape[1]):
            hits = [first[i, cell] == 0 for i in rows if views[i] == view and first[i, cell] >= 0]
            if hits:
                cells.append(np.mean(hits))
        if cells:
            by_view.append(np.mean(cells))
    return np.mean(by_view) if by_view else np.nan


def test_resampled_means_equal_repeating_the_probes():
    rng = np.random.default_rng(0)
    first = rng.integers(-2, 3, (40, 3)).astype(np.int32)
    views, subjects = rng.choice(["a", "b"], 40).tolist(), rng.integers(0, 6, 40)
    weights = draw_weights(6, 25, seed=3)
    found = estimate(ranks_of(first), views, subjects, weights, at=(1,), unmatched_is_miss=False)
    assert found.points[-2, 0] == pytest.approx(slow_mean(first, views, subjects, np.ones(6)))
    for draw, row in enumerate(weights):
        assert found.draws[-2, draw, 0] == pytest.approx(slow_mean(first, views, subjects, row))


def test_every_probe_weighs_the_same_when_pooled():
    first = np.array([[0], [0], [0], [1]], np.int32)
    found = estimate(
        ranks_of(first), ["a", "a", "a", "b"], np.zeros(4, np.int64), np.zeros((0, 1)), at=(1,), unmatched_is_miss=False
    )
    assert found.points[:, 0].tolist() == [1, 0, 0.5, 0.75]


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    rng = np.random.default_rng(0)
    covered = 0
    for trial in range(200):
        skill = rng.beta(6, 4, 40)
        first = (rng.random((40, 10)) > skill[:, None]).astype(np.int32).reshape(400, 1)
        subjects = np.repeat(np.arange(40), 10)
        found = estimate(
            ranks_of(first), ["v"] * 400, subjects, draw_weights(40, 300, trial), at=(1,), unmatched_is_miss=False
        )
        figure = to_figures(["rank-1"], found.points[-1, :1], found.draws[-1, :, :1])["rank-1"]
        covered += figure.low <= 0.6 <= figure.high
    assert 0.89 <= covered / 200 <= 0.99


def test_draws_are_seeded_and_need_two_subjects():
    np.testing.assert_array_equal(draw_weights(5, 7, 1), draw_weights(5, 7, 1))
    assert (draw_weights(5, 7, 1) != draw_weights(5, 7, 2)).any()
    assert (draw_weights(5, 7, 1).sum(axis=1) == 5).all()
    assert draw_weights(1, 7, 1).shape == (0, 1)
    figure = to_figures(["x"], np.array([0.5]), np.zeros((0, 1)))["x"]
    assert (figure.value, figure.low, figure.high) == (0.5, None, None)

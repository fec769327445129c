import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oracles.sampling import faults_of_batch

from walkprint.core.errors import RecipeError
from walkprint.data.sampling import SubjectSampler, step_generator


@settings(deadline=None)
@given(
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=8),
    subjects=st.integers(1, 8),
    clips=st.integers(1, 9),
    step=st.integers(0, 10**9),
    seed=st.integers(0, 10**9),
)
def test_batches_of_uneven_sets(sizes, subjects, clips, step, seed):
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))
    sampler = SubjectSampler(subjects, clips)
    if subjects > len(sizes):
        with pytest.raises(RecipeError, match=f"set subjects_per_batch to {len(sizes)} or less"):
            sampler.draw(step, labels, seed)
        return
    picks = sampler.draw(step, labels, seed)
    assert faults_of_batch(picks.tolist(), labels.tolist(), subjects, clips) == []
    np.testing.assert_array_equal(picks, SubjectSampler(subjects, clips).draw(step, labels.copy(), seed))
    assert len(sampler) == len(picks)


def test_every_subject_and_clip_has_its_turn():
    labels = np.array([0] * 2 + [1] * 20 + [2] * 5)
    sampler = SubjectSampler(2, 2)
    picks = np.concatenate([sampler.draw(step, labels, 0) for step in range(3000)])
    np.testing.assert_allclose(np.bincount(labels[picks]) / len(picks), 1 / 3, atol=0.02)
    of_second = np.bincount(picks)[2:22]
    np.testing.assert_allclose(of_second / of_second.sum(), 1 / 20, atol=0.01)


def test_steps_seeds_and_streams_differ():
    labels = np.repeat(np.arange(50), 4)
    sampler = SubjectSampler(8, 4)
    batches = {tuple(sampler.draw(step, labels, seed)) for step in range(5) for seed in range(5)}
    assert len(batches) == 25
    numbers = {step_generator(a, b, c).random() for a in range(4) for b in range(4) for c in range(4)}
    assert len(numbers) == 64


def test_new_labels_are_noticed():
    sampler = SubjectSampler(1, 3)
    assert set(sampler.draw(0, np.array([0, 0, 0]), 0)) == {0, 1, 2}
    assert sampler.draw(0, np.array([0]), 0).tolist() == [0, 0, 0]


@pytest.mark.parametrize("sizes", [(0, 4), (4, 0)])
def test_counts_out_of_range(sizes):
    with pytest.raises(RecipeError, match="expected at least 1 each"):
        SubjectSampler(*sizes)


def test_nobody_to_draw_from():
    with pytest.raises(RecipeError, match="has 0 subjects"):
        SubjectSampler(1, 1).draw(0, np.array([], dtype=np.int64), 0)

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oracles.sampling import faults_of_batch

from walkprint.core.errors import RecipeError
from walkprint.core.sequence import SequenceKey
from walkprint.data.sampling import EvenConditions, SubjectSampler, step_generator, step_generators


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
    with pytest.raises(RecipeError, match=r"SubjectSampler: .* is 0, expected at least 1"):
        SubjectSampler(*sizes)


def test_nobody_to_draw_from():
    with pytest.raises(RecipeError, match="has 0 subjects"):
        SubjectSampler(1, 1).draw(0, np.array([], dtype=np.int64), 0)


def _keys(conditions_of):
    """Sequences of subjects "0", "1", ...; each given as a text with one letter per sequence's condition."""
    return [
        SequenceKey(str(subject), letter, str(take), "090")
        for subject, letters in enumerate(conditions_of)
        for take, letter in enumerate(letters)
    ]


@settings(deadline=None)
@given(
    people=st.lists(st.text("abc", min_size=1, max_size=9), min_size=1, max_size=6),
    clips=st.integers(1, 9),
    step=st.integers(0, 10**9),
    seed=st.integers(0, 10**9),
)
def test_conditions_come_alike(people, clips, step, seed):
    keys = _keys(people)
    labels = np.array([int(key.subject) for key in keys])
    sampler = EvenConditions(len(people), clips).for_keys(keys)
    picks = sampler.draw(step, labels, seed).reshape(len(people), clips)
    np.testing.assert_array_equal(
        picks, EvenConditions(len(people), clips).for_keys(keys).draw(step, labels, seed).reshape(picks.shape)
    )
    assert sorted(labels[picks[:, 0]]) == list(range(len(people)))
    for row in picks.tolist():
        who = labels[row[0]]
        assert (labels[row] == who).all()
        drawn = Counter(keys[i].condition for i in row)
        available = Counter(people[who])
        shares = [drawn[one] for one in available]
        assert max(shares) - min(shares) <= 1
        for condition, count in available.items():
            of_it = Counter(i for i in row if keys[i].condition == condition)
            assert max(of_it.values(), default=0) <= -(-drawn[condition] // count)


def test_a_rare_condition_is_drawn_as_often_as_a_usual_one():
    keys = _keys(["aaaaaabb", "aaaaaabb", "aaaaaa"])
    labels = np.array([int(key.subject) for key in keys])
    draws = {}
    for name, sampler in {
        "even": EvenConditions(2, 3).for_keys(keys),
        "usual": SubjectSampler(2, 3).for_keys(keys),
    }.items():
        picks = np.concatenate([sampler.draw(step, labels, 0) for step in range(2000)])
        of_first = picks[labels[picks] == 0]
        draws[name] = np.mean([keys[i].condition == "b" for i in of_first])
    assert draws["even"] == pytest.approx(1 / 2, abs=0.03)
    assert draws["usual"] == pytest.approx(1 / 4, abs=0.03)


def test_conditions_must_be_known():
    with pytest.raises(RecipeError, match="for_keys"):
        EvenConditions(1, 1).draw(0, np.array([0]), 0)


def test_streams_in_turn_draw_what_each_draws_alone() -> None:
    def drawn(rng: np.random.Generator) -> list[list[float]]:
        few = [rng.random(), rng.integers(7, dtype=np.uint32), rng.uniform(-1, 1)]  # 32 bits leave half a number behind
        return [few, rng.permutation(61).tolist(), rng.integers(60, size=5).tolist()]

    streams = (1, 2, 5, 2**40)
    assert [drawn(rng) for rng in step_generators(3, 9, streams)] == [drawn(step_generator(3, 9, s)) for s in streams]

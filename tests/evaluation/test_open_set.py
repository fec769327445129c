import numpy as np
import pytest
from tests.oracles.evaluation import CASIA, part_distance, toy_keys, toy_set

from walkprint.core.embedding import EmbeddingSet
from walkprint.core.errors import ProtocolError
from walkprint.evaluation.open_set import identify_open_set
from walkprint.evaluation.scoring import Scoring


def slow_rate(embeddings, absent, name, rate):
    nearest = []
    for i, key in enumerate(embeddings.keys):
        if key in CASIA.probes[name]:
            pool = [
                (part_distance(embeddings.vectors[i], embeddings.vectors[j]), item.subject)
                for j, item in enumerate(embeddings.keys)
                if item in CASIA.gallery and item.subject not in absent and item.view != key.view
            ]
            nearest.append((key.subject, *min(pool)))
    strangers = sorted(distance for subject, distance, _ in nearest if subject in absent)
    allowed = int(np.floor(rate * len(strangers) + 1e-9))
    limit = strangers[allowed] if allowed < len(strangers) else np.inf
    known = [(distance, subject == found) for subject, distance, found in nearest if subject not in absent]
    return np.mean([right and distance < limit for distance, right in known])


def test_equals_the_textbook():
    embeddings = toy_set(subjects=6, noise=0.9)
    rates = (0.05, 0.3)
    report = identify_open_set(
        embeddings, CASIA, draws=3, false_accept_rates=rates, scoring=Scoring(resamples=0, seed=5)
    )
    subjects = sorted({key.subject for key in embeddings.keys})
    rng = np.random.default_rng(5)
    draws = [{subjects[i] for i in rng.permutation(6)[:3]} for _ in range(3)]
    for name in CASIA.probes:
        for rate in rates:
            expected = np.mean([slow_rate(embeddings, absent, name, rate) for absent in draws])
            assert report.figure(name, f"DIR@FAR={100 * rate:g}%", "pooled").value == pytest.approx(expected)


def test_perfect_and_collapsed():
    keys = toy_keys()
    identity = np.eye(5, dtype=np.float32)[[int(key.subject) for key in keys]][:, None]
    perfect = identify_open_set(EmbeddingSet(identity, keys), CASIA, scoring=Scoring(resamples=10))
    assert all(figure.value == 1 for row in perfect.rows for figure in row.figures.values())
    collapsed = identify_open_set(EmbeddingSet(np.ones_like(identity), keys), CASIA, scoring=Scoring(resamples=10))
    assert all(figure.value == 0 for row in collapsed.rows for figure in row.figures.values())


def test_seeded_with_intervals_and_a_warning_about_few_strangers():
    first, second = (identify_open_set(toy_set(), CASIA, scoring=Scoring(resamples=50, seed=1)) for _ in range(2))
    assert first.to_json() == second.to_json()
    figure = first.figure("NM", "DIR@FAR=10%", "pooled")
    assert 0 <= figure.low <= figure.high <= 1
    assert "A FAR of 1 % rests on few probes of strangers (NM 0.1, CL 0.1); do not read it closely." in first.notes
    assert first.notes[-1] == "2 of 5 subjects taken out of the gallery, 20 times over."


@pytest.mark.parametrize("settings", [{"strangers": 0}, {"strangers": 1.0}, {"draws": 0}, {"false_accept_rates": (0,)}])
def test_settings_out_of_range(settings):
    with pytest.raises(ProtocolError, match="expected"):
        identify_open_set(toy_set(), CASIA, **settings)


def test_needs_two_people():
    with pytest.raises(ProtocolError, match="two enrolled probe subjects, found 1"):
        identify_open_set(toy_set(subjects=1), CASIA)

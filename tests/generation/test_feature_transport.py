"""Feature transport: equal to a plain loop; the same by seed; what a coat adds to everybody is found again."""

import numpy as np
import pytest

from walkprint.core.embedding import EmbeddingSet
from walkprint.core.errors import DataError
from walkprint.core.sequence import SequenceKey
from walkprint.generation.feature_transport import FeatureTransport

VIEWS = ("000", "090")


def people(wearers=(0, 3), subjects=5, seed=0):
    """Two normal takes of everybody; one or two in a coat of some, the last wearer from one view only."""
    keys = [SequenceKey(str(s), "nm", take, view) for s in range(subjects) for take in ("01", "02") for view in VIEWS]
    for number, s in enumerate(wearers):
        takes, views = (("01", "02"), VIEWS) if number + 1 < len(wearers) else (("01",), VIEWS[:1])
        keys += [SequenceKey(str(s), "cl", take, view) for take in takes for view in views]
    vectors = np.random.default_rng(seed).normal(size=(len(keys), 3, 4)).astype(np.float32)
    return EmbeddingSet(vectors, keys, "net")


def made_slowly(embeddings, wanted, rng):
    """Key -> vector, by loops over everything."""
    by_key = dict(zip(embeddings.keys, embeddings.vectors, strict=True))

    def some(subject, condition, view):
        return [
            by_key[key]
            for key in sorted(by_key)
            if (key.subject, key.condition, key.view) == (subject, condition, view)
        ]

    everyone = sorted({key.subject for key in by_key})
    wearers = [s for s in everyone if any(some(s, "cl", view) and some(s, "nm", view) for view in VIEWS)]
    made = {}
    for subject in everyone:
        have = len({key.take for key in by_key if (key.subject, key.condition) == (subject, "cl")})
        for number in range(have, wanted):
            wearer = wearers[int(rng.integers(len(wearers)))]
            for view in VIEWS:
                coats, normal, own = some(wearer, "cl", view), some(wearer, "nm", view), some(subject, "nm", view)
                if coats and own:
                    direction = sum(coats) / len(coats) - sum(normal) / len(normal)
                    made[SequenceKey(subject, "cl", f"made{number + 1:02d}", view)] = own[number % len(own)] + direction
    return made


@pytest.mark.parametrize("seed", range(3))
def test_equals_the_slow_twin(seed):
    embeddings = people(seed=seed)
    made = FeatureTransport.learn(embeddings).make(embeddings, 3, np.random.default_rng(seed))
    slowly = made_slowly(embeddings, 3, np.random.default_rng(seed))
    assert dict.fromkeys(made.keys) == dict.fromkeys(slowly)
    np.testing.assert_allclose(made.vectors, np.array(list(slowly.values())), rtol=1e-5, atol=1e-6)
    again = FeatureTransport.learn(embeddings).make(embeddings, 3, np.random.default_rng(seed))
    np.testing.assert_array_equal(again.vectors, made.vectors)
    assert made.source == "net"


def test_what_a_coat_adds_to_everybody_is_found_again():
    keys = [SequenceKey(s, c, "01", view) for s in "abc" for c in ("nm", "cl") for view in VIEWS]
    rng = np.random.default_rng(0)
    body = {key.subject: rng.normal(size=(2, 3)) for key in keys}
    shift = {view: rng.normal(size=(2, 3)) for view in VIEWS}
    vectors = np.array([body[k.subject] + (k.condition == "cl") * shift[k.view] for k in keys], np.float32)
    truth = dict(zip(keys, vectors, strict=True))
    few = [i for i, key in enumerate(keys) if key.subject == "a" or key.condition == "nm"]
    known = EmbeddingSet(vectors[few], [keys[i] for i in few])
    made = FeatureTransport.learn(known).make(known, 1, rng)
    assert {key.subject for key in made.keys} == {"b", "c"}
    for key, vector in zip(made.keys, made.vectors, strict=True):
        np.testing.assert_allclose(vector, truth[SequenceKey(key.subject, "cl", "01", key.view)], atol=1e-5)


def test_enough_coats_and_none():
    embeddings = people()
    transport = FeatureTransport.learn(embeddings)
    assert {key.subject for key in transport.make(embeddings, 1, np.random.default_rng(0)).keys} == {"1", "2", "4"}
    assert transport.make(embeddings, 0, np.random.default_rng(0)).vectors.shape == (0, 3, 4)
    with pytest.raises(DataError, match="no person has both 'nm' and 'cl'"):
        FeatureTransport.learn(people(wearers=()))

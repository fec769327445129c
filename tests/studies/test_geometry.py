import numpy as np
import pytest
import torch
from tests.oracles.inter_class import class_uniformity
from tests.oracles.studies import alignment, separation

from walkprint.core.embedding import EmbeddingSet
from walkprint.core.errors import DataError
from walkprint.core.sequence import SequenceKey
from walkprint.studies.geometry import bin_centers, geometry

SUBJECTS = [0, 0, 0, 1, 1, 2, 2]


def embeddings(subjects=SUBJECTS) -> EmbeddingSet:
    vectors = np.random.default_rng(0).normal(size=(len(subjects), 2, 3)).astype(np.float32)
    return EmbeddingSet(vectors, [SequenceKey(f"s{one}", "nm", f"{i}", "090") for i, one in enumerate(subjects)])


def test_equals_the_slow_twins():
    some = embeddings()
    found = geometry(some)
    near, far, apart = separation(some.vectors, SUBJECTS)
    assert found["separation"] == pytest.approx(apart, rel=1e-4)
    assert found["alignment"] == pytest.approx(alignment(some.vectors, SUBJECTS), rel=1e-5)
    expected = class_uniformity(torch.from_numpy(some.vectors), torch.tensor(SUBJECTS), 2.0)
    assert found["uniformity"] == pytest.approx(expected, rel=1e-5)
    for name, mean in (("within", near / far), ("between", 1.0)):
        assert sum(found[name]) == pytest.approx(1, abs=1e-4)
        assert np.dot(found[name], bin_centers()) == pytest.approx(mean, abs=0.03)


def test_does_not_depend_on_scale():
    some = embeddings()
    scaled = EmbeddingSet(7 * some.vectors, some.keys)
    assert geometry(scaled)["separation"] == pytest.approx(geometry(some)["separation"], rel=1e-4)


@pytest.mark.parametrize("subjects", [[0, 0, 0], [0, 0, 1]])
def test_too_few_are_refused(subjects):
    with pytest.raises(DataError, match="two people, two of each"):
        geometry(embeddings(subjects))

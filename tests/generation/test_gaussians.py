import itertools

import numpy as np
import pytest
import torch
from tests.oracles import gaussians as slow

from walkprint.core.errors import DataError
from walkprint.generation.gaussians import LabelGaussians
from walkprint.generation.labels import LabelNames, Labels

NAMES = LabelNames(("a", "b"), ("cl", "nm"), ("000", "090", "180"))
EVERY = list(itertools.product(range(2), range(2), range(3)))
SEEN = [label for label in EVERY if label not in {(1, 0, 0), (1, 0, 1)} and label[1:] != (0, 2)]


def as_labels(found: list[tuple[int, int, int]]) -> Labels:
    return Labels(*torch.tensor(found).T)


@pytest.fixture
def encodings() -> tuple[torch.Tensor, list[tuple[int, int, int]]]:
    """Up to five frames of each seen label; one label has a single frame, and one condition and view has none."""
    labels = [label for i, label in enumerate(SEEN) for _ in range(1 + i % 5)]
    return torch.randn(len(labels), 4, generator=torch.Generator().manual_seed(0)) + torch.tensor(labels).sum(1)[
        :, None
    ], labels


def fitted(vectors: torch.Tensor, labels: list[tuple[int, int, int]], batch: int) -> LabelGaussians:
    model = LabelGaussians(NAMES, vectors.shape[1])
    model.fit((vectors[i : i + batch], as_labels(labels[i : i + batch])) for i in range(0, len(labels), batch))
    return model


def test_equals_the_slow_twin_for_labels_of_many_frames_of_one_and_of_none(encodings):
    vectors, labels = encodings
    model = fitted(vectors, labels, batch=3)
    exact = vectors.double().numpy()
    for label in EVERY:
        np.testing.assert_allclose(model.means[label], slow.mean(exact, labels, label), rtol=1e-5, atol=1e-6)
        root = model.spreads[label[1:]].double()
        np.testing.assert_allclose(root @ root.T, slow.covariance(exact, labels, label[1:]), rtol=1e-4, atol=1e-5)


def test_draws_have_the_mean_and_covariance_of_their_label(encodings):
    model = fitted(*encodings, batch=100)
    many = as_labels([(1, 1, 0), (0, 0, 1)] * 20000)
    drawn = model.draw(many, torch.Generator().manual_seed(0))
    for first, label in enumerate([(1, 1, 0), (0, 0, 1)]):
        root = model.spreads[label[1:]]
        torch.testing.assert_close(drawn[first::2].mean(0), model.means[label], rtol=0, atol=0.05)
        torch.testing.assert_close(drawn[first::2].T.cov(), root @ root.T, rtol=0, atol=0.1)


def test_frames_that_are_all_alike_can_be_drawn_again():
    vectors = torch.ones(3, 4)
    model = fitted(vectors, [(0, 0, 0)] * 3, batch=3)
    drawn = model.draw(as_labels([(0, 0, 0), (1, 1, 2)]), torch.Generator())
    torch.testing.assert_close(drawn, torch.ones(2, 4), rtol=0, atol=1e-3)


def test_nothing_to_fit_to_is_an_error():
    with pytest.raises(DataError, match="no frame"):
        LabelGaussians(NAMES, 4).fit([])

"""The hardest probes: those that a plain loop finds, framed as they are right or wrong; each part alone."""

import cv2
import numpy as np
import pytest
from tests.data.miniatures import write_store
from tests.oracles.evaluation import CASIA, part_distance, toy_set

from walkprint.core.embedding import EmbeddingSet
from walkprint.core.errors import DataError
from walkprint.evaluation import Scoring, identify
from walkprint.evaluation.hardest import hardest_probes, part_ranks

POINTS = Scoring(resamples=0)


@pytest.fixture
def store(tmp_path):
    return write_store(tmp_path / "store", dict.fromkeys(toy_set().keys, 3))[0]


def hardest_slowly(embeddings, probe_set):
    """(how far behind, key, right at which place, of how many), hardest first."""
    found = []
    for i, key in enumerate(embeddings.keys):
        if key not in CASIA.probes[probe_set]:
            continue
        known = [
            (part_distance(embeddings.vectors[i], embeddings.vectors[j]), other.subject == key.subject)
            for j, other in enumerate(embeddings.keys)
            if other in CASIA.gallery and other.view != key.view
        ]
        right, wrong = (min(distance for distance, same in known if same is side) for side in (True, False))
        found.append((right - wrong, key, 1 + sum(distance < right for distance, _ in known), len(known)))
    return sorted(found, key=lambda one: -one[0])


def test_the_hardest_are_those_that_a_loop_finds(store, monkeypatch):
    embeddings = toy_set(noise=2.0)
    told = []
    monkeypatch.setattr(
        "walkprint.evaluation.hardest.picture_grid", lambda pictures, captions: told.append((pictures, captions))
    )
    section = hardest_probes(embeddings, CASIA, [store], scoring=POINTS, probes=3, nearest=4)
    assert [sheet.title for sheet in section.sheets] == [f"{name}: the hardest probes" for name in CASIA.probes]
    for (pictures, captions), name in zip(told, CASIA.probes, strict=True):
        assert pictures.shape[:2] == (3, 5)
        for text, row, (_, key, rank, count) in zip(
            captions, pictures, hardest_slowly(embeddings, name)[:3], strict=False
        ):
            assert text.startswith(f"person {key.subject}")
            assert text.endswith(f"right at rank {rank} of {count}")
            assert (row[0, 0, 0] == 255).all()
            framed = [tuple(picture[0, 0]) for picture in row[1:]]
            assert [color == (46, 160, 67) for color in framed].index(True) + 1 == rank if rank <= 4 else True
            np.testing.assert_array_equal(row[0, 3:-3, 3:-3, 0], store.read(key).frames[1, 0])


def test_the_page_has_sheets_and_a_curve_over_parts(store):
    section = hardest_probes(toy_set(noise=2.0), CASIA, [store], scoring=POINTS)
    assert cv2.imdecode(np.frombuffer(section.sheets[0].png, np.uint8), cv2.IMREAD_COLOR) is not None
    assert "<svg" in section.diagrams[0].svg


def test_each_part_alone():
    embeddings = toy_set(noise=2.0)
    found = part_ranks(embeddings, CASIA, POINTS)
    for part in range(embeddings.vectors.shape[1]):
        alone = EmbeddingSet(embeddings.vectors[:, part : part + 1], embeddings.keys)
        report = identify(alone, CASIA, ranks=[1], scoring=POINTS)
        for name in CASIA.probes:
            assert found[name][part] == pytest.approx(report.figure(name).value)


def test_sequences_that_no_store_holds(tmp_path):
    embeddings = toy_set()
    store, _ = write_store(tmp_path / "few", {embeddings.keys[0]: 2})
    with pytest.raises(DataError, match="is not in the stores; give those that were embedded"):
        hardest_probes(embeddings, CASIA, [store], scoring=POINTS)

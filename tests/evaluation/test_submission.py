"""Ranked subjects: what a plain loop finds, and the forms of the competitions."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.oracles.evaluation import CASIA, toy_set

from walkprint.core.embedding import EmbeddingSet
from walkprint.core.errors import ProtocolError
from walkprint.evaluation.scoring import Scoring
from walkprint.evaluation.submission import have_answers, ranked_subjects, save_ranking

SCORING = Scoring(resamples=0)


def test_subjects_are_ranked_as_a_loop_ranks_them() -> None:
    embeddings = toy_set(noise=1.5)
    gallery = CASIA.gallery.among(embeddings.keys)
    found = list(ranked_subjects(embeddings, CASIA, scoring=SCORING, most=3))
    assert found
    for key, ranked in found:
        probe = embeddings.vectors[embeddings.keys.index(key)]
        nearest: dict[str, float] = {}
        for i in gallery:
            other = embeddings.keys[i]
            same = {name for name in CASIA.exclude if getattr(other, name) == getattr(key, name)}
            if other == key or (CASIA.exclude and same == set(CASIA.exclude)):
                continue
            distance = float(np.linalg.norm(probe - embeddings.vectors[i], axis=1).mean())
            nearest[other.subject] = min(nearest.get(other.subject, np.inf), distance)
        slowly = sorted(nearest.items(), key=lambda one: one[1])[:3]
        assert [name for name, _ in ranked] == [name for name, _ in slowly]
        assert [distance for _, distance in ranked] == pytest.approx([distance for _, distance in slowly], rel=1e-4)


def test_answers_that_the_organizers_keep() -> None:
    embeddings = toy_set()
    secret = EmbeddingSet(
        embeddings.vectors,
        [key if key in CASIA.gallery else replace(key, subject="probe") for key in embeddings.keys],
    )
    assert have_answers(embeddings, CASIA)
    assert not have_answers(secret, CASIA)
    assert have_answers(embeddings, CASIA, gallery=embeddings)
    assert not have_answers(secret, CASIA, gallery=embeddings)


def test_forms(tmp_path: Path) -> None:
    embeddings = toy_set(noise=1.5)
    count = save_ranking(tmp_path / "all.csv", embeddings, CASIA, scoring=SCORING, most=2)
    with (tmp_path / "all.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) == 2 * count
    assert [row["rank"] for row in rows[:2]] == ["1", "2"]
    assert float(rows[0]["distance"]) <= float(rows[1]["distance"])
    save_ranking(tmp_path / "grew.csv", embeddings, CASIA, scoring=SCORING, most=2, form="grew")
    with (tmp_path / "grew.csv").open(newline="") as lines:
        grew = list(csv.reader(lines))
    assert grew[0] == ["videoId", "rank1", "rank2"]
    assert [row[1:] for row in grew[1:]] == [
        [str(int(rows[i]["ranked_subject"])), str(int(rows[i + 1]["ranked_subject"]))] for i in range(0, len(rows), 2)
    ]
    save_ranking(tmp_path / "hid.csv", embeddings, CASIA, scoring=SCORING, form="hid")
    assert (
        (tmp_path / "hid.csv").read_text().startswith(f"videoID,label\n{rows[0]['view']},{rows[0]['ranked_subject']}\n")
    )
    for wrong, message in (({"form": "xml"}, "form is 'xml'"), ({"most": 0}, "most is 0")):
        with pytest.raises(ProtocolError, match=message):
            save_ranking(tmp_path / "no.csv", embeddings, CASIA, scoring=SCORING, **wrong)
    assert not (tmp_path / "no.csv").exists()

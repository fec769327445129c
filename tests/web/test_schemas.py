"""What the server answers says all that the gallery and the recognizer know: a new field cannot be forgotten."""

import dataclasses
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="fastapi of the extra `serve` is not installed")

from walkprint.gallery import Person
from walkprint.gallery.journal import Event
from walkprint.gallery.records import KnownWalk
from walkprint.recognizer.sighting import Candidate, Sighting
from walkprint.web.schemas import CandidateOut, EventOut, PersonOut, SightingOut, WalkOut


@pytest.mark.parametrize(
    ("record", "answer", "added"),
    [
        (Person, PersonOut, set()),
        (KnownWalk, WalkOut, set()),
        (Candidate, CandidateOut, set()),
        (Sighting, SightingOut, {"name", "confirmed_as", "kept"}),
        (Event, EventOut, {"names"}),
    ],
)
def test_an_answer_has_every_field_of_its_record(record: Any, answer: Any, added: set[str]) -> None:
    known = {one.name for one in dataclasses.fields(record)}
    assert set(answer.model_fields) == known | added
    assert not known & added

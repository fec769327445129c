"""A gallery keeps people and walks, and lets them go for good."""

import multiprocessing
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from walkprint.core.errors import DataError, GaitError
from walkprint.gallery import Binding, Gallery, NewWalk
from walkprint.gallery.cipher import new_key, parse_key, read_key
from walkprint.gallery.journal import now

BINDING = Binding("street", "GaitSet 0123", 3, 8, "cosine")
OTHER = Binding("large", "GaitSet 4567", 4, 8, "cosine")
RNG = np.random.default_rng(0)


def walk(*, masks: bool = False, view: str = "left") -> NewWalk:
    frames = RNG.integers(0, 255, (6, 1, 64, 64), dtype=np.uint8) if masks else None
    vectors = RNG.normal(size=(3, 8)).astype(np.float32) * 7
    return NewWalk(vectors, 30, 0.8, view, "00ff", frames)


@pytest.fixture
def gallery(tmp_path: Path) -> Gallery:
    made = Gallery.open(tmp_path / "people.gallery", BINDING)
    made.enroll("Anna", [walk(), walk(view="right")], consent="signed on 1 May", asked_by="door")
    made.enroll("Ben", [walk()], expires="2999-12-31")
    return made


def test_people_and_walks_come_back(gallery: Gallery) -> None:
    new = walk(masks=True)
    anna = gallery.enroll(" Anna ", [new])
    assert (anna.name, anna.consent, anna.expires, anna.walks, anna.frames) == ("Anna", "signed on 1 May", None, 3, 90)
    assert [person.name for person in gallery.people()] == ["Anna", "Ben"]
    assert gallery.person("Ben").expires == "2999-12-31"
    again = Gallery.open(gallery.path)
    assert len(again) == 2
    known = again.walks("Anna")[2]
    assert (known.person, known.frames, known.quality, known.view, known.input) == (anna.id, 30, 0.8, "left", "00ff")
    assert [one.silhouettes for one in again.walks()] == [False, False, False, True]
    kept = again.silhouettes(known.id)
    assert kept is not None
    np.testing.assert_array_equal(kept, new.silhouettes)
    found = again.templates()
    assert list(found.people) == [anna.id, anna.id, gallery.person("Ben").id, anna.id]
    assert found.names[anna.id] == "Anna"
    np.testing.assert_allclose(found.vectors[3], new.vectors, atol=2e-2)
    lengths = np.linalg.norm(new.vectors, axis=1)
    np.testing.assert_allclose(np.linalg.norm(found.vectors[3], axis=1), lengths, rtol=1e-3)
    assert again.templates() is found
    gallery.enroll("Cleo", [walk()])
    assert again.templates() is not found, "another connection changed it"


def test_another_network_is_refused_with_both_names(gallery: Gallery) -> None:
    Gallery.open(gallery.path, BINDING)
    with pytest.raises(DataError, match=r"network street \(source GaitSet 0123, parts 3\), asked for large \(source"):
        Gallery.open(gallery.path, OTHER)


@pytest.mark.parametrize(
    ("name", "value"),
    [("source", "x"), ("parts", 9), ("features", 9), ("scoring", "x"), ("alignment", "x"), ("precision", "x")],
)
def test_every_field_of_the_binding_counts(gallery: Gallery, name: str, value: object) -> None:
    from dataclasses import fields, replace

    assert {one.name for one in fields(Binding)} == {
        "network", "source", "parts", "features", "scoring", "alignment", "precision",
    }  # fmt: skip
    with pytest.raises(DataError, match=name):
        Gallery.open(gallery.path, replace(BINDING, **{name: value}))
    Gallery.open(gallery.path, replace(BINDING, network="by its path"))


def test_notes_change_without_a_new_walk(gallery: Gallery) -> None:
    before = gallery.person("Anna")
    after = gallery.amend("Anna", consent="again", expires="2999-12-31", asked_by="Eve")
    assert (after.consent, after.expires) == ("again", "2999-12-31")
    assert (after.id, after.walks, after.added) == (before.id, before.walks, before.added)
    line = gallery.journal()[-1]
    assert (line.action, line.asked_by, list(line.people)) == ("amend", "Eve", [after.id])
    assert gallery.amend("Anna", consent="third").expires == "2999-12-31"
    assert gallery.amend("Anna", expires="never").expires is None
    assert gallery.person("Anna").consent == "third"
    gallery.verify_journal()
    lines = len(gallery.journal())
    for given in ({}, {"expires": "2020-02-29"}, {"expires": "soon"}):
        with pytest.raises(DataError, match=r"nothing to change|has passed|expected a day such as .* or 'never'"):
            gallery.amend("Anna", **given)
    with pytest.raises(DataError, match="no person is called"):
        gallery.amend("Nobody", consent="x")
    assert len(gallery.journal()) == lines


def test_somebody_who_is_forgotten_meanwhile_is_not_amended(gallery: Gallery) -> None:
    with Gallery.open(gallery.path) as other:
        assert gallery.person("Anna")
        other.forget("Anna")
    with pytest.raises(DataError, match="no person is called 'Anna'"):
        gallery.amend("Anna", consent="again")
    assert gallery.journal()[-1].action == "forget"


def test_nobody_is_kept_beyond_the_last_day_by_a_change(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    gallery.amend("Anna", expires="2999-12-31")
    monkeypatch.setattr("walkprint.gallery.journal.now", lambda: "3000-01-01T00:00:00.000+00:00")
    with pytest.raises(DataError, match="no person is called 'Anna'"):
        gallery.amend("Anna", expires="never")


def test_embedding_again_needs_kept_silhouettes(gallery: Gallery) -> None:
    with pytest.raises(DataError, match="3 of 3 walks keep no silhouettes"):
        gallery.re_embed(lambda _: np.zeros((4, 8), np.float32), OTHER)
    gallery.forget("Anna")
    gallery.forget("Ben")
    gallery.enroll("Cleo", [walk(masks=True)])
    with pytest.raises(DataError, match=r"as \(1, 8\); expected \(4, 8\)"):
        gallery.re_embed(lambda _: np.ones((1, 8), np.float32), OTHER)
    assert gallery.re_embed(lambda frames: np.full((4, 8), len(frames), np.float32), OTHER) == 1
    again = Gallery.open(gallery.path, OTHER)
    np.testing.assert_allclose(again.templates().vectors, 6, rtol=1e-3)


def test_a_change_while_it_is_embedded_again_wins(tmp_path: Path) -> None:
    gallery = Gallery.open(tmp_path / "g", BINDING)
    gallery.enroll("Anna", [walk(masks=True)])

    def meanwhile(frames: np.ndarray) -> np.ndarray:
        Gallery.open(tmp_path / "g").enroll("Ben", [walk()])
        return np.zeros((4, 8), np.float32)

    with pytest.raises(DataError, match="changed while"):
        gallery.re_embed(meanwhile, OTHER)
    assert Gallery.open(tmp_path / "g", BINDING).templates().vectors.shape == (2, 3, 8)


def _bytes(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())


def _traces(new: NewWalk) -> list[bytes]:
    from walkprint.gallery.records import pack, pack_silhouettes

    packed = pack(new.vectors)
    assert new.silhouettes is not None
    masks = pack_silhouettes(new.silhouettes)
    return [packed[:12], packed[12:28], packed[-16:], masks[20:52], masks[-32:], b"Zacharias", b"only for the study"]


def test_no_byte_of_a_forgotten_person_stays(gallery: Gallery, tmp_path: Path) -> None:
    new = walk(masks=True)
    gallery.enroll("Zacharias", [new, walk()], consent="only for the study")
    gallery.backup()
    for number in range(5):
        gallery.enroll(f"later {number}", [walk()])
    assert all(trace in _bytes(tmp_path) for trace in _traces(new)), "the scan finds what is there"
    gallery.forget("Zacharias", asked_by="himself")
    assert (tmp_path / "people.gallery-wal").exists(), "the log is scanned as well"
    assert not [trace for trace in _traces(new) if trace in _bytes(tmp_path)]
    assert [person.name for person in Gallery.open(gallery.backup_path).people()] == ["Anna", "Ben"]
    gallery.check()
    gallery.verify_journal()
    with pytest.raises(DataError, match="no person is called 'Zacharias'"):
        gallery.forget("Zacharias")


def test_a_reader_that_stays_is_said_and_the_wipe_can_be_repeated(
    gallery: Gallery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = walk(masks=True)
    gallery.enroll("Zacharias", [new], consent="only for the study")
    reader = sqlite3.connect(gallery.path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM people").fetchone()
    gallery._database._connection.execute("PRAGMA busy_timeout=50")
    with pytest.raises(DataError, match="another process is reading"):
        gallery.forget("Zacharias")
    assert [person.name for person in gallery.people()] == ["Anna", "Ben"]
    reader.execute("ROLLBACK")
    gallery.wipe()
    assert not [trace for trace in _traces(new) if trace in _bytes(tmp_path)]


def test_people_whose_day_has_passed_are_forgotten_at_the_next_opening(
    gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DataError, match=r"^last day 2020-02-29: has passed; expected \d{4}-\d\d-\d\d or later$"):
        gallery.enroll("Anna", [walk()], expires="2020-02-29")
    today = now()[:10]
    assert gallery.enroll("Anna", [walk()], expires=today).expires == today
    assert gallery.expire() == 0, "on the last day"
    monkeypatch.setattr("walkprint.gallery.journal.now", lambda: "2999-01-01T00:00:00.000+00:00")
    assert gallery.overdue() == [gallery.person("Anna").id]
    assert [person.name for person in Gallery.open(gallery.path).people()] == ["Ben"]
    assert gallery.expire("2999-12-31") == 0
    assert gallery.expire("3000-01-01") == 1
    assert [event.action for event in gallery.journal()][-2:] == ["expire", "expire"]


def test_export_and_merge(gallery: Gallery, tmp_path: Path) -> None:
    copy = tmp_path / "anna.gallery"
    assert gallery.export(copy, ["Anna"]) == 1
    with pytest.raises(DataError, match="already exists"):
        gallery.export(copy)
    with Gallery.open(copy, BINDING) as other:
        assert [(person.name, person.consent, person.walks) for person in other.people()] == [
            ("Anna", "signed on 1 May", 2)
        ]
        other.enroll("Anna", [walk()])
        assert gallery.merge(other) == 1
        assert gallery.merge(other) == 0
        assert gallery.person("Anna").walks == 3
        other.enroll("Ben", [walk()])
        with pytest.raises(DataError, match="another 'Ben'"):
            gallery.merge(other)
    with Gallery.open(tmp_path / "other", OTHER) as other, pytest.raises(DataError, match="asked for large"):
        gallery.merge(other)


def test_the_journal_holds_and_a_changed_line_is_found(gallery: Gallery) -> None:
    anna = gallery.person("Anna").id
    number = gallery.note("identify", [anna], asked_by="gate", begun="2026-01-01T00:00:00", input="abcd")
    assert gallery.confirm(number, "Anna", asked_by="guard") == number + 1
    with pytest.raises(DataError, match="no identification"):
        gallery.confirm(1, "Anna", asked_by="guard")
    event = gallery.journal(number - 1)[0]
    assert (event.asked_by, event.begun, event.input, event.people) == ("gate", "2026-01-01T00:00:00", "abcd", [anna])
    assert event.ended > event.begun
    assert event.state == gallery.state == 2
    assert gallery.journal(number)[0].confirms == number
    before = gallery.verify_journal()
    gallery.forget("Anna")
    count, last = gallery.verify_journal()
    assert (count, before[0]) == (5, 4)
    assert len(last) == 64
    assert b"Anna" not in gallery.path.read_bytes()
    with sqlite3.connect(gallery.path) as connection:
        with pytest.raises(sqlite3.IntegrityError, match="append only"):
            connection.execute("UPDATE journal SET line = ''")
        with pytest.raises(sqlite3.IntegrityError, match="append only"):
            connection.execute("DELETE FROM journal")
        connection.execute("DROP TRIGGER journal_is_not_changed")
        connection.execute("UPDATE journal SET line = replace(line, 'gate', 'yard') WHERE number = 3")
    with pytest.raises(DataError, match="line 3 was changed"):
        gallery.verify_journal()
    with sqlite3.connect(gallery.path) as connection:
        connection.execute("DROP TRIGGER journal_is_not_cut")
        connection.execute("DELETE FROM journal WHERE number = 2")
    with pytest.raises(DataError, match="line 2 is missing"):
        gallery.verify_journal()


def test_encrypted_nothing_can_be_read_without_the_key(tmp_path: Path) -> None:
    pytest.importorskip("cryptography")
    (tmp_path / "key").write_text(new_key())
    key = read_key(tmp_path / "key")
    new = walk(masks=True)
    with Gallery.open(tmp_path / "g", BINDING, key=key) as gallery:
        gallery.enroll("Zacharias", [new], consent="only for the study")
        stored = b"".join(file.read_bytes() for file in tmp_path.glob("g*"))
        assert not [trace for trace in _traces(new) if trace in stored]
        gallery.export(tmp_path / "copy")
    with Gallery.open(tmp_path / "copy", BINDING, key=key) as again:
        np.testing.assert_allclose(again.templates().vectors[0], new.vectors, atol=2e-2)
        kept = again.silhouettes(again.walks("Zacharias")[0].id)
        np.testing.assert_array_equal(kept, new.silhouettes)
    with pytest.raises(DataError, match="is encrypted; open it with its key"):
        Gallery.open(tmp_path / "g")
    with pytest.raises(DataError, match=r"g: lock: cannot be opened with this key"):
        Gallery.open(tmp_path / "g", key=parse_key(new_key()))
    Gallery.open(tmp_path / "plain", BINDING)
    with pytest.raises(DataError, match="is not encrypted"):
        Gallery.open(tmp_path / "plain", key=key)
    with sqlite3.connect(tmp_path / "copy") as connection:
        connection.execute("UPDATE walks SET vectors = silhouettes")
    with pytest.raises(DataError, match="vectors: cannot be opened"):
        Gallery.open(tmp_path / "copy", key=key).templates()


@pytest.mark.parametrize("text", ["", "zz" * 32, "0" * 63])
def test_keys_that_are_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "key").write_text(text)
    with pytest.raises(DataError, match="expected 64 hexadecimal digits"):
        read_key(tmp_path / "key")
    with pytest.raises(DataError, match="no key can be read"):
        read_key(tmp_path / "nothing")


def test_refusals(gallery: Gallery, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such gallery"):
        Gallery.open(tmp_path / "nobody")
    (tmp_path / "text").write_text("no database at all, but long enough to be read as one" * 30)
    with pytest.raises(DataError, match="cannot be used"):
        Gallery.open(tmp_path / "text", BINDING)
    with sqlite3.connect(tmp_path / "foreign") as connection:
        connection.execute("CREATE TABLE notes (text)")
    with pytest.raises(DataError, match="but no gallery"):
        Gallery.open(tmp_path / "foreign", BINDING)
    with pytest.raises(DataError, match="found no walk"):
        gallery.enroll("Dora", [])
    with pytest.raises(DataError, match=r"found \(4, 8\)"):
        gallery.enroll("Dora", [NewWalk(np.zeros((4, 8), np.float32), 3)])
    with pytest.raises(DataError, match="finite"):
        gallery.enroll("Dora", [NewWalk(np.full((3, 8), np.nan, np.float32), 3)])
    for name in ("", "  ", "a\nb", "x" * 201, "\x00"):
        with pytest.raises(DataError, match="expected 1 to 200 characters"):
            gallery.enroll(name, [walk()])
    with pytest.raises(DataError, match="expected a day"):
        gallery.enroll("Dora", [walk()], expires="tomorrow")
    with pytest.raises(DataError, match="no person is called 'Bem'; did you mean Ben"):
        gallery.person("Bem")
    assert [person.name for person in gallery.people()] == ["Anna", "Ben"], "refused walks leave nothing behind"
    with sqlite3.connect(gallery.path) as connection:
        connection.execute("UPDATE walks SET vectors = x'00'")
    with pytest.raises(GaitError, match="the gallery is damaged"):
        Gallery.open(gallery.path).templates()


def _enroll_many(path: Path, name: str) -> None:
    with Gallery.open(path, BINDING) as gallery:
        for _ in range(10):
            gallery.enroll(name, [NewWalk(np.ones((3, 8), np.float32), 30)])


def test_two_writers_wait_for_each_other_and_a_reader_reads(gallery: Gallery) -> None:
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_enroll_many, args=(gallery.path, name)) for name in ("Anna", "Ben")]
    for one in writers:
        one.start()
    while any(one.is_alive() for one in writers):
        assert len(gallery.templates().people) >= 3
    for one in writers:
        one.join()
        assert one.exitcode == 0
    assert {person.name: person.walks for person in gallery.people()} == {"Anna": 12, "Ben": 11}
    assert gallery.verify_journal()[0] == 22

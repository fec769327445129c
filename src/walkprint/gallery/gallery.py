"""A gallery: people and their walks, kept until they are forgotten; every question leaves a line in the journal."""

import json
import secrets
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from walkprint.core.errors import DataError
from walkprint.gallery import journal
from walkprint.gallery.binding import Binding
from walkprint.gallery.cipher import Cipher, Plain, Sealed
from walkprint.gallery.database import Database
from walkprint.gallery.journal import now
from walkprint.gallery.known import Known
from walkprint.gallery.records import (
    NEVER,
    NewWalk,
    Person,
    check_day,
    check_name,
    pack,
    pack_silhouettes,
)

_LOCK = b"walkprint gallery"


class Gallery(Known):
    """People and walks in one file; open it with `Gallery.open`. A context manager.

    One process writes at a time, others wait; readers never wait.
    """

    @classmethod
    def open(cls, path: str | Path, binding: Binding | None = None, *, key: bytes | None = None) -> Self:
        """Open a gallery; people whose last day has passed are forgotten.

        Args:
            path: of the file.
            binding: what its embeddings must be; a gallery that is not there is made if this is given.
            key: 32 bytes, if it is encrypted or is to be.

        Raises:
            DataError: it is not there, is no gallery or damaged, is bound to something else, or the key is wrong.
        """
        database = Database(path, create=binding is not None)
        try:
            cipher = Sealed(key) if key is not None else Plain()
            found = _bound(database, binding, cipher, sealed=key is not None)
            gallery = cls(database, found, cipher)
            gallery.expire()
        except BaseException:
            database.close()
            raise
        return gallery

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *fault: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def enroll(
        self,
        name: str,
        walks: Sequence[NewWalk],
        *,
        consent: str = "",
        expires: str | None = None,
        asked_by: str = "",
        begun: str = "",
    ) -> Person:
        """Add walks of a person, who becomes known by the first.

        Args:
            name: of the person; one who is known already gets more walks.
            walks: at least one.
            consent: a note on it; "" leaves an earlier one.
            expires: last day to keep the person, ISO 8601; None leaves an earlier one.
            asked_by, begun: for the journal.

        Raises:
            DataError: no walk, embeddings of another shape or not finite, or a name or day that is none.
        """
        name, expires = check_name(name), check_day(expires)
        shape = (self.binding.parts, self.binding.features)
        if not walks or any(walk.vectors.shape != shape for walk in walks):
            found = ", ".join(sorted({str(walk.vectors.shape) for walk in walks})) or "no walk"
            raise DataError(f"enroll {name}: found {found}; expected walks embedded as {shape} (part, feature)")
        with self._changing("enroll", asked_by, begun, walks[0].input) as (connection, people):
            person = self._ids(connection).get(name)
            if person is None:
                person = secrets.token_hex(8)
                sealed = self._seal(name, f"people {person} name")
                connection.execute(
                    "INSERT INTO people VALUES (?, ?, ?, ?, NULL)",
                    (person, sealed, self._seal("", f"people {person} consent"), now()),
                )
            self._amend(connection, person, consent, expires)
            for walk in walks:
                self._insert(connection, person, walk)
            people.append(person)
        return self.person(name)

    def amend(self, name: str, *, consent: str = "", expires: str | None = None, asked_by: str = "") -> Person:
        """Change what is noted of a person.

        Args:
            name: of the person.
            consent: the new note on it; "" leaves the earlier one.
            expires: the new last day to keep the person, ISO 8601, or "never"; None leaves the earlier one.
            asked_by: for the journal.

        What was exported or backed up before keeps the earlier notes, and `merge` does not bring new ones in.

        Raises:
            DataError: there is no such person, the day is none or has passed, or nothing is to be changed.
        """
        consent = consent.strip()
        expires = expires if expires == NEVER else check_day(expires, NEVER)
        if not consent and expires is None:
            raise DataError(f"{name}: nothing to change; give a note on consent, or a last day")
        self.expire()
        with self._changing("amend", asked_by) as (connection, people):
            person = self.person(name).id
            self._amend(connection, person, consent, expires)
            people.append(person)
        return self.person(name)

    def _amend(self, connection: sqlite3.Connection, person: str, consent: str, expires: str | None) -> None:
        if consent:
            note = self._seal(consent, f"people {person} consent")
            connection.execute("UPDATE people SET consent = ? WHERE id = ?", (note, person))
        if expires is not None:
            day = None if expires == NEVER else expires
            connection.execute("UPDATE people SET expires = ? WHERE id = ?", (day, person))

    def forget(self, name: str, *, asked_by: str = "") -> None:
        """Delete a person with all walks, and write the file and its backup anew, so that no byte of them stays.

        Raises:
            DataError: there is no such person, or another process keeps reading an old state.
        """
        self._forget([self.person(name).id], "forget", asked_by)

    def expire(self, today: str | None = None) -> int:
        """Forget all whose last day lies before today; returns how many."""
        gone = self.overdue(today)
        if gone:
            self._forget(gone, "expire", "")
        return len(gone)

    def _forget(self, people: Sequence[str], action: str, asked_by: str) -> None:
        with self._changing(action, asked_by) as (connection, named):
            connection.executemany("DELETE FROM people WHERE id = ?", [(one,) for one in people])
            named.extend(people)
        self._templates = None
        self._database.wipe()
        if self.backup_path.exists():
            with closing(Database(self.backup_path, create=False)) as copy:
                with copy.writing() as connection:
                    connection.executemany("DELETE FROM people WHERE id = ?", [(one,) for one in people])
                copy.wipe()

    def wipe(self) -> None:
        """Write the file anew without anything deleted, where a reader kept `forget` from it.

        Raises:
            DataError: another process keeps reading an old state.
        """
        self._database.wipe()

    @property
    def backup_path(self) -> Path:
        """Where `backup` puts its copy."""
        return self.path.with_name(f"{self.path.name}.backup")

    def backup(self) -> Path:
        """Copy the gallery beside itself; people who are forgotten later leave this copy too."""
        self._database.copy_to(self.backup_path)
        return self.backup_path

    def export(self, path: str | Path, names: Sequence[str] | None = None, *, asked_by: str = "") -> int:
        """Copy people to a new gallery with the same binding and key; `merge` takes them in. Returns how many.

        It is a copy in your hands: `forget` does not reach it.

        Args:
            path: of the new file.
            names: who; all if None.
            asked_by: for the journal.

        Raises:
            DataError: the file is there already, or a name is unknown.
        """
        if Path(path).exists():
            raise DataError(f"{path}: already exists; choose another file")
        chosen = [person.id for person in (self.people() if names is None else map(self.person, names))]
        with closing(Database(path, create=True)) as target, target.writing() as connection:
            for name in ("binding", "lock"):
                value = self._database.value("SELECT value FROM meta WHERE name = ?", name)
                if value is not None:
                    connection.execute("INSERT INTO meta VALUES (?, ?)", (name, value))
            for person in chosen:
                self._copy(person, connection, self._cipher)
        self.note("export", chosen, asked_by=asked_by)
        return len(chosen)

    def merge(self, other: "Gallery", *, asked_by: str = "") -> int:
        """Take in the people of another gallery; walks that are here already stay. Returns how many walks came.

        Raises:
            DataError: it is bound to something else, or has another person of a name that is known here.
        """
        self.binding.check(other.binding, other.path)
        theirs = {person.name: person.id for person in other.people()}
        with self._changing("merge", asked_by) as (connection, people):
            mine = self._ids(connection)
            clash = sorted(name for name in theirs.keys() & mine.keys() if theirs[name] != mine[name])
            if clash:
                raise DataError(
                    f"{other.path}: has another {clash[0]!r} than {self.path}; enroll one under another name"
                )
            people.extend(theirs.values())
            return sum(other._copy(person, connection, self._cipher) for person in theirs.values())

    def _copy(self, person: str, target: sqlite3.Connection, cipher: Cipher) -> int:
        """Copy one person's rows, sealed by `cipher`; those that are there stay. Returns how many walks were new."""
        with self._database.reading() as connection:
            one, *sealed, added, expires = connection.execute("SELECT * FROM people WHERE id = ?", (person,)).fetchone()
            walks = connection.execute("SELECT * FROM walks WHERE person = ? ORDER BY rowid", (person,)).fetchall()

        def again(sealed: bytes | None, place: str) -> bytes | None:
            return None if sealed is None else cipher.seal(self._cipher.open(sealed, place), place)

        name, note = again(sealed[0], f"people {one} name"), again(sealed[1], f"people {one} consent")
        target.execute("INSERT OR IGNORE INTO people VALUES (?, ?, ?, ?, ?)", (one, name, note, added, expires))
        before = target.total_changes
        for walk, *plain, vectors, masks in walks:
            values = (again(vectors, f"walks {walk} vectors"), again(masks, f"walks {walk} silhouettes"))
            target.execute("INSERT OR IGNORE INTO walks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", (walk, *plain, *values))
        return target.total_changes - before

    def re_embed(
        self, embed: Callable[[NDArray[np.uint8]], NDArray[np.float32]], binding: Binding, *, asked_by: str = ""
    ) -> int:
        """Replace all embeddings by those of another network, from kept silhouettes. Returns how many walks.

        Args:
            embed: uint8 (time, 1, height, width) -> float32 (part, feature).
            binding: what its embeddings are.
            asked_by: for the journal.

        Raises:
            DataError: silhouettes of a walk were not kept, the shape is not that of the binding, or the gallery changed
                meanwhile.
        """
        state, walks = self.state, self.walks()
        without = sum(not walk.silhouettes for walk in walks)
        if without:
            raise DataError(
                f"{self.path}: {without} of {len(walks)} walks keep no silhouettes; enroll these people again"
            )
        made = []
        for walk in walks:
            frames = self.silhouettes(walk.id)
            vectors = embed(frames) if frames is not None else np.zeros(0, np.float32)
            if vectors.shape != (binding.parts, binding.features):
                raise DataError(f"embedded again as {vectors.shape}; expected {binding.parts, binding.features}")
            made.append((self._cipher.seal(pack(vectors), f"walks {walk.id} vectors"), walk.id))
        with self._changing("re-embed", asked_by) as (connection, people):
            if self.state != state:
                raise DataError(f"{self.path}: changed while it was embedded again; try again")
            connection.executemany("UPDATE walks SET vectors = ? WHERE id = ?", made)
            connection.execute("UPDATE meta SET value = ? WHERE name = 'binding'", (json.dumps(asdict(binding)),))
            connection.execute("DROP TABLE IF EXISTS codes")
            connection.execute("DELETE FROM meta WHERE name IN ('basis', 'rates')")
            people.extend(sorted({walk.person for walk in walks}))
        self.binding = binding
        return len(made)

    def note(
        self,
        action: str,
        people: Sequence[str],
        *,
        asked_by: str = "",
        begun: str = "",
        input: str = "",
        confirms: int | None = None,
    ) -> int:
        """Write a line into the journal that changes nothing else; returns its number. Arguments as in `Event`."""
        with self._database.writing() as connection:
            fields = {"asked_by": asked_by, "begun": begun or now(), "ended": now(), "state": self.state}
            return journal.append(
                connection, action=action, input=input, people=list(people), confirms=confirms, **fields
            )

    def confirm(self, event: int, name: str, *, asked_by: str) -> int:
        """Note who checked an identification and who it was; returns the number of the new line.

        Raises:
            DataError: there is no such identification or person.
        """
        if not any(one.number == event and one.action == "identify" for one in self.journal(event - 1)):
            raise DataError(f"{self.path}: line {event} of the journal is no identification; list the journal first")
        return self.note("confirm", [self.person(name).id], asked_by=asked_by, confirms=event)

    @contextmanager
    def _changing(
        self, action: str, asked_by: str, begun: str = "", input: str = ""
    ) -> Iterator[tuple[sqlite3.Connection, list[str]]]:
        """A change and its line in the journal, together or not at all; yields a list for the ids that it concerns."""
        people: list[str] = []
        begun = begun or now()
        with self._database.writing() as connection:
            yield connection, people
            journal.append(
                connection, action=action, asked_by=asked_by, begun=begun, ended=now(), input=input,
                state=self._database.change_state(), people=people, confirms=None,
            )  # fmt: skip

    def _insert(self, connection: sqlite3.Connection, person: str, walk: NewWalk) -> None:
        one = secrets.token_hex(8)
        masks = None
        if walk.silhouettes is not None:
            masks = self._cipher.seal(pack_silhouettes(walk.silhouettes), f"walks {one} silhouettes")
        vectors = self._cipher.seal(pack(walk.vectors), f"walks {one} vectors")
        values = (one, person, now(), walk.frames, walk.quality, walk.view, walk.input, vectors, masks)
        connection.execute("INSERT INTO walks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", values)

    def _seal(self, text: str, place: str) -> bytes:
        return self._cipher.seal(text.encode(), place)


def _bound(database: Database, binding: Binding | None, cipher: Cipher, *, sealed: bool) -> Binding:
    """The binding that a file holds, which is written into a new one; refuses a wrong key and another binding."""
    path = database.path
    meta = database.meta()
    if "binding" not in meta:
        if binding is None:
            raise DataError(f"{path}: an empty gallery; enroll somebody first")
        with database.writing() as connection:
            made = {"binding": json.dumps(asdict(binding))} | ({"lock": cipher.seal(_LOCK, "lock")} if sealed else {})
            connection.executemany("INSERT OR IGNORE INTO meta VALUES (?, ?)", made.items())
        meta = database.meta()
    if ("lock" in meta) != sealed:
        here, advice = ("", "with its key") if "lock" in meta else ("not ", "without a key")
        raise DataError(f"{path}: the gallery is {here}encrypted; open it {advice}")
    try:
        if sealed and cipher.open(meta["lock"], "lock") != _LOCK:
            raise DataError("lock: another kind of lock")
        found = Binding(**json.loads(meta["binding"]))
    except (DataError, ValueError, TypeError) as error:
        raise DataError(f"{path}: {error}") from error
    if binding is not None:
        found.check(binding, path)
    return found

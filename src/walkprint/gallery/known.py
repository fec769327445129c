"""What a gallery can be asked without changing it."""

import sqlite3
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from walkprint.core.errors import DataError
from walkprint.core.spelling import did_you_mean
from walkprint.gallery import journal
from walkprint.gallery.binding import Binding
from walkprint.gallery.cipher import Cipher
from walkprint.gallery.database import Database
from walkprint.gallery.journal import Event
from walkprint.gallery.records import KnownWalk, Person, Templates, check_name, unpack, unpack_silhouettes

_WALK_COLUMNS = "id, person, added, frames, quality, view, input, silhouettes IS NOT NULL"


class Known:
    """People and walks, to be read.

    Attributes:
        path: of the file.
        binding: what its embeddings are.
    """

    def __init__(self, database: Database, binding: Binding, cipher: Cipher) -> None:
        self.path, self.binding = database.path, binding
        self._database, self._cipher = database, cipher
        self._templates: Templates | None = None

    def __len__(self) -> int:
        """How many people are known."""
        return int(self._database.value("SELECT count(*) FROM people"))

    @property
    def state(self) -> int:
        """Number of its state; it rises with each change of people or walks."""
        return int(self._database.value("SELECT value FROM meta WHERE name = 'state'"))

    def people(self) -> list[Person]:
        """All known people, by name."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT id, name, consent, added, expires, (SELECT count(*) FROM walks WHERE person = people.id), "
                "(SELECT coalesce(sum(frames), 0) FROM walks WHERE person = people.id) FROM people"
            ).fetchall()
        found = [
            Person(one, self._text(name, f"people {one} name"), self._text(note, f"people {one} consent"), *rest)
            for one, name, note, *rest in rows
        ]
        return sorted(found, key=lambda person: person.name)

    def person(self, name: str) -> Person:
        """The person of a name.

        Raises:
            DataError: there is none; names the nearest.
        """
        known = {person.name: person for person in self.people()}
        if check_name(name) not in known:
            raise DataError(
                f"{self.path}: no person is called {name!r}{did_you_mean(name, known) or f' among {len(known)} people'}"
            )
        return known[check_name(name)]

    def walks(self, name: str | None = None) -> list[KnownWalk]:
        """The walks of a person, or all, in the order in which they came.

        Raises:
            DataError: there is no such person.
        """
        person = None if name is None else self.person(name).id
        with self._database.reading() as connection:
            rows = connection.execute(
                f"SELECT {_WALK_COLUMNS} FROM walks WHERE ? IS NULL OR person = ? ORDER BY rowid", (person, person)
            ).fetchall()
        return [replace(KnownWalk(*row), silhouettes=bool(row[-1])) for row in rows]

    def silhouettes(self, walk: str) -> NDArray[np.uint8] | None:
        """The silhouettes of a walk by its id, uint8 (time, 1, height, width); None if they were not kept.

        Raises:
            DataError: there is no such walk, or they are damaged.
        """
        with self._database.reading() as connection:
            row = connection.execute("SELECT silhouettes FROM walks WHERE id = ?", (walk,)).fetchone()
        if row is None:
            raise DataError(f"{self.path}: no walk {walk!r}; list the walks first")
        return None if row[0] is None else unpack_silhouettes(self._cipher.open(row[0], f"walks {walk} silhouettes"))

    def count_walks(self) -> int:
        """How many walks are enrolled."""
        return int(self._database.value("SELECT count(*) FROM walks"))

    def overdue(self, today: str | None = None) -> list[str]:
        """Ids of the people whose last day lies before today, UTC."""
        with self._database.reading() as connection:
            rows = connection.execute("SELECT id FROM people WHERE expires < ?", (today or journal.now()[:10],))
            return [row[0] for row in rows]

    def names(self, people: Sequence[str]) -> dict[str, str]:
        """Id -> name of these people; ids that are unknown are missing."""
        with self._database.reading() as connection:
            rows = [connection.execute("SELECT id, name FROM people WHERE id = ?", (one,)).fetchall() for one in people]
        return {one: self._text(name, f"people {one} name") for found in rows for one, name in found}

    def templates(self, most: int | None = None) -> Templates:
        """All embeddings with their people; read again only when the gallery has changed.

        Args:
            most: about so many walks instead, all those of some people; never kept.
        """
        if most is not None:
            people = len(self) * most // max(self.count_walks(), 1) + 1
            return self._read_templates("person IN (SELECT id FROM people ORDER BY id LIMIT ?)", people)
        if self._templates is None or self._templates.state != self.state:
            self._templates = self._read_templates("")
        return self._templates

    def templates_of(self, input: str) -> Templates:
        """The embeddings of the walks that were taken from a source, by its digest; without names."""
        return self._read_templates("input = ?", input)

    def _read_templates(self, where: str, value: str | int = "") -> Templates:
        """Those of all walks with their people's names, or of those that a condition with a value chooses, without."""
        with self._database.reading() as connection:
            state = int(connection.execute("SELECT value FROM meta WHERE name = 'state'").fetchone()[0])
            rows = connection.execute(
                f"SELECT id, person, view, vectors FROM walks WHERE {where or '?1 = ?1'} ORDER BY rowid", (value,)
            ).fetchall()
            names = {} if where else {person: name for name, person in self._ids(connection).items()}
        blobs = [self._cipher.open(blob, f"walks {walk} vectors") for walk, _, _, blob in rows]
        vectors = unpack(blobs, self.binding.parts, self.binding.features)
        return Templates(vectors, [row[1] for row in rows], [row[2] for row in rows], names, state)

    def journal(self, since: int = 0) -> list[Event]:
        """The lines of the journal after number `since`.

        Raises:
            DataError: a line is damaged.
        """
        with self._database.reading() as connection:
            return list(journal.events(connection, since))

    def verify_journal(self) -> tuple[int, str]:
        """Check the journal's chain; returns how many lines it has and the digest of the last, to be kept elsewhere.

        Raises:
            DataError: names the first line that was changed or is missing.
        """
        with self._database.reading() as connection:
            return journal.verify(connection)

    def check(self) -> None:
        """Check the whole file.

        Raises:
            DataError: it is damaged.
        """
        self._database.check()

    def _ids(self, connection: sqlite3.Connection) -> dict[str, str]:
        """Name -> id."""
        rows = connection.execute("SELECT id, name FROM people")
        return {self._text(name, f"people {person} name"): person for person, name in rows}

    def _text(self, sealed: bytes, place: str) -> str:
        return self._cipher.open(sealed, place).decode()

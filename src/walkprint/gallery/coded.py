"""The sign codes of a large gallery: kept in its file beside the walks, and deleted with them; vectors stay on disk."""

import sqlite3
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from walkprint.gallery.codes import Codes
from walkprint.gallery.known import Known
from walkprint.gallery.records import unpack_unit

_TABLE = (
    "CREATE TABLE IF NOT EXISTS codes (number INTEGER PRIMARY KEY AUTOINCREMENT, walk TEXT NOT NULL UNIQUE REFERENCES "
    "walks ON DELETE CASCADE, person TEXT NOT NULL, code BLOB NOT NULL, norms BLOB NOT NULL)"
)
_AT_ONCE = 1000
Floats = NDArray[np.float32]
Halves = NDArray[np.float16]
Encode = Callable[[Halves, Sequence[str]], tuple[NDArray[np.uint64], Floats]]


class CodedWalks:
    """Proposes the walks of a gallery that may be nearest, and reads the vectors of those alone.

    Codes are made from a basis, opaque here: whoever codes the walks knows what it means.

    Args:
        gallery: whose walks.

    Attributes:
        people: uint64 (walk,), the person's id as a number.
    """

    def __init__(self, gallery: Known) -> None:
        self._gallery, self._database, self._cipher = gallery, gallery._database, gallery._cipher
        with self._database.writing() as connection:
            connection.execute(_TABLE)
        self.clear()

    def clear(self) -> None:
        """Hold nothing in memory."""
        self._codes = Codes(np.zeros((0, 0), np.uint64))
        self._numbers, self.people = np.zeros(0, np.int64), np.zeros(0, np.uint64)

    def __len__(self) -> int:
        """How many walks are held."""
        return len(self._numbers)

    def kept(self, name: str) -> bytes | None:
        """A value that `keep` kept."""
        sealed = self._database.value("SELECT value FROM meta WHERE name = ?", name)
        return None if sealed is None else self._cipher.open(sealed, f"meta {name}")

    def keep(self, name: str, value: bytes, *, anew: bool = False) -> None:
        """Keep a value in the gallery; `anew` deletes all codes with it."""
        with self._database.writing() as connection:
            if anew:
                connection.execute("DELETE FROM codes")
            sealed = self._cipher.seal(value, f"meta {name}")
            connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, sealed))
        if anew:
            self.clear()

    def update(self, encode: Encode) -> None:
        """Code the walks that have no code yet, and hold the codes of all.

        Args:
            encode: parts of unit length, float16 (walk, part, feature), and the walks' views -> codes, uint64 (walk,
                word), and norms, float32 (walk, part), which are kept beside them.
        """
        coded = self._database.value("SELECT count(*) FROM codes")
        last: int | None = 0 if self._gallery.count_walks() > coded else None
        while last is not None:
            last = self._code_some(encode, last)
        with self._database.reading() as connection:
            count, highest = connection.execute("SELECT count(*), coalesce(max(number), 0) FROM codes").fetchone()
            if count != len(self) or highest != self._numbers[-1:].sum():
                self._read(connection, count)

    def _code_some(self, encode: Encode, last: int) -> int | None:
        """Code some walks behind a row; returns the last of them, None if there was none."""
        binding = self._gallery.binding
        with self._database.writing() as connection:
            rows = connection.execute(
                "SELECT walks.rowid, id, walks.person, view, vectors FROM walks LEFT JOIN codes ON walk = id "
                "WHERE walk IS NULL AND walks.rowid > ? ORDER BY walks.rowid LIMIT ?",
                (last, _AT_ONCE),
            ).fetchall()
            if not rows:
                return None
            blobs = [self._cipher.open(row[4], f"walks {row[1]} vectors") for row in rows]
            units = unpack_unit(blobs, binding.parts, binding.features)[1]
            words, norms = encode(units, [row[3] for row in rows])
            connection.executemany(
                "INSERT INTO codes (walk, person, code, norms) VALUES (?, ?, ?, ?)",
                [
                    (row[1], row[2], self._cipher.seal(word.tobytes(), f"codes {row[1]} code"), norm.tobytes())
                    for row, word, norm in zip(rows, words, norms, strict=True)
                ],
            )
        return int(rows[-1][0])

    def _read(self, connection: sqlite3.Connection, count: int) -> None:
        self.clear()
        numbers, people = np.empty(count, np.int64), np.empty(count, np.uint64)
        found = connection.execute("SELECT number, walk, person, code FROM codes ORDER BY number")
        place, words = 0, np.zeros((0, 0), np.uint64)
        while rows := found.fetchmany(_AT_ONCE):
            some = b"".join(self._cipher.open(code, f"codes {walk} code") for _, walk, _, code in rows)
            codes = np.frombuffer(some, np.uint64).reshape(len(rows), -1)
            words = words if place else np.empty((count, codes.shape[1]), np.uint64)
            here = slice(place, place := place + len(rows))
            words[here] = codes
            numbers[here], people[here] = [row[0] for row in rows], [int(row[2], 16) for row in rows]
        self._codes, self._numbers, self.people = Codes(words), numbers, people

    def propose(self, probes: Floats, most: int) -> NDArray[np.int64]:
        """See `Codes.propose`."""
        return self._codes.propose(probes, most)

    def vectors(self, rows: NDArray[np.int64]) -> tuple[Halves, list[str], Floats, NDArray[np.uint64]]:
        """Read some walks: parts of unit length, float16 (walk, part, feature); views; norms; people.

        A walk that another process has deleted meanwhile is missing.
        """
        binding = self._gallery.binding
        numbers, found = np.sort(self._numbers[rows]).tolist(), []
        with self._database.reading() as connection:
            for start in range(0, len(numbers), _AT_ONCE):
                some = ",".join(map(str, numbers[start : start + _AT_ONCE]))
                found += connection.execute(
                    "SELECT id, vectors, view, norms, walks.person FROM codes CROSS JOIN walks ON id = walk "
                    f"WHERE number IN ({some})"
                ).fetchall()
        blobs = [self._cipher.open(vectors, f"walks {walk} vectors") for walk, vectors, *_ in found]
        norms = np.frombuffer(b"".join(row[3] for row in found), np.float32).reshape(len(found), binding.parts)
        people = np.array([int(row[4], 16) for row in found], np.uint64)
        return unpack_unit(blobs, binding.parts, binding.features)[1], [row[2] for row in found], norms, people

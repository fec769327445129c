"""The SQLite file of a gallery: opened safely, written in whole transactions, wiped when something is deleted."""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from walkprint.core.errors import DataError
from walkprint.gallery import journal

_APPLICATION, _VERSION = 0x77616C6B, 1
_WAIT_S = 30.0
_ADVICE = {
    "locked": "wait until the other process has written",
    "disk I/O": "nothing was changed; make room on the disk",
    "is full": "nothing was changed; make room on the disk",
}
_PRAGMAS = (
    "journal_mode=WAL", "foreign_keys=ON", "secure_delete=ON", "synchronous=FULL", "temp_store=MEMORY",
    "trusted_schema=OFF", "cell_size_check=ON", "cache_size=-32768",
)  # fmt: skip
_SCHEMA = (
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID",
    "CREATE TABLE people (id TEXT PRIMARY KEY, name BLOB NOT NULL, consent BLOB NOT NULL, added TEXT NOT NULL, "
    "expires TEXT)",
    "CREATE TABLE walks (id TEXT PRIMARY KEY, person TEXT NOT NULL REFERENCES people ON DELETE CASCADE, added TEXT NOT "
    "NULL, frames INTEGER NOT NULL, quality REAL NOT NULL, view TEXT NOT NULL, input TEXT NOT NULL, vectors BLOB NOT "
    "NULL, silhouettes BLOB)",
    "CREATE INDEX walks_of ON walks (person)",
    *journal.SCHEMA,
)


class Database:
    """One file; several processes may hold it, one of them writes at a time and the others wait.

    Args:
        path: of the file; made if it is not there and `create` is set.
        create: whether it may be made.

    Raises:
        DataError: it is not there, cannot be read, is no gallery, or is another version's.
    """

    def __init__(self, path: str | Path, *, create: bool) -> None:
        self.path = Path(path)
        self._lock = threading.RLock()
        if not self.path.exists():
            if not create:
                raise DataError(f"{path}: no such gallery; enroll somebody first")
            self.path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
        with self._asking():
            self._connection = sqlite3.connect(
                self.path, timeout=_WAIT_S, isolation_level=None, check_same_thread=False
            )
            for pragma in _PRAGMAS:
                self._connection.execute(f"PRAGMA {pragma}").fetchall()
        if self.value("PRAGMA application_id") != _APPLICATION:
            self._make()
        if self.value("PRAGMA user_version") != _VERSION:
            raise DataError(f"{path}: version {self.value('PRAGMA user_version')} of a gallery; expected {_VERSION}")

    def _make(self) -> None:
        with self.writing() as connection:
            if self.value("PRAGMA application_id") == _APPLICATION:  # another process was quicker
                return
            if self.value("SELECT count(*) FROM sqlite_schema"):
                raise DataError(f"{self.path}: a database, but no gallery; choose another file")
            for statement in _SCHEMA:
                connection.execute(statement)
            connection.execute("INSERT INTO meta VALUES ('state', 0)")
            connection.execute(f"PRAGMA user_version={_VERSION}")
            connection.execute(f"PRAGMA application_id={_APPLICATION}")

    @contextmanager
    def _asking(self) -> Iterator[None]:
        try:
            with self._lock:
                yield
        except sqlite3.Error as error:
            advice = next((says for fault, says in _ADVICE.items() if fault in str(error)), "it may be no gallery")
            raise DataError(f"{self.path}: cannot be used ({error}); {advice}") from error

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection that sees one state of the file, whatever others write meanwhile."""
        with self._asking():
            if self._connection.in_transaction:
                yield self._connection
                return
            self._connection.execute("BEGIN")
            try:
                yield self._connection
            finally:
                self._connection.execute("ROLLBACK")

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A connection whose changes are kept together when the block ends, or not at all."""
        with self._asking():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    def value(self, query: str, *values: Any) -> Any:
        """The first column of the first row, or None."""
        with self._asking():
            row = self._connection.execute(query, values).fetchone()
        return row[0] if row else None

    def meta(self) -> dict[str, Any]:
        """The table of that name."""
        with self.reading() as connection:
            return dict(connection.execute("SELECT name, value FROM meta").fetchall())

    def change_state(self) -> int:
        """Raise the number of the state, inside `writing`."""
        self._connection.execute("UPDATE meta SET value = value + 1 WHERE name = 'state'")
        return int(self.value("SELECT value FROM meta WHERE name = 'state'"))

    def wipe(self) -> None:
        """Write the file anew without anything that was deleted, and empty its log.

        Raises:
            DataError: another process has been reading an old state for half a minute.
        """
        with self._asking():
            self._connection.execute("VACUUM")
            busy = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        if busy:
            raise DataError(
                f"{self.path}: deleted, but the log still holds it because another process is reading; end that, "
                "then wipe the gallery again"
            )

    def check(self) -> None:
        """Check the whole file.

        Raises:
            DataError: it is damaged.
        """
        with self.reading() as connection:
            found = [row[0] for row in connection.execute("PRAGMA integrity_check(3)")]
            found += [
                f"walk without a person in row {row[1]}" for row in connection.execute("PRAGMA foreign_key_check")
            ]
        if found != ["ok"]:
            raise DataError(f"{self.path}: damaged ({'; '.join(found)}); restore it from a copy")

    def copy_to(self, path: Path) -> None:
        """Copy the file as it is."""
        with self._asking():
            path.unlink(missing_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            with closing(sqlite3.connect(path)) as target:
                self._connection.backup(target)

    def close(self) -> None:
        """Close the file; the last process to do so empties its log."""
        with self._asking():
            self._connection.close()

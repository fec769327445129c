"""The journal: one line for every question and change, each holding the digest of the line before it.

It names people by their random ids only. When a name is forgotten the lines stay as they are, and the chain holds.
Whoever can write the file can also make a whole new chain; keep the digest of the last line elsewhere to notice that.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from walkprint.core.errors import DataError

SCHEMA = (
    "CREATE TABLE journal (number INTEGER PRIMARY KEY, line TEXT NOT NULL, digest TEXT NOT NULL)",
    "CREATE TRIGGER journal_is_not_changed BEFORE UPDATE ON journal BEGIN SELECT RAISE(ABORT, 'append only'); END",
    "CREATE TRIGGER journal_is_not_cut BEFORE DELETE ON journal BEGIN SELECT RAISE(ABORT, 'append only'); END",
)
_START = "walkprint journal 1"


@dataclass(frozen=True, slots=True)
class Event:
    """One line.

    Attributes:
        number: from 1.
        action: "enroll", "amend", "identify", "confirm", "forget", "expire", "merge", "export" or "re-embed".
        asked_by: who asked, as the caller gave it.
        begun, ended: UTC, ISO 8601.
        state: number of the gallery's state afterwards.
        input: digest of what was looked at, "" if nothing.
        people: ids of the people who were matched or changed; random, without names.
        confirms: number of the line whose match somebody confirmed or corrected, or None.
        digest: of this line and all before it.
    """

    number: int
    action: str
    asked_by: str
    begun: str
    ended: str
    state: int
    input: str
    people: Sequence[str]
    confirms: int | None
    digest: str


def now() -> str:
    """UTC, ISO 8601, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def append(connection: sqlite3.Connection, **fields: Any) -> int:
    """Add a line inside the transaction that is open; returns its number."""
    last = connection.execute("SELECT number, digest FROM journal ORDER BY number DESC LIMIT 1").fetchone()
    number, before = (last[0] + 1, last[1]) if last else (1, _START)
    line = json.dumps({"number": number, **fields}, ensure_ascii=False, sort_keys=True)
    connection.execute("INSERT INTO journal VALUES (?, ?, ?)", (number, line, _digest(before, line)))
    return number


def events(connection: sqlite3.Connection, since: int = 0) -> Iterator[Event]:
    """The lines after number `since`, in order.

    Raises:
        DataError: a line is not one of ours.
    """
    for number, line, digest in connection.execute("SELECT * FROM journal WHERE number > ? ORDER BY number", (since,)):
        try:
            yield Event(**json.loads(line), digest=digest)
        except (ValueError, TypeError) as error:
            raise DataError(f"journal: line {number} is damaged ({error})") from error


def verify(connection: sqlite3.Connection) -> tuple[int, str]:
    """Check the chain; returns how many lines there are, and the digest of the last.

    Raises:
        DataError: names the first line that was changed or is missing.
    """
    before, count = _START, 0
    for number, line, digest in connection.execute("SELECT * FROM journal ORDER BY number"):
        if number != count + 1:
            raise DataError(f"journal: line {count + 1} is missing; restore the gallery from a copy that you trust")
        if _digest(before, line) != digest:
            raise DataError(f"journal: line {number} was changed; restore the gallery from a copy that you trust")
        before, count = digest, number
    return count, before if count else ""


def _digest(before: str, line: str) -> str:
    return hashlib.sha256(f"{before}\n{line}".encode()).hexdigest()

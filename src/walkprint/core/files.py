"""Files written atomically, and names sorted by their numbers."""

import contextlib
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

_DIGITS = re.compile(r"([0-9]+)")


@contextlib.contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Write a file atomically: the block writes to a temporary file, which then replaces `path`.

    A reader sees the old file or the new one. When the block raises, `path` stays as it was. Missing folders are made.

    Yields:
        Where to write, in the folder of `path`.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_atomically(path: str | Path, content: str | bytes) -> None:
    """Write text (as UTF-8) or bytes so that a reader sees the old file or the new one; missing folders are made."""
    with replacing(path) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)


def in_number_order(names: Iterable[str]) -> list[str]:
    """Names sorted by the numbers in them: frame 2 before frame 10."""

    def pieces(name: str) -> list[str | int]:
        return [int(piece) if i % 2 else piece for i, piece in enumerate(_DIGITS.split(name))]

    return sorted(names, key=lambda name: (pieces(name), name))

"""Files written atomically, read only where they are files, names sorted by their numbers, text that can be shown."""

import contextlib
import errno
import os
import re
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from walkprint.core.errors import DataError
from walkprint.core.spelling import did_you_mean

_OPENED = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)  # a pipe does not wait
IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp"})
"""Of pictures that are read."""
_DIGITS = re.compile(r"(\d+)")
UNSEEN = r"\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff"
_UNSEEN = re.compile(f"[{UNSEEN}]")


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


def printable(text: str) -> str:
    """Text whose control codes, bidirectional overrides and half characters are spelled out by their numbers."""
    return _UNSEEN.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def read_bytes(path: str | Path, most: int | None = None) -> bytes:
    """What a file holds.

    Args:
        path: the file.
        most: bytes that it may have at most.

    Raises:
        OSError: it is missing, larger, or no regular file; a pipe would be waited for.
    """
    file = os.open(path, _OPENED)  # without Python's buffers, which cost a quarter of the reading of a small picture
    try:
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "is no regular file", str(path))
        if most is not None and found.st_size > most:
            raise OSError(errno.EFBIG, f"has {found.st_size:,} bytes, expected at most {most:,}", str(path))
        content = os.read(file, found.st_size)
        while len(content) < found.st_size and (piece := os.read(file, found.st_size - len(content))):
            content += piece
        return content
    finally:
        os.close(file)


def write_atomically(path: str | Path, content: str | bytes) -> None:
    """Write text or bytes so that a reader sees the old file or the new one; missing folders are made.

    Text is written as UTF-8, what cannot be shown in it spelled out; see `printable`.
    """
    with replacing(path) as temporary:
        temporary.write_bytes(printable(content).encode() if isinstance(content, str) else content)


def in_number_order(names: Iterable[str]) -> list[str]:
    """Names sorted by the numbers in them: frame 2 before frame 10."""

    def pieces(name: str) -> list[str | int]:
        return [int(piece) if i % 2 else piece for i, piece in enumerate(_DIGITS.split(name))]

    return sorted(names, key=lambda name: (pieces(name), name))


def check_there(*paths: str | Path | None, advice: str = "") -> None:
    """Refuse files or folders that are not there; None stands for one that is not asked for.

    Raises:
        DataError: names the first, and the one beside it with the nearest spelling.
    """
    for path in (Path(one) for one in paths if one is not None):
        if not path.exists():
            beside = {str(one) for one in path.parent.glob("*")} if path.parent.is_dir() else set()
            raise DataError(f"{path}: no such file or folder{did_you_mean(str(path), beside) or advice}")

"""The token of a server: made at first start, in a file that only its owner can read."""

import os
import re
import secrets
import stat
from pathlib import Path

from walkprint.core.errors import DataError

_LEAST = 32


def token_beside(gallery: Path) -> Path:
    """Where the token of a gallery lies by default."""
    return gallery.with_name(f"{gallery.name}.token")


def read_or_make_token(path: Path) -> tuple[str, bool]:
    """The token in a file, and whether it was made just now.

    Raises:
        DataError: others can read the file, or it holds no token.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            token = secrets.token_urlsafe(_LEAST)
            file.write(f"{token}\n")
        return token, True
    except FileExistsError:
        pass
    if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise DataError(f"{path}: others on this machine can read the token; run chmod 600 on it")
    token = path.read_text(encoding="utf-8", errors="replace").strip()
    if not re.fullmatch(rf"[A-Za-z0-9_\-.~+/=]{{{_LEAST},}}", token):
        raise DataError(
            f"{path}: found {len(token)} characters; expected a token of at least {_LEAST} letters and digits: remove "
            "the file, and a token is made"
        )
    return token, False

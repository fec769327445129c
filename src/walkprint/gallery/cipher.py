"""Encryption at rest: AES-GCM for every name, note, embedding and silhouette, with a fresh nonce each.

Each value is bound to its place: moved to another row, it cannot be opened.
"""

import re
import secrets
from pathlib import Path
from typing import Any, Protocol

from walkprint.core.errors import DataError

_NONCE_BYTES = 12


class Cipher(Protocol):
    """Closes and opens values; `place` names the row and column."""

    def seal(self, plain: bytes, place: str) -> bytes:
        """The value as it is stored."""

    def open(self, sealed: bytes, place: str) -> bytes:
        """The value again."""


class Plain:
    """No encryption."""

    def seal(self, plain: bytes, place: str) -> bytes:
        """See `Cipher`."""
        return plain

    def open(self, sealed: bytes, place: str) -> bytes:
        """See `Cipher`."""
        return sealed


class Sealed:
    """AES-256-GCM.

    Args:
        key: 32 bytes.

    Raises:
        DataError: another length, or the package `cryptography` is missing.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) != 32:
            raise DataError(f"key of {len(key)} bytes; expected 32, as `new_key` makes them")
        try:
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM
        except ImportError as error:
            raise DataError("encryption needs the package cryptography: pip install walkprint[gallery]") from error
        self._box: Any = AESGCM(key)

    def seal(self, plain: bytes, place: str) -> bytes:
        """See `Cipher`."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + bytes(self._box.encrypt(nonce, plain, place.encode()))

    def open(self, sealed: bytes, place: str) -> bytes:
        """See `Cipher`.

        Raises:
            DataError: another key sealed it, or it was changed or moved.
        """
        from cryptography.exceptions import InvalidTag

        try:
            return bytes(self._box.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], place.encode()))
        except (InvalidTag, ValueError) as error:
            raise DataError(
                f"{place}: cannot be opened with this key; give the key that the gallery was made with"
            ) from error


def new_key() -> str:
    """A random key, 64 hexadecimal digits."""
    return secrets.token_hex(32)


def parse_key(text: str) -> bytes:
    """The key that 64 hexadecimal digits spell.

    Raises:
        DataError: the text is something else; the message does not repeat it.
    """
    if not re.fullmatch(r"[0-9a-fA-F]{64}", text.strip()):
        raise DataError(
            f"key: found {len(text.strip())} characters; expected 64 hexadecimal digits, as `new_key` makes"
        )
    return bytes.fromhex(text.strip())


def read_key(path: str | Path) -> bytes:
    """The key in a file.

    Raises:
        DataError: the file cannot be read or holds something else.
    """
    try:
        return parse_key(Path(path).read_text(encoding="ascii"))
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: no key can be read ({error})") from error
    except DataError as error:
        raise DataError(f"{path}: {error}") from None

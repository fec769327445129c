"""Importing data that OpenGait prepared: `id/type/view/*.pkl`, each one pickled array of frames.

A pickle can run any program. This reader admits arrays of plain numbers and nothing else: every name that a pickle may
ask for is answered by a harmless stand-in of our own, so that no function of numpy or Python is ever called on behalf
of the file.
"""

import io
import math
import pickle  # the restricted reader below; nothing here calls pickle.load
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from walkprint.core.errors import DataError
from walkprint.core.sequence import Clip, SequenceKey
from walkprint.data.base import Reading
from walkprint.data.folder import Folder


class OpenGaitTree(Folder):
    """Data that OpenGait prepared, as folders `id/type/view/*.pkl`; frames are taken as they are.

    Args: as for `Folder`; `size_px` is the height and width that the pickled frames have.
    """

    LAYOUT = "OpenGait's id/type/view/view.pkl"
    SUFFIXES = frozenset({".pkl"})

    def _read_folder(self, folder: Path, key: SequenceKey) -> Reading:
        names = [name for name, is_folder in self._entries(folder) if not is_folder and name.endswith(".pkl")]
        if not names:
            return Reading(None)
        if len(names) > 1 and f"{folder.name}.pkl" not in names:
            raise DataError(f"{folder}: found {', '.join(sorted(names))}; expected one pickle, {folder.name}.pkl")
        path = folder / (names[0] if len(names) == 1 else f"{folder.name}.pkl")
        try:
            frames = self._checked(load_array(path))
        except DataError as error:
            return Reading(None, {"unreadable sequence": 1}, (f"{path.relative_to(self.root)}: {error}",))
        return Reading(Clip(frames, key) if len(frames) else None)

    def _checked(self, array: NDArray[Any]) -> NDArray[np.uint8]:
        frames = array[:, None] if array.ndim == 3 else array
        sound = frames.ndim == 4 and frames.dtype == np.uint8 and frames.shape[1] in (1, 3)
        if not sound or frames.shape[2:] != (self.size_px, self.size_px):
            raise DataError(
                f"array is {array.dtype} {array.shape}, expected uint8 (time, {self.size_px}, {self.size_px}); "
                "another size is a matter of size_px"
            )
        return np.ascontiguousarray(frames)


def load_array(path: str | Path) -> NDArray[Any]:
    """Read a pickle that holds one array of numbers.

    Raises:
        DataError: it holds or asks for anything else, or is damaged; nothing of it was executed.
    """
    try:
        found = _ArrayUnpickler(io.BytesIO(Path(path).read_bytes())).load()
    except DataError:
        raise
    except Exception as error:  # a damaged pickle can raise about anything
        raise DataError(f"damaged pickle ({type(error).__name__}: {error})") from error
    if not isinstance(found, _Array):
        raise DataError(f"pickle holds {type(found).__name__}, expected one numpy array")
    return found.value()


class _Kind:
    """Stands in for numpy.dtype: only plain numbers."""

    def __init__(self, name: object = None, *_: object) -> None:
        if not isinstance(name, str) or name not in {"b1", "u1", "u2", "u4", "i1", "i2", "i4", "i8", "f4", "f8"}:
            raise DataError(f"array of {name!r}; expected plain numbers")
        self.kind = np.dtype(name)

    def __setstate__(self, state: object) -> None:
        if isinstance(state, tuple) and len(state) > 1 and state[1] == ">":
            self.kind = self.kind.newbyteorder(">")


class _Array:
    """Stands in for numpy.ndarray while it is being read."""

    def __init__(self) -> None:
        self._state: tuple[object, ...] = ()

    def __setstate__(self, state: object) -> None:
        if not isinstance(state, tuple) or len(state) != 5:
            raise DataError("array of an unknown version")
        self._state = state[1:]

    def value(self) -> NDArray[Any]:
        """The array, built by us from bytes, shape and kind."""
        if len(self._state) != 4:
            raise DataError("array without content")
        shape, kind, by_columns, raw = self._state
        if not isinstance(kind, _Kind) or not isinstance(shape, tuple) or not isinstance(raw, bytes | bytearray):
            raise DataError("array with a damaged shape, kind or content")
        if not all(type(size) is int and size >= 0 for size in shape):
            raise DataError(f"array of shape {shape}")
        if len(raw) != math.prod(shape) * kind.kind.itemsize:
            raise DataError(f"array of shape {shape} with {len(raw)} bytes")
        return np.frombuffer(raw, dtype=kind.kind).reshape(shape, order="F" if by_columns else "C").copy()


def _reconstruct(*_: object) -> _Array:
    """Stands in for numpy's function of that name, which makes an empty array to be filled."""
    return _Array()


def _from_buffer(raw: object, kind: object, shape: object, order: object = "C") -> _Array:
    """Stands in for numpy's function of that name (pickle protocol 5)."""
    array = _Array()
    array.__setstate__((1, shape, kind, order == "F", raw))
    return array


def _encode(text: object, encoding: object = None) -> bytes:
    """Stands in for `_codecs.encode`, by which pickle protocols 0 to 2 write bytes."""
    if not isinstance(text, str) or encoding != "latin1":
        raise DataError("bytes in an unknown encoding")
    return text.encode("latin1")


def _no_bytes() -> bytes:
    """Stands in for `bytes`, by which pickle protocols 0 to 2 write an array without elements."""
    return b""


_ADMITTED: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Kind,
    ("_codecs", "encode"): _encode,
    ("__builtin__", "bytes"): _no_bytes,
    ("builtins", "bytes"): _no_bytes,
}
for _package in ("numpy.core", "numpy._core"):
    _ADMITTED[f"{_package}.multiarray", "_reconstruct"] = _reconstruct
    _ADMITTED[f"{_package}.numeric", "_frombuffer"] = _from_buffer


class _ArrayUnpickler(pickle.Unpickler):  # answers only with the stand-ins above
    def find_class(self, module_name: str, global_name: str, /) -> Any:
        try:
            return _ADMITTED[module_name, global_name]
        except KeyError:
            raise DataError(
                f"pickle asks for {module_name}.{global_name}; only numpy arrays are admitted, nothing was executed"
            ) from None

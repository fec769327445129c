"""Importing data that OpenGait prepared: `id/type/view/*.pkl`, each one pickled array of frames.

A pickle can run any program. This reader admits arrays of plain numbers and nothing else: every name that a pickle may
ask for is answered by a harmless stand-in of our own, so that no function of numpy or Python is ever called on behalf
of the file.
"""

import io
import math
import pickle  # the restricted reader below; nothing here calls pickle.load
from collections import Counter
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from walkprint.core.bounds import CountOrZero, SizePx
from walkprint.core.errors import DataError, RecipeError
from walkprint.core.files import read_bytes
from walkprint.core.masks import NoMaskError, doubts, silhouettes
from walkprint.core.sequence import Clip, SequenceKey
from walkprint.data.base import Reading
from walkprint.data.folder import Folder
from walkprint.data.tree import LOOK_EVERY

_SIZE_PX = 64


class OpenGaitTree(Folder):
    """Data that OpenGait prepared, as folders `id/type/view/*.pkl`; frames are taken as they are.

    Masks are what `walkprint.core.masks` says; narrow frames (64 x 44, 128 x 88) get black columns up to a square.

    Args:
        root: the raw tree.
        train, partition, labels: as of `Folder`.
        pickle: which file of a folder is read where there are several: a pattern, e.g. "*sil*.pkl"; when None, the one
            named after its folder.
        size_px: height of the pickled frames, and width of the store's; that of the first pickle when None.

    Raises:
        DataError: another layout, or a folder with several pickles of which none or several fit.
        RecipeError: as of `Folder`.
    """

    LAYOUT = "OpenGait's id/type/view/view.pkl"
    SUFFIXES = frozenset({".pkl"})

    def __init__(
        self,
        root: str | Path,
        *,
        train: CountOrZero | Sequence[str] | None = None,
        partition: str | Path | None = None,
        pickle: str | None = None,
        labels: bool = False,
        size_px: SizePx | None = None,
    ) -> None:
        self._pickle = pickle
        super().__init__(root, train=train, partition=partition, labels=labels, size_px=size_px or _SIZE_PX)
        if size_px is None:
            self.size_px = self._found_size()

    def cleaned(self) -> Self:
        """See `GaitDataset`: these masks are cut and scaled already, so cleaning comes too late."""
        raise RecipeError("OpenGaitTree: its frames are cut and scaled already; clean the masks before that")

    @property
    def settings(self) -> Mapping[str, Any]:
        """See `GaitDataset`."""
        return {**super().settings, **({} if self._pickle is None else {"pickle": self._pickle})}

    def _found_size(self) -> int:
        """The height of the first frames that can be read; even, as all sizes are."""
        for key in self._catalogue:
            try:
                height = load_array(self._chosen(self._folders[key]) or "").shape[-2]
            except (DataError, IndexError):
                continue
            return height if height > 1 and height % 2 == 0 else _SIZE_PX
        return _SIZE_PX

    def _chosen(self, folder: Path) -> Path | None:
        names = sorted(name for name, is_folder in self._entries(folder) if not is_folder and name.endswith(".pkl"))
        fitting = [name for name in names if fnmatchcase(name, self._pickle or "*")]
        if self._pickle is None and len(names) > 1:
            fitting = [f"{folder.name}.pkl"] if f"{folder.name}.pkl" in names else names
        if names and len(fitting) != 1:
            wanted = f"one pickle, {folder.name}.pkl" if self._pickle is None else f"one that fits {self._pickle!r}"
            raise DataError(
                f"{folder}: found {', '.join(names)}; expected {wanted}; choose by the setting pickle, a pattern "
                "such as '*sil*.pkl'"
            )
        return folder / fitting[0] if fitting else None

    def _read_folder(self, folder: Path, key: SequenceKey) -> Reading:
        path = self._chosen(folder)
        if path is None:
            return Reading(None)
        try:
            frames, dropped = self._checked(load_array(path))
        except NoMaskError as error:
            return Reading(None, {str(error): 1}, (f"{path.relative_to(self.root)}: {error.detail or error}",))
        except DataError as error:
            return Reading(None, {"unreadable sequence": 1}, (f"{path.relative_to(self.root)}: {error}",))
        looked_at = frames[::LOOK_EVERY, 0] if frames.shape[1] == 1 else ()
        doubtful = Counter(one for mask in looked_at for one in doubts(mask) if one != "cut")
        return Reading(Clip(frames, key) if len(frames) else None, dropped, (), doubtful, len(looked_at))

    def _checked(self, array: NDArray[Any]) -> tuple[NDArray[np.uint8], Mapping[str, int]]:
        """Frames as a store holds them, and why others were left out -> how many."""
        if array.ndim == 4 and array.shape[1] == 1:
            array = array[:, 0]
        color = array.ndim == 4 and array.shape[1] == 3 and array.dtype == np.uint8
        height, width = array.shape[-2:] if array.ndim == 3 or color else (0, 0)
        if height != self.size_px or not 0 < width <= height:
            raise DataError(
                f"array is {array.dtype} {array.shape}, expected (time, height, width) of masks, or (time, 3, height, "
                f"width) of uint8 RGB, {self.size_px} high as size_px says and at most as wide"
            )
        frames, dropped = (array, {}) if color or not len(array) else silhouettes(array, labels=self._labels)
        left = (height - width) // 2
        padded = np.zeros((len(frames), 3 if color else 1, height, height), np.uint8)
        padded[..., left : left + width] = frames if color else frames[:, None]
        return padded, dropped


def load_array(path: str | Path) -> NDArray[Any]:
    """Read a pickle that holds one array of numbers.

    Raises:
        DataError: it holds or asks for anything else, or is damaged; nothing of it was executed.
    """
    try:
        found = _ArrayUnpickler(io.BytesIO(read_bytes(path))).load()
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

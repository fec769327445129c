"""Arrays of .npz files, whose sizes are compared with the file before memory is taken."""

import math
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

_LARGEST_RATIO = 1100  # what deflate can save at most


def read_arrays(path: str | Path, names: Iterable[str], perhaps: Iterable[str] = ()) -> dict[str, NDArray[Any]]:
    """Some arrays of a .npz file; nothing is unpickled.

    Args:
        path: the file.
        names: of the arrays.
        perhaps: further ones, which may be absent.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no such file, an array is missing, damaged, or larger than the file can hold.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = [*names, *(name for name in perhaps if f"{name}.npy" in archive.namelist())]
            for name in names:
                _check_size(archive, name)
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in names}
    except (OSError, ValueError):
        raise
    except Exception as error:  # a damaged archive can raise about anything
        raise ValueError(f"{type(error).__name__}: {error}") from error


def read_header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether by columns, and type of an array in the format .npy; the file is left where its numbers begin."""
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    return read(file)


def _check_size(archive: zipfile.ZipFile, name: str) -> None:
    entry = archive.getinfo(f"{name}.npy")
    if entry.file_size > _LARGEST_RATIO * max(entry.compress_size, 1):
        raise ValueError(f"{name} is larger than the file can hold")
    with archive.open(entry) as file:
        shape, _, kind = read_header(file)
        if (
            kind.hasobject
            or min(shape, default=0) < 0
            or file.tell() + math.prod(shape) * kind.itemsize != entry.file_size
        ):
            raise ValueError(f"{name} is not as large as its header says")

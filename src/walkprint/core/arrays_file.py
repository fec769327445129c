"""Files of named arrays with text beside them: safetensors."""

from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from walkprint.core.errors import GaitError


def read_arrays(
    path: str | Path, error: type[GaitError], advice: str
) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """All arrays of a file, and its metadata.

    Args:
        path: of the file.
        error: what is raised.
        advice: what was expected, or what to do.

    Raises:
        GaitError: `error`, where the file is missing or damaged.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            names = file.keys()
            return {name: file.get_tensor(name) for name in names}, file.metadata() or {}
    except (OSError, SafetensorError) as found:
        raise error(f"{path}: cannot be read ({found}); {advice}") from found

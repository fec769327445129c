"""Reads published checkpoints: only tensors and plain data are admitted, nothing in a file can run."""

import warnings
from pathlib import Path
from typing import Any

import torch

from walkprint.core.errors import CheckpointError


def read_published(path: str | Path, expected: str) -> Any:
    """What a file of `torch.save` holds, on the CPU.

    Args:
        path: the file.
        expected: what it should be, for the message.

    Raises:
        CheckpointError: the file is missing or damaged, or holds more than tensors and plain data.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror}); expected {expected}") from error
    except Exception as error:  # a damaged file can raise almost anything
        reason = " ".join(str(error).split())[:100]
        raise CheckpointError(
            f"{path}: damaged, or more than tensors and plain data ({reason}); where you trust it, "
            "save its state dict alone and give that"
        ) from error

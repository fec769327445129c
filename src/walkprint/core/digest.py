"""A short name for weights: the same for the same numbers, whatever file they came from."""

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import nn


def weights_digest(module: "nn.Module") -> str:
    """The first twelve hexadecimal digits of the SHA-256 digest of all parameters and buffers."""
    import torch

    digest = hashlib.sha256()
    for name, value in sorted(module.state_dict().items()):
        array = value.detach().cpu().contiguous()
        digest.update(f"{name} {array.dtype} {tuple(array.shape)};".encode())
        digest.update(array.reshape(-1).view(torch.uint8).numpy().data if array.numel() else b"")
    return digest.hexdigest()[:12]


def weights_source(network: "nn.Module") -> str:
    """A network's class and a digest of its weights, e.g. "GaitSet 3f2a9c0b14de"."""
    return f"{type(network).__name__} {weights_digest(network)}"


def arrays_digest(arrays: Mapping[str, NDArray[Any]], text: str = "") -> str:
    """The first twelve hexadecimal digits of the SHA-256 digest of some arrays, and of text that goes with them."""
    digest = hashlib.sha256(text.encode())
    for name, array in sorted(arrays.items()):
        digest.update(f"{name} {array.dtype} {array.shape};".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:12]

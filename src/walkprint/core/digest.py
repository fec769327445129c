"""A short name for weights: the same for the same numbers, whatever file they came from."""

import hashlib

import torch
from torch import nn


def weights_digest(module: nn.Module) -> str:
    """The first twelve hexadecimal digits of the SHA-256 digest of all parameters and buffers."""
    digest = hashlib.sha256()
    for name, value in sorted(module.state_dict().items()):
        array = value.detach().cpu().contiguous()
        digest.update(f"{name} {array.dtype} {tuple(array.shape)};".encode())
        digest.update(array.reshape(-1).view(torch.uint8).numpy().data if array.numel() else b"")
    return digest.hexdigest()[:12]

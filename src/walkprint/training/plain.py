"""Nested state to plain JSON plus named tensors and back, so that nothing is ever pickled."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from walkprint.core.errors import CheckpointError

_SCALARS = (str, int, float, bool, type(None))


def to_plain(state: Any, tensors: dict[str, Tensor], path: str = "") -> Any:
    """State as JSON can hold it; its tensors are moved to `tensors` under their paths.

    Args:
        state: dicts, lists, tuples, numbers, text, tensors and arrays, nested.
        tensors: filled with CPU copies or views.
        path: where in the whole state we are.

    Raises:
        CheckpointError: something else is among it.
    """
    if isinstance(state, np.generic):
        state = state.item()
    if isinstance(state, np.ndarray):
        return {"array": state.tolist(), "dtype": str(state.dtype)}
    if isinstance(state, Tensor):
        tensors[path] = state.detach()
        return {"tensor": path}
    if isinstance(state, _SCALARS):
        return state
    if isinstance(state, list | tuple):
        items = [to_plain(item, tensors, f"{path}/{i}") for i, item in enumerate(state)]
        return {"tuple" if isinstance(state, tuple) else "list": items}
    if isinstance(state, Mapping):
        pairs = [[to_plain(key, {}), to_plain(value, tensors, f"{path}/{key}")] for key, value in state.items()]
        return {"counter" if isinstance(state, Counter) else "dict": pairs}
    raise CheckpointError(
        f"checkpoint: {path or 'the state'} holds a {type(state).__name__}; expected tensors, numbers, text, "
        "lists and dicts: use an optimizer or scheduler whose state is plain"
    )


def from_plain(plain: Any, tensors: Mapping[str, Tensor]) -> Any:
    """What `to_plain` was given."""
    if not isinstance(plain, dict):
        return plain
    kind = next(iter(plain))
    content = plain[kind]
    if kind == "tensor":
        return tensors[content]
    if kind == "array":
        return np.array(content, dtype=plain["dtype"])
    if kind in ("list", "tuple"):
        items = [from_plain(item, tensors) for item in content]
        return tuple(items) if kind == "tuple" else items
    pairs = {from_plain(key, {}): from_plain(value, tensors) for key, value in content}
    return Counter(pairs) if kind == "counter" else pairs


def own_memory(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors on the CPU, contiguous and each with memory of its own, as a safetensors file wants them."""
    seen: set[int] = set()
    owned = {}
    for name, tensor in tensors.items():
        copy = tensor.cpu().contiguous()
        storage = copy.untyped_storage()
        if storage.data_ptr() in seen or storage.nbytes() != copy.nbytes:
            copy = copy.clone(memory_format=torch.contiguous_format)
        seen.add(copy.untyped_storage().data_ptr())
        owned[name] = copy
    return owned

"""What a step takes, measured with a few clips and extrapolated, so that it is refused before the system kills it."""

import copy
from contextlib import AbstractContextManager

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from walkprint.core.batch import ClipBatch
from walkprint.core.errors import RecipeError
from walkprint.core.memory import free_bytes
from walkprint.networks.base import Network

_FEW = (2, 4)
_LARGEST, _COPIES = 6, 5
"""What a step needs besides the saved tensors: so many of the largest one (measured: GaitSet 4, GaitBase 6, GaitGL 8),
and copies of the weights: themselves, their gradient, two of the optimizer, one while a checkpoint is written."""


def check_memory(
    network: Network, batch: ClipBatch, autocast: AbstractContextManager[object], free: int | None = None
) -> None:
    """Refuse batches that do not fit into the memory of a processor; those of at most eight clips are not looked at.

    Args:
        network: on the CPU; stays as it is.
        batch: all clips of a step on this machine.
        autocast: the precision of training.
        free: bytes; what is free on this machine when None.

    Raises:
        RecipeError: says what a step takes, what is free, and two ways out.
    """
    free = free_bytes() if free is None else free
    if len(batch) <= 2 * _FEW[1] or free is None:
        return
    with autocast:
        few, more = (step_bytes(network, batch.frames[:count]) for count in _FEW)
    clip = (more - few) / (_FEW[1] - _FEW[0])
    fixed = few - _FEW[0] * clip + _COPIES * sum(weight.nbytes for weight in network.parameters())
    need = fixed + clip * len(batch)
    if need <= free:
        return
    fitting = max(int((free - fixed) / clip), 0)
    parts = -(-len(batch) // max(fitting, 1))
    raise RecipeError(
        f"a step of {len(batch)} clips of {batch.frames.shape[1]} frames takes about {need / 1e9:.2g} GB, measured "
        f"with {_FEW[1]} clips; {free / 1e9:.2g} GB are free, enough for about {fitting} clips: take fewer "
        f"subjects_per_batch or clips_per_subject, or accumulate: {parts} with batches of {len(batch) // parts} clips"
    )


def step_bytes(network: Network, frames: Tensor) -> int:
    """What forward and backward pass take together, without weights: the tensors saved between them, and more.

    Args:
        network: stays as it is; a copy is used.
        frames: uint8 (batch, time, channel, height, width).
    """
    trial = copy.deepcopy(network).train()
    known = {weight.untyped_storage().data_ptr() for weight in trial.parameters()}
    found: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in known:
            found[storage.data_ptr()] = storage.nbytes()
        return tensor

    with saved_tensors_hooks(keep, lambda tensor: tensor), torch.enable_grad():
        output = trial(trial.prepare(frames))  # holds what is counted
    del output
    return sum(found.values()) + _LARGEST * max(found.values(), default=0)

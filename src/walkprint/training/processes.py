"""What processes that train together exchange."""

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from walkprint.core.errors import TrainingError

if TYPE_CHECKING:
    from lightning_fabric import Fabric


def gather(fabric: "Fabric", tensor: Tensor) -> list[Tensor]:
    """The tensors of all processes, each of the same shape, first process first; without gradients."""
    tensor = tensor.detach().to(fabric.device).contiguous()
    if fabric.world_size == 1:
        return [tensor]
    slices = [torch.empty_like(tensor) for _ in range(fabric.world_size)]
    torch.distributed.all_gather(slices, tensor)
    return slices


def global_batch(fabric: "Fabric", tensor: Tensor) -> Tensor:
    """The slices of all processes as one batch, through which the gradient reaches each process's own slice.

    Every process computes the same loss from the whole, so each needs only its own slice's gradient. Since processes
    then average the gradients of the weights where a sum is meant, it is multiplied by their number first.
    """
    processes = fabric.world_size
    if processes == 1:
        return tensor
    slices = gather(fabric, tensor)
    slices[fabric.global_rank] = tensor
    if tensor.requires_grad:
        tensor.register_hook(lambda gradient: gradient * processes)  # type: ignore[no-untyped-call]
    return torch.cat(slices)


@contextlib.contextmanager
def agreed(fabric: "Fabric") -> Iterator[None]:
    """A fault of one process stops all of them, instead of leaving the others waiting for it.

    Raises:
        TrainingError: another process had a fault; the one that had it raises its own.
    """
    fault: Exception | None = None
    try:
        yield
    except Exception as error:  # whatever it is, the others must hear of it before it goes on its way
        fault = error
    faults = gather(fabric, torch.tensor(fault is not None))
    if fault is not None:
        raise fault
    if any(faults):
        raise TrainingError("another process could not start; its own message says why")

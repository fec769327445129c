"""Every loss on one global batch, of which each process holds a slice; in one process or several."""

import os
from collections.abc import Mapping
from pathlib import Path

import torch
from tests.contracts.test_every_loss import build, every_loss, output
from torch import Tensor

from walkprint.core.batch import GaitOutput
from walkprint.losses import PairwiseSoftmaxLoss, TripletLoss
from walkprint.losses.base import Loss
from walkprint.training.loop import Loop, launch
from walkprint.training.processes import global_batch

SUBJECTS = torch.tensor([0, 1, 2, 0, 1, 2, 0, 1])
RECORDINGS = torch.tensor([[0, 0, 0], [0, 0, 1], [0, 0, 0], [1, 0, 0], [0, 0, 0], [0, 0, 1], [0, 0, 1], [1, 0, 0]])
"""The first subject shows both conditions from view 0, in slices of two processes; the third one from there."""


def all_losses() -> dict[str, Loss]:
    """Every loss of the package as it comes, and the settings that draw or mine."""
    found = {kind.__name__: build(kind) for kind in every_loss()}
    return {
        **found,
        "hard TripletLoss": TripletLoss(mining="hard"),
        "TripletLoss within": TripletLoss(within=["view"]),
        "filtered PairwiseSoftmaxLoss": PairwiseSoftmaxLoss(noisy_weight=0.5),
    }


def values_and_gradients(devices: int) -> dict[str, Tensor]:
    """Value of every loss, gradients of this process's slice and of the loss's own weights, by name."""
    fabric = launch(Loop(steps=1, accelerator="cpu", devices=devices))
    torch.manual_seed(fabric.global_rank)  # a loss that drew from here would differ between processes
    whole = {name: tensor.detach() for name, tensor in output(len(SUBJECTS)).tensors().items()}
    count = len(SUBJECTS) // fabric.world_size
    own = slice(fabric.global_rank * count, (fabric.global_rank + 1) * count)
    found = {}
    for name, loss in all_losses().items():
        slices = {part: tensor[own].clone().requires_grad_() for part, tensor in whole.items()}
        judged = GaitOutput.from_tensors({part: global_batch(fabric, one * 1.0) for part, one in slices.items()})
        for number in range(2):  # twice, for those that count their batches
            value = loss(judged, *(global_batch(fabric, one[own]) for one in (SUBJECTS, RECORDINGS))).value
            found[f"{name}/{number}/value"] = value.detach()
        value.backward()
        for part, one in slices.items():
            if one.grad is not None:  # processes average gradients of weights: each slice's is multiplied before
                found[f"{name}/slice/{part}"] = one.grad / fabric.world_size
        for weight, parameter in loss.named_parameters():
            found[f"{name}/own/{weight}"] = parameter.grad
    return found


def write_as_one_of_two(file: Path, environment: Mapping[str, str]) -> None:
    """Write what this process found."""
    os.environ.update(environment)
    torch.set_num_threads(1)
    torch.save(values_and_gradients(2), file)

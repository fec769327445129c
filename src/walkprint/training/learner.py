"""What training changes: network, losses, optimizer, schedule, average; one step of it, and its whole state."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from walkprint.core.batch import ClipBatch, GaitOutput
from walkprint.core.errors import CheckpointError, RecipeError
from walkprint.losses.weighted import WeightedLosses
from walkprint.networks.base import Network
from walkprint.training.checkpoint import check_weights
from walkprint.training.loop import Loop
from walkprint.training.processes import gather, global_batch
from walkprint.training.random_state import random_state_text, restore_random_state, seed_all

if TYPE_CHECKING:
    from lightning_fabric import Fabric

_RANDOM_BYTES = 1 << 16

MakeOptimizer = Callable[[Sequence[nn.Parameter]], Optimizer]
MakeScheduler = Callable[[Optimizer], LRScheduler]


class Learner:
    """Everything that a step changes.

    Args:
        fabric: launched.
        network: trained in place.
        losses: by the name that the log uses, with their weights in the sum.
        optimizer: called with the parameters of the network and of the losses.
        scheduler: called with the optimizer; stepped once a step.
        loop: of which clipping, averaging, compilation and memory order are used here.
    """

    def __init__(
        self,
        fabric: "Fabric",
        network: Network,
        losses: WeightedLosses,
        optimizer: MakeOptimizer,
        scheduler: MakeScheduler | None,
        loop: Loop,
    ) -> None:
        from lightning_fabric.plugins import MixedPrecision

        self.fabric, self.weights, self.clip_norm = fabric, losses.weights, loop.clip_norm
        if fabric.world_size > 1 and fabric.device.type == "cuda":
            nn.SyncBatchNorm.convert_sync_batchnorm(network)  # type: ignore[no-untyped-call]
        self.network = network.to(fabric.device)
        self.train_mode()
        if loop.channels_last:
            keep_channels_last(self.network)
        self.losses = nn.ModuleDict(losses).to(fabric.device).train()
        self._parameters = [one for one in (*network.parameters(), *self.losses.parameters()) if one.requires_grad]
        try:
            self.optimizer = optimizer(self._parameters)
        except ValueError as error:  # as torch's optimizers raise
            raise RecipeError(f"optimizer: {error}") from error
        self.scheduler = scheduler(self.optimizer) if scheduler else None
        self.average: AveragedModel | None = None
        if loop.ema_decay is not None:
            mean = get_ema_multi_avg_fn(loop.ema_decay)  # type: ignore[no-untyped-call]
            self.average = AveragedModel(network, multi_avg_fn=mean).requires_grad_(False).eval()
        tensors = _Tensors(network)
        if loop.compile:
            tensors.compile(dynamic=False)  # the network itself stays as it is, for whoever tests or saves it
        self._module, self._optimizer = fabric.setup(tensors, self.optimizer)
        precision = fabric.strategy.precision
        self.scaler = precision.scaler if isinstance(precision, MixedPrecision) else None
        for one in self.losses.parameters():
            one.data = fabric.broadcast(one.data)

    def train_mode(self) -> None:
        """Training mode, but for modules whose weights are all frozen: their batch norms keep their statistics."""
        for module in self.network.train().modules():
            weights = list(module.parameters())
            if weights and not any(weight.requires_grad for weight in weights):
                module.eval()

    @property
    def best(self) -> Network:
        """The network to use: the averaged one where there is one."""
        return self.network if self.average is None else cast(Network, self.average.module)

    def learn(self, batches: Sequence[ClipBatch]) -> dict[str, Tensor]:
        """One step from this process's slices of one or more global batches, whose gradients are averaged.

        Returns:
            Detached scalars, still on the device: the losses, their numbers, the norm of the gradient.
        """
        numbers: dict[str, Tensor] = {}
        for i, batch in enumerate(batches, start=1):
            with self.fabric.no_backward_sync(self._module, enabled=i < len(batches)):
                value, parts = self._judge(batch)
                self.fabric.backward(value / len(batches))
            for name, number in parts.items():
                share = number / len(batches)
                numbers[name] = numbers[name] + share if name in numbers else share
        numbers["gradient_norm"] = self._clip()
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        if self.scheduler is not None:
            self.scheduler.step()
        if self.average is not None:
            self.average.update_parameters(self.network)
        return numbers

    def _judge(self, batch: ClipBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """The weighted sum of the losses over the global batch, the same in every process."""
        batch = batch.to(self.fabric.device)
        tensors = {name: global_batch(self.fabric, one) for name, one in self._module(batch.frames).items()}
        output = GaitOutput.from_tensors(tensors)
        subjects = global_batch(self.fabric, batch.subjects)
        recordings = None if batch.recordings is None else global_batch(self.fabric, batch.recordings)
        parts: dict[str, Tensor] = {}
        total = torch.zeros((), device=self.fabric.device)
        for name, loss in self.losses.items():
            judged = loss(output, subjects, recordings)
            total = total + self.weights[name] * judged.value
            parts[f"{name}/loss"] = judged.value.detach()
            parts.update({f"{name}/{key}": number.detach() for key, number in judged.numbers.items()})
        for name, tensor in tensors.items():
            # Processes wait for the gradient of every parameter, so a classifier that no loss reads gets zeros; with
            # one process too, that it learns the same.
            if name != "embeddings" and tensor.requires_grad:
                total = total + 0 * tensor.sum()
        return total, {"loss": total.detach(), **parts}

    def _clip(self) -> Tensor:
        limit = math.inf if self.clip_norm is None else self.clip_norm
        norm = self.fabric.clip_gradients(self._module, self._optimizer, max_norm=limit, error_if_nonfinite=False)
        assert isinstance(norm, Tensor)
        return norm.detach()

    def state(self, step: int) -> dict[str, Any]:
        """All that resuming needs; every process must call it."""
        return {
            "step": step,
            "network": self.network.state_dict(),
            "losses": self.losses.state_dict(),
            "average": self.average.state_dict() if self.average is not None else None,
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict() if self.scheduler is not None else None,
            "scaler": self.scaler.state_dict() if self.scaler is not None else None,
            "random": self._random_states(),
        }

    def restore(self, state: Mapping[str, Any], seed: int) -> int:
        """Go back to a state; gives the number of its finished steps.

        With another number of processes than before, the random generators are seeded anew.

        Raises:
            CheckpointError: the state belongs to another network, optimizer or schedule.
        """
        for name, own in (("average", self.average), ("scheduler", self.scheduler)):
            if (state[name] is None) != (own is None):
                raise CheckpointError(f"checkpoint: made with another setting of the {name}; name another folder")
        check_weights(self.network, state["network"], "checkpoint")
        try:
            self.network.load_state_dict(state["network"])
            self.losses.load_state_dict(state["losses"])
            self.optimizer.load_state_dict(state["optimizer"])
            if self.average is not None:
                self.average.load_state_dict(state["average"])
            if self.scheduler is not None:
                self.scheduler.load_state_dict(state["scheduler"])
        except (KeyError, ValueError, RuntimeError) as error:
            raise CheckpointError(f"checkpoint: belongs to another recipe ({error}); name another folder") from error
        if self.scaler is not None and state["scaler"]:
            self.scaler.load_state_dict(state["scaler"])
        match_memory_order(self.optimizer)
        step = int(state["step"])
        if len(state["random"]) == self.fabric.world_size:
            restore_random_state(state["random"][self.fabric.global_rank], self.fabric.device)
        else:
            seed_all(seed, self.fabric.global_rank, step)
        return step

    def _random_states(self) -> list[str]:
        """The state of the random generators of every process, first process first."""
        text = random_state_text(self.fabric.device)
        padded = torch.frombuffer(bytearray(text.encode().ljust(_RANDOM_BYTES)), dtype=torch.uint8)
        return [row.cpu().numpy().tobytes().decode().rstrip() for row in gather(self.fabric, padded)]


def keep_channels_last(module: nn.Module) -> None:
    """Keep the weights of convolutions over pictures in that memory order."""
    for parameter in module.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)


def match_memory_order(optimizer: Optimizer) -> None:
    """Files hold plain memory order; state in another order than its weight takes the optimizer's slow path."""
    for parameter, slots in optimizer.state.items():
        for name, value in slots.items():
            if isinstance(value, Tensor) and value.shape == parameter.shape:
                slots[name] = torch.empty_like(parameter, dtype=value.dtype).copy_(value)


class _Tensors(nn.Module):
    """Stored frames in, tensors by name out, which is what processes can exchange."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, frames: Tensor) -> dict[str, Tensor]:
        """See `Network.forward`."""
        output: GaitOutput = self.network(self.network.prepare(frames))
        return output.tensors()

"""What training a generator changes: model, optimizers of the stage, average; one step of it, and its whole state."""

import copy
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from walkprint.core.errors import CheckpointError, RecipeError
from walkprint.generation.base import GenerativeModel, Phase
from walkprint.generation.batches import FrameBatches
from walkprint.training.checkpoint import check_weights
from walkprint.training.learner import keep_channels_last, match_memory_order
from walkprint.training.loop import Loop

if TYPE_CHECKING:
    from lightning_fabric import Fabric


class GeneratorLearner:
    """Everything that a step changes.

    Args:
        fabric: launched; gives device and precision.
        model: trained in place.
        batches: where frames come from.
        loop: of which steps, seed, clipping, averaging and memory order are used here.

    Raises:
        RecipeError: a stage would have no step.
    """

    def __init__(self, fabric: "Fabric", model: GenerativeModel, batches: FrameBatches, loop: Loop) -> None:
        self.fabric, self.batches, self.loop, steps = fabric, batches, loop, loop.steps
        self.model = model.to(fabric.device).train()
        if loop.channels_last:
            keep_channels_last(self.model)
        self.average = None if loop.ema_decay is None else copy.deepcopy(model).requires_grad_(False).eval()
        self._stages = tuple(model.stages())
        shares = [stage.share for stage in self._stages]
        self._ends = [round(steps * sum(shares[: i + 1]) / sum(shares)) for i in range(len(shares))]
        self._begins = [0, *self._ends[:-1]]
        if any(begin == end for begin, end in zip(self._begins, self._ends, strict=True)):
            raise RecipeError(f"steps is {steps}, expected enough for one step in each of {len(shares)} stages")
        self._optimizers: dict[str, Optimizer] = {}

    @property
    def best(self) -> GenerativeModel:
        """The model to use: the averaged one where there is one."""
        return self.model if self.average is None else self.average

    def progress_of_last(self, step: int) -> float:
        """How much of the last stage is done after a step, at most 0 before it begins."""
        return (step - self._begins[-1]) / (self._ends[-1] - self._begins[-1])

    def learn(self, step: int) -> dict[str, Tensor]:
        """One step; steps count from 1.

        Returns:
            Detached scalars, still on the device, by phase: the loss, its numbers, the norm of the gradient.
        """
        stage = sum(step > end for end in self._ends)
        if step == self._begins[stage] + 1:
            self._begin(stage, step)
        numbers: dict[str, Tensor] = {}
        for number, phase in enumerate(self._stages[stage].phases):
            for repeat in range(phase.repeats):
                found = self._move(phase, step, number, repeat)
                numbers |= {f"{phase.name}/{name}": value for name, value in found.items()}
        self._follow(step - self._begins[stage])
        return numbers

    def _begin(self, stage: int, step: int) -> None:
        """The weights of the stage before are its averages; those of the average are the stage's own first ones."""
        if self.average is not None and stage > 0:
            self.model.load_state_dict(self.average.state_dict())
        begin = self._stages[stage].begin
        if begin is not None:
            torch.manual_seed(self._seed(step, -1))
            with torch.no_grad():
                self.model.eval()
                begin(self.batches)
                self.model.train()
        if self.average is not None:
            self.average.load_state_dict(self.model.state_dict())
        self._make_optimizers(stage)

    def _make_optimizers(self, stage: int) -> None:
        self._optimizers = {}
        for phase in self._stages[stage].phases:
            self._optimizers[phase.name] = phase.optimizer(list(phase.parameters()))

    def _move(self, phase: Phase, step: int, number: int, repeat: int) -> dict[str, Tensor]:
        """Train the parameters of one phase, and no other."""
        batch = self.batches.batch(step, repeat).to(self.fabric.device)
        seed = self._seed(step, number, repeat)
        torch.manual_seed(seed)  # of dropout
        own = list(phase.parameters())
        self.model.requires_grad_(False)
        for parameter in own:
            parameter.requires_grad_(True)
        with self.fabric.autocast():
            judged = phase.loss(batch, torch.Generator().manual_seed(seed))
        judged.value.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(own, math.inf if self.loop.clip_norm is None else self.loop.clip_norm)
        optimizer = self._optimizers[phase.name]
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        numbers = {name: value.detach() for name, value in judged.numbers.items()}
        return {"loss": judged.value.detach(), **numbers, "gradient_norm": norm.detach()}

    def _seed(self, *words: int) -> int:
        """A seed for this place in the training."""
        return int(
            np.random.SeedSequence([self.loop.seed, *(word + 1 for word in words)]).generate_state(1, np.uint64)[0] >> 1
        )

    @torch.no_grad()
    def _follow(self, steps: int) -> None:
        """Move the average towards the model, faster in a stage's first steps, so that it forgets the beginning."""
        if self.average is None or self.loop.ema_decay is None:
            return
        decay = min(self.loop.ema_decay, (1 + steps) / (10 + steps))
        for mean, now in zip(self.average.state_dict().values(), self.model.state_dict().values(), strict=True):
            if mean.is_floating_point():
                mean.lerp_(now, 1 - decay)
            else:
                mean.copy_(now)

    def state(self, step: int) -> dict[str, Any]:
        """All that resuming needs."""
        return {
            "step": step,
            "model": self.model.state_dict(),
            "average": None if self.average is None else self.average.state_dict(),
            "optimizers": {name: one.state_dict() for name, one in self._optimizers.items()},
        }

    def restore(self, state: Mapping[str, Any]) -> int:
        """Go back to a state; gives the number of its finished steps.

        Raises:
            CheckpointError: the state belongs to another generator or stage.
        """
        step = int(state["step"])
        if (state["average"] is None) != (self.average is None):
            raise CheckpointError("checkpoint: made with another setting of ema_decay; name another folder")
        check_weights(self.model, state["model"], "checkpoint")
        self._make_optimizers(min(sum(step > end for end in self._ends), len(self._ends) - 1))
        try:
            self.model.load_state_dict(state["model"])
            if self.average is not None:
                self.average.load_state_dict(state["average"])
            for name, optimizer in self._optimizers.items():
                optimizer.load_state_dict(state["optimizers"][name])
                match_memory_order(optimizer)
        except (KeyError, ValueError, RuntimeError) as error:
            raise CheckpointError(f"checkpoint: belongs to another recipe ({error}); name another folder") from error
        return step

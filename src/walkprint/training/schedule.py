"""Learning rate schedules: each a factor on the optimizer's own learning rate as a pure function of the step.

Being pure they carry no state, so that resuming needs only the step.

Source: multi-step is the custom of the gait recognition papers (Chao et al., "GaitSet", AAAI 2019, and after); cosine:
Loshchilov and Hutter, "SGDR", ICLR 2017; one-cycle: Smith and Topin, "Super-convergence", 2018.
Deviations: cosine without restarts; one-cycle with cosine ramps, and the momentum stays as it is.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Annotated

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from walkprint.core.bounds import Count, CountOrZero, Fraction, OpenFraction, Positive, Range
from walkprint.core.described import Described
from walkprint.core.errors import RecipeError


class Schedule(Described, ABC):
    """Base of the schedules: called with an optimizer, it gives torch's scheduler, which is stepped once a step."""

    @abstractmethod
    def factor(self, step: int) -> float:
        """What the optimizer's learning rate is multiplied with in the step after `step` finished ones."""

    def __call__(self, optimizer: Optimizer) -> LambdaLR:
        """The scheduler for an optimizer."""
        # A plain function, since LambdaLR would save the attributes of anything else.
        return LambdaLR(optimizer, lambda step: self.factor(step))  # noqa: PLW0108


class MultiStep(Schedule):
    """Multiplied by `gamma` at every milestone, after an optional linear warm-up.

    Args:
        milestones: numbers of finished steps, ascending.
        gamma: more than 0.
        warmup_steps: so many steps rise linearly to the full rate.

    Raises:
        RecipeError: a setting is out of range.
    """

    def __init__(self, milestones: Sequence[Count], gamma: Positive = 0.1, warmup_steps: CountOrZero = 0) -> None:
        if list(milestones) != sorted(set(milestones)):
            raise RecipeError(f"MultiStep: milestones are {list(milestones)}, expected ascending steps")
        self.milestones, self.gamma, self.warmup_steps = tuple(milestones), gamma, warmup_steps

    def factor(self, step: int) -> float:
        """See `Schedule`."""
        return _warmup(step, self.warmup_steps) * float(self.gamma ** sum(step >= one for one in self.milestones))


class CosineWithWarmup(Schedule):
    """A linear rise to the full rate, then half a cosine down to `final` of it at `steps`.

    Args:
        steps: how long training takes in all; a recipe may leave it to its own `schedule.steps`.
        warmup_steps: so many of them rise.
        final: what is left at the end, as a fraction of the full rate.

    Raises:
        RecipeError: a setting is out of range.
    """

    def __init__(self, steps: Count | None = None, warmup_steps: CountOrZero = 0, final: Fraction = 0.0) -> None:
        steps = _known(steps)
        if warmup_steps >= steps:
            raise RecipeError(f"CosineWithWarmup: warmup_steps is {warmup_steps}, expected less than {steps}")
        self.steps, self.warmup_steps, self.final = steps, warmup_steps, final

    def factor(self, step: int) -> float:
        """See `Schedule`."""
        if step < self.warmup_steps:
            return _warmup(step, self.warmup_steps)
        progress = (step - self.warmup_steps) / (self.steps - self.warmup_steps)
        return _cosine(1.0, self.final, progress)


class OneCycle(Schedule):
    """From `1 / start_division` of the rate up to all of it, then down to `1 / final_division`, both along a cosine.

    The optimizer's own learning rate is the peak.

    Args:
        steps: how long training takes in all; a recipe may leave it to its own `schedule.steps`.
        rise: fraction of them that rise.
        start_division: peak over start.
        final_division: peak over end.

    Raises:
        RecipeError: a setting is out of range.
    """

    def __init__(
        self,
        steps: Count | None = None,
        rise: OpenFraction = 0.3,
        start_division: Annotated[float, Range(1)] = 25.0,
        final_division: Annotated[float, Range(1)] = 1e4,
    ) -> None:
        steps = _known(steps)
        self.steps, self.rise = steps, rise
        self.start_division, self.final_division = start_division, final_division

    def factor(self, step: int) -> float:
        """See `Schedule`."""
        peak = self.rise * self.steps
        if step < peak:
            return _cosine(1 / self.start_division, 1.0, step / peak)
        return _cosine(1.0, 1 / self.final_division, (step - peak) / (self.steps - peak))


def _known(steps: int | None) -> int:
    if steps is None:
        raise RecipeError("the scheduler's steps are missing; say how many steps training takes in all")
    return steps


def _warmup(step: int, steps: int) -> float:
    return min(1.0, (step + 1) / (steps + 1))


def _cosine(start: float, end: float, progress: float) -> float:
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * min(max(progress, 0.0), 1.0)))

"""Several losses and their weights: what training minimizes is their weighted sum."""

import math
from collections.abc import Iterator, Mapping

from walkprint.core.errors import RecipeError
from walkprint.losses.base import Loss


class WeightedLosses(Mapping[str, Loss]):
    """Losses by name, each with its weight in the sum.

    Args:
        losses: by the name that the log uses; at least one.
        weights: by the same names; 1 where a name is absent.

    Attributes:
        weights: of every loss.

    Raises:
        RecipeError: no loss, or a weight that belongs to none or is not finite.
    """

    def __init__(self, losses: Mapping[str, Loss], weights: Mapping[str, float] | None = None) -> None:
        weights = dict(weights or {})
        unknown = sorted(set(weights) - set(losses))
        if not losses:
            raise RecipeError("losses: none given; training needs at least one")
        if unknown:
            raise RecipeError(f"loss weights: {', '.join(unknown)} not among the losses {', '.join(losses)}")
        for name, weight in weights.items():
            if not math.isfinite(weight):
                raise RecipeError(f"loss weights: {name} is {weight}, expected a finite number")
        self._losses = dict(losses)
        self.weights = {name: float(weights.get(name, 1.0)) for name in losses}

    def __getitem__(self, name: str) -> Loss:
        return self._losses[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._losses)

    def __len__(self) -> int:
        return len(self._losses)

"""Does a generator still make different frames where real ones differ? A collapse does not go unnoticed."""

import warnings
from collections.abc import Mapping

import torch

from walkprint.core.errors import RecipeError, TrainingError
from walkprint.core.sequence import SequenceKey
from walkprint.data.sampling import step_generator
from walkprint.generation.base import GenerativeModel
from walkprint.generation.batches import FrameBatches

_STREAM = 1 << 20  # apart from those that draw training batches


class DiversityMonitor:
    """Compares how much frames of one label differ, generated ones with real ones.

    Each pair shares subject, condition and view. `diversity` is the mean absolute difference of the generated pairs,
    made from different frames, divided by that of the real pairs: about 1 is right, 0 is a collapse.

    Args:
        every: steps between measurements.
        pairs: how many pairs a measurement looks at.
        warn_below: a diversity below this gives a warning.
        stop_below: a diversity below this ends the training; 0 never does.

    Raises:
        RecipeError: a setting is out of range.
    """

    def __init__(self, *, every: int = 200, pairs: int = 64, warn_below: float = 0.4, stop_below: float = 0.05) -> None:
        if every < 1 or pairs < 1 or not 0 <= stop_below <= warn_below:
            raise RecipeError(
                f"DiversityMonitor: every is {every}, pairs {pairs}, warn_below {warn_below}, stop_below {stop_below}; "
                "expected at least 1, at least 1, and 0 <= stop_below <= warn_below"
            )
        self.every, self.pairs, self.warn_below, self.stop_below = every, pairs, warn_below, stop_below

    def measure(self, model: GenerativeModel, batches: FrameBatches, step: int) -> dict[str, float]:
        """The diversity at a step, a pure function of the model's weights and the step; empty where nothing is rare."""
        rng = step_generator(batches.seed, step, _STREAM)
        groups: dict[tuple[str, str, str], list[SequenceKey]] = {}
        for key in batches.keys:
            groups.setdefault((key.subject, key.condition, key.view), []).append(key)
        anybody: dict[str, list[SequenceKey]] = {}
        for (_, condition, view), group in groups.items():
            if condition == batches.source:
                anybody.setdefault(view, []).extend(group)
        # Who never walked so before that camera starts from the frames of the others.
        usable = [
            (group, groups.get((subject, batches.source, view)) or anybody[view])
            for (subject, condition, view), group in groups.items()
            if condition != batches.source and view in anybody
        ]
        if not usable:
            return {}
        picks = [usable[i] for i in rng.integers(0, len(usable), self.pairs)]
        real = [group[i] for group, _ in picks for i in rng.integers(0, len(group), 2)]
        sources = [group[i] for _, group in picks for i in rng.integers(0, len(group), 2)]
        generator = torch.Generator().manual_seed(int(rng.integers(1 << 62)))
        made = model.sample(batches.draw(sources, rng), batches.names.labels(real), generator)
        known = batches.draw(real, rng)
        return {"diversity": _difference(made) / max(_difference(known), 1e-6)}

    def judge(self, numbers: Mapping[str, float], step: int) -> None:
        """Warn of a collapse, or end the training.

        Raises:
            TrainingError: the diversity is below `stop_below`.
        """
        diversity = numbers.get("diversity", 1.0)
        if diversity >= self.warn_below:
            return
        text = (
            f"step {step}: generated frames of one label differ {diversity:.2f} times as much as real ones; expected "
            f"at least {self.warn_below}: the generator collapses; lower its learning rate or train it longer"
        )
        if diversity < self.stop_below:
            raise TrainingError(text)
        warnings.warn(text, stacklevel=2)


def _difference(frames: torch.Tensor) -> float:
    return float((frames[0::2].float() - frames[1::2].float()).abs().mean())

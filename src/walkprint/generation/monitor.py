"""Diversity and label monitor for generators: warns of collapse and of drifting labels."""

import warnings
from collections.abc import Mapping

import torch

from walkprint.core.errors import RecipeError, TrainingError
from walkprint.core.sequence import SequenceKey
from walkprint.data.sampling import step_generator
from walkprint.generation.base import GenerativeModel
from walkprint.generation.batches import FrameBatches

_STREAM = 1 << 20  # of random numbers, separate from those of training batches


class DiversityMonitor:
    """Compares generated frames of all conditions but the source with real ones of the same labels.

    `diversity` is the mean absolute difference of pairs of generated frames of one subject, condition and view, made
    from different sources, divided by that of pairs of real frames: about 1 is right, 0 is a collapse.

    `labels` is the share of generated frames that the generator's own frozen classifier of real frames assigns to the
    intended condition, divided by that share of real frames: about 1 means that conditions keep their meaning. It is
    missing if a generator has no such classifier or an unreliable one: it must be right for at least half of the real
    frames, and assign source frames to that condition at most half as often. So a generator that ignores the condition
    and repeats its sources has at most 0.5.

    Args:
        every: steps between measurements.
        pairs: number of pairs per measurement.
        warn_below: a diversity below this gives a warning.
        stop_below: a diversity below this ends the training; 0 never does.
        labels_below: `labels` below this gives a warning; 0 never does.

    Raises:
        RecipeError: a setting is out of range.
    """

    def __init__(
        self,
        *,
        every: int = 200,
        pairs: int = 64,
        warn_below: float = 0.4,
        stop_below: float = 0.05,
        labels_below: float = 0.7,
    ) -> None:
        if every < 1 or pairs < 1 or not 0 <= stop_below <= warn_below or not labels_below >= 0:
            raise RecipeError(
                f"DiversityMonitor: every is {every}, pairs {pairs}, warn_below {warn_below}, stop_below {stop_below}, "
                f"labels_below {labels_below}; expected at least 1, at least 1, 0 <= stop_below <= warn_below, and at "
                "least 0"
            )
        self.every, self.pairs, self.warn_below, self.stop_below = every, pairs, warn_below, stop_below
        self.labels_below = labels_below

    def measure(self, model: GenerativeModel, batches: FrameBatches, step: int) -> dict[str, float]:
        """Diversity and labels at a step, a pure function of weights and step; empty without a rare condition."""
        rng = step_generator(batches.seed, step, _STREAM)
        groups: dict[tuple[str, str, str], list[SequenceKey]] = {}
        for key in batches.keys:
            groups.setdefault((key.subject, key.condition, key.view), []).append(key)
        of_view: dict[str, list[SequenceKey]] = {}
        for (_, condition, view), group in groups.items():
            if condition == batches.source_condition:
                of_view.setdefault(view, []).extend(group)
        # Subjects without a source in that view start from the others' frames.
        usable = [
            (group, groups.get((subject, batches.source_condition, view)) or of_view[view])
            for (subject, condition, view), group in groups.items()
            if condition != batches.source_condition and view in of_view
        ]
        if not usable:
            return {}
        picks = [usable[i] for i in rng.integers(0, len(usable), self.pairs)]
        real = [group[i] for group, _ in picks for i in rng.integers(0, len(group), 2)]
        sources = [group[i] for _, group in picks for i in rng.integers(0, len(group), 2)]
        generator = torch.Generator().manual_seed(int(rng.integers(1 << 62)))
        labels, starts = batches.names.labels(real), batches.draw(sources, rng)
        generated = model.sample(starts, labels, generator)
        known = batches.draw(real, rng)
        numbers = {"diversity": _difference(generated) / max(_difference(known), 1e-6)}
        predicted = [model.classify_conditions(frames) for frames in (generated, known, starts)]
        of_generated, of_known, of_starts = (_share(one, labels.conditions) for one in predicted)
        if of_known >= 0.5 and of_starts <= of_known / 2:
            numbers["labels"] = of_generated / of_known
        return numbers

    def check(self, numbers: Mapping[str, float], step: int) -> None:
        """Warn of a collapse or end the training; warn of drifting labels.

        Raises:
            TrainingError: the diversity is below `stop_below`.
        """
        diversity, labels = numbers.get("diversity", 1.0), numbers.get("labels", 1.0)
        if diversity < self.warn_below:
            ended = diversity < self.stop_below
            text = (
                f"step {step}: generated frames of one label differ {diversity:.3f} times as much as real ones; "
                f"expected at least {self.stop_below if ended else self.warn_below}: the generator collapses; lower "
                "its learning rate or train it longer"
            )
            if ended:
                raise TrainingError(text)
            warnings.warn(text, stacklevel=2)
        if labels < self.labels_below:
            warnings.warn(
                f"step {step}: generated frames show their condition {labels:.2f} times as often as real ones, by a "
                f"classifier of real frames; expected at least {self.labels_below}: labels drift; lower the "
                "generator's learning rate, train the autoencoder longer, or set guard_weight, e.g. to 1",
                stacklevel=2,
            )


def _share(predicted: torch.Tensor | None, conditions: torch.Tensor) -> float:
    """Share of frames that are classified as their condition; 0 without a classifier."""
    return 0.0 if predicted is None else float((predicted == conditions).float().mean())


def _difference(frames: torch.Tensor) -> float:
    return float((frames[0::2].float() - frames[1::2].float()).abs().mean())

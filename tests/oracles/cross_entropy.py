"""Cross entropy one sample and part at a time."""

import math

from torch import Tensor


def cross_entropy(logits: Tensor, subjects: Tensor, *, scale: float, smoothing: float) -> float:
    """Mean over batch and parts; logits (batch, part, subject)."""
    total = 0.0
    batch, parts, known = logits.shape
    for i in range(batch):
        for part in range(parts):
            scaled = [scale * float(x) for x in logits[i, part]]
            peak = max(scaled)
            log_sum = peak + math.log(sum(math.exp(x - peak) for x in scaled))
            for subject, value in enumerate(scaled):
                target = smoothing / known + (1 - smoothing) * (subject == int(subjects[i]))
                total -= target * (value - log_sum)
    return total / (batch * parts)

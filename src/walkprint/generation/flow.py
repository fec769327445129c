"""Flow matching: the loss of a velocity along straight lines, and the way that a velocity leads.

Source: X. Liu, C. Gong and Q. Liu, "Flow Straight and Fast: Learning to Generate and Transfer Data with Rectified
Flow", ICLR 2023; Y. Lipman et al., "Flow Matching for Generative Modeling", ICLR 2023.
Deviations: the way is followed by the midpoint rule.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

Velocity = Callable[[Tensor, Tensor], Tensor]
"""From points (batch, ...) and times (batch,), 0 to 1, to velocities (batch, ...)."""
TIME_FEATURES = 16


def flow_loss(velocity: Velocity, starts: Tensor, ends: Tensor, times: Tensor) -> Tensor:
    """Mean squared error of a velocity on straight lines, float32 scalar; 0 for an empty batch.

    Args:
        velocity: to be learned.
        starts, ends: (batch, ...), of the lines.
        times: (batch,), 0 at the starts to 1 at the ends.
    """
    if not len(starts):
        return (0 * velocity(starts, times)).float().sum()
    share = times.view(-1, *[1] * (starts.ndim - 1))
    found = velocity(torch.lerp(starts, ends, share), times)
    return (found.float() - (ends - starts)).square().mean()


def follow(velocity: Velocity, points: Tensor, begin: float, end: float, steps: int) -> Tensor:
    """Where a velocity leads points between two times.

    Args:
        velocity: a finished one.
        points: (batch, ...), at time `begin`.
        begin, end: times, 0 to 1.
        steps: of the midpoint rule, which asks twice for the velocity in each.
    """
    step = (end - begin) / steps
    for number in range(steps):
        times = torch.full(points.shape[:1], begin + number * step, device=points.device)
        middle = points + step / 2 * velocity(points, times)
        points = points + step * velocity(middle, times + step / 2)
    return points


def time_features(times: Tensor) -> Tensor:
    """Sines and cosines of times (batch,), as (batch, TIME_FEATURES)."""
    angles = times[:, None] * math.pi * 2.0 ** torch.arange(TIME_FEATURES // 2, device=times.device)
    return torch.cat([angles.sin(), angles.cos()], dim=1)

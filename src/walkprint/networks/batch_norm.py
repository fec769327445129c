"""Batch norm with accurate statistics on long batches of channels-last pictures.

Source: Ioffe, Szegedy, "Batch normalization: accelerating deep network training by reducing internal covariate shift",
ICML 2015.
Deviations: none; on the CPU torch adds all positions of a channels-last batch into one float32 number per channel. That
is off by 1e-4 after a million positions and stops growing after sixteen million. Here each position of a picture has
its own sum over the batch, and these are added in float64.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class BatchNorm2d(nn.BatchNorm2d):
    """`torch.nn.BatchNorm2d`, parameters and buffers included, with accurate statistics in training."""

    def forward(self, input: Tensor) -> Tensor:
        """(batch, channel, height, width) to the same axes."""
        channels_last = input.ndim == 4 and input.is_contiguous(memory_format=torch.channels_last)
        if not self.training or input.device.type != "cpu" or not channels_last:
            return super().forward(input)
        mean, variance = _statistics(input)
        count = input.numel() // input.shape[1]
        with torch.no_grad():
            if self.running_mean is not None and self.running_var is not None and self.momentum is not None:
                self.running_mean.lerp_(mean.to(self.running_mean.dtype), self.momentum)
                unbiased = variance * (count / max(count - 1, 1))
                self.running_var.lerp_(unbiased.to(self.running_var.dtype), self.momentum)
            if self.num_batches_tracked is not None:
                self.num_batches_tracked.add_(1)
        return _Normalize.apply(input, self.weight, self.bias, mean, variance, self.eps)  # type: ignore[no-untyped-call,no-any-return]


def _statistics(features: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and biased variance of each channel, over a channels-last batch."""
    channel = features.shape[1]
    rows = _by_position(features.detach())
    wide = torch.float64 if features.dtype == torch.float64 else torch.float32
    running = torch.zeros(2, rows.shape[1], dtype=wide)  # their type decides the statistics' type
    mean, variance = torch.ops.aten.batch_norm_update_stats(rows, running[0], running[1], 0.0)
    mean, variance = mean.double().view(-1, channel), variance.double().view(-1, channel)
    return mean.mean(0).to(wide), (variance.mean(0) + mean.var(0, correction=0)).to(wide)


def _by_position(features: Tensor) -> Tensor:
    """A channels-last batch as (batch, height * width * channel, 1, 1), without a copy."""
    return features.permute(0, 2, 3, 1).reshape(len(features), -1, 1, 1)


class _Normalize(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, features: Tensor, weight: Tensor, bias: Tensor, mean: Tensor, variance: Tensor, eps: float
    ) -> Tensor:
        ctx.save_for_backward(features, weight, mean, (variance + eps).rsqrt())
        ctx.eps = eps
        return F.batch_norm(features, mean, variance, weight, bias, False, 0.0, eps)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        features, weight, mean, scale = ctx.saved_tensors
        gradient = gradient.contiguous(memory_format=torch.channels_last)
        positions = features[0, 0].numel()
        _, weights, biases = torch.ops.aten.native_batch_norm_backward(
            _by_position(gradient),
            _by_position(features),
            weight.repeat(positions),
            None,
            None,
            mean.repeat(positions),
            scale.repeat(positions),
            True,
            ctx.eps,
            [False, True, True],
        )
        weights, biases = (sums.view(positions, -1).double().sum(0).to(weight.dtype) for sums in (weights, biases))
        if not ctx.needs_input_grad[0]:
            return None, weights, biases, None, None, None
        # weight * scale * (gradient - its mean - normalized features * mean of gradient * normalized features),
        # in two passes: the first centers the gradient, the second adds what is linear in the features.
        count = positions * len(features)
        gain = weight * scale
        slope = -gain * scale * weights / count
        one = torch.ones_like(mean)
        inputs = F.batch_norm(gradient, biases / count, one, gain, -slope * mean, False, 0.0, 0.0)
        return inputs.addcmul_(features, slope.to(features.dtype).view(-1, 1, 1)), weights, biases, None, None, None

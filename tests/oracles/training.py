"""Training written out plainly: one process, full precision, no logging, every formula by hand."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.optim import Optimizer

from walkprint.losses.base import Loss
from walkprint.networks.base import Network


def plain_fit(
    network: Network,
    losses: Mapping[str, Loss],
    batches: object,
    *,
    steps: int,
    optimizer: Callable[[list[Tensor]], Optimizer],
    rate: Callable[[int], float],
    loss_weights: Mapping[str, float],
    clip_norm: float,
    accumulate: int,
    ema_decay: float,
) -> dict[str, Tensor]:
    """The averaged weights after `steps`; the rate of a step is the optimizer's own times `rate(step)`."""
    parameters = [*network.parameters(), *(p for loss in losses.values() for p in loss.parameters())]
    stepper = optimizer(parameters)
    full = [group["lr"] for group in stepper.param_groups]
    average: dict[str, Tensor] = {}
    network.train()
    for step in range(steps):
        for group, own in zip(stepper.param_groups, full, strict=True):
            group["lr"] = own * rate(step)
        stepper.zero_grad()
        for i in range(accumulate):
            batch = batches.batch(step * accumulate + i)  # type: ignore[attr-defined]
            output = network(network.prepare(batch.frames))
            value = sum(loss_weights[name] * loss(output, batch.subjects).value for name, loss in losses.items())
            (value / accumulate).backward()  # type: ignore[union-attr]
        norm = torch.sqrt(sum((p.grad**2).sum() for p in parameters))  # type: ignore[arg-type,operator,misc]
        for parameter in parameters:
            parameter.grad *= min(1.0, clip_norm / float(norm))  # type: ignore[operator]
        stepper.step()
        for name, value in network.state_dict().items():
            old = average.get(name)
            average[name] = value.clone() if old is None else ema_decay * old + (1 - ema_decay) * value
    return average

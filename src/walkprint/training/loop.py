"""What training a network and training a generator share: device, log, listeners, checks of settings."""

import contextlib
import math
from collections.abc import Mapping, Sequence
from typing import Literal, get_args

import torch
from lightning_fabric import Fabric
from torch import Tensor

from walkprint.core.errors import RecipeError, TrainingError
from walkprint.training.listeners import Listener, MetricsFile, ProgressBar
from walkprint.training.run import RunFolder

Precision = Literal["32-true", "bf16-mixed", "16-mixed"]


def check_at_least_one(**settings: int) -> None:
    """Refuse settings below 1.

    Raises:
        RecipeError: names the first.
    """
    for name, number in settings.items():
        if number < 1:
            raise RecipeError(f"{name} is {number}, expected at least 1")


def check_options(
    clip_norm: float | None, ema_decay: float | None, seed: int, validate_every: int | None = None
) -> None:
    """Refuse settings out of range.

    Raises:
        RecipeError: names the first.
    """
    if clip_norm is not None and not clip_norm > 0:
        raise RecipeError(f"clip_norm is {clip_norm}, expected more than 0, or none")
    if ema_decay is not None and not 0 < ema_decay < 1:
        raise RecipeError(f"ema_decay is {ema_decay}, expected between 0 and 1, say 0.999, or none")
    if validate_every is not None and validate_every < 1:
        raise RecipeError(f"validate_every is {validate_every}, expected at least 1, or none")
    if seed < 0:
        raise RecipeError(f"seed is {seed}, expected at least 0")


def launch(accelerator: str, devices: int | str, nodes: int, precision: Precision) -> Fabric:
    """Start the processes.

    Raises:
        RecipeError: there is no such device, or it does not know the precision.
    """
    if precision not in get_args(Precision):
        raise RecipeError(f"precision is {precision!r}, expected one of {', '.join(get_args(Precision))}")
    try:
        fabric = Fabric(accelerator=accelerator, devices=devices, num_nodes=nodes, precision=precision)
    except (ValueError, RuntimeError, TypeError) as error:
        raise RecipeError(f"accelerator {accelerator!r} with devices {devices!r}: {error}") from error
    if precision == "16-mixed" and fabric.device.type == "cpu":
        raise RecipeError("precision 16-mixed needs a GPU; use bf16-mixed or 32-true on a CPU")
    fabric.launch()
    return fabric


def audience(
    stack: contextlib.ExitStack,
    fabric: Fabric,
    folder: RunFolder,
    listeners: Sequence[Listener],
    steps: int,
    start: int,
    precision: str,
) -> tuple[ProgressBar, list[Listener]]:
    """The progress bar, and everybody who listens: in the first process only, each closed at the end."""
    bar = ProgressBar(steps, start, visible=fabric.is_global_zero)
    stack.callback(bar.close)
    if not fabric.is_global_zero:
        return bar, []
    folder.note_versions(start, device=str(fabric.device), processes=fabric.world_size, precision=precision)
    hear: list[Listener] = [MetricsFile(folder.metrics, start), bar, *listeners]
    for listener in hear:
        if listener is not bar and hasattr(listener, "close"):
            stack.callback(listener.close)
    return bar, hear


class Log:
    """Numbers of the steps since the last log line, left on the device until they are asked for.

    Args:
        check_gradient: whether a gradient that is not finite is a fault.
    """

    def __init__(self, *, check_gradient: bool) -> None:
        self._steps: list[tuple[int, dict[str, Tensor]]] = []
        self._check_gradient = check_gradient  # a gradient scaler meets and skips infinite ones by design

    def add(self, step: int, numbers: dict[str, Tensor]) -> None:
        """Take the numbers of one step: losses are called `loss` or `.../loss`, norms likewise `gradient_norm`."""
        self._steps.append((step, numbers))

    def take(self) -> dict[str, float]:
        """Means since the last call.

        Raises:
            TrainingError: a loss or a gradient was not finite.
        """
        values = torch.stack([one.float() for _, numbers in self._steps for one in numbers.values()]).tolist()
        place = iter(values)
        columns: dict[str, list[float]] = {}
        for step, numbers in self._steps:
            for name in numbers:
                columns.setdefault(name, []).append(next(place))
            self._check(step, {name: columns[name][-1] for name in numbers})
        self._steps = []
        return {name: math.fsum(column) / len(column) for name, column in columns.items()}

    def _check(self, step: int, numbers: Mapping[str, float]) -> None:
        checked = {"loss", "gradient_norm"} if self._check_gradient else {"loss"}
        for name, number in sorted(numbers.items(), key=lambda one: "/" not in one[0]):  # parts tell more than sums
            if name.rpartition("/")[2] in checked and not math.isfinite(number):
                raise TrainingError(
                    f"step {step}: {name} is {number}, expected a finite number; nothing was saved since the "
                    "last checkpoint: lower the learning rate, set clip_norm, or use precision 32-true or bf16-mixed"
                )

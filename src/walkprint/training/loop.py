"""The loop that networks and generators are trained by: its settings, processes, log and listeners."""

import contextlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from walkprint.core.bounds import Checked, Count, OpenFraction, Positive, Seed
from walkprint.core.errors import RecipeError, TrainingError
from walkprint.training.listeners import Listener, MetricsFile, ProgressBar
from walkprint.training.run import RunFolder

if TYPE_CHECKING:
    from lightning_fabric import Fabric

Precision = Literal["32-true", "bf16-mixed", "16-mixed"]
Resident = Literal["auto", "device", "host"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace(Checked):
    """How long training takes and what is saved: the settings of a `Loop` that a recipe's schedule has, too.

    Attributes:
        steps: number of steps in all, those before a resume included.
        accumulate: number of batches in a step; their gradients are averaged.
        clip_norm: largest norm of the gradient (of each phase of a generator), or None.
        ema_decay: decay of an exponential moving average of the weights, which is then validated and saved in their
            place, or None.
        log_every: steps between log lines; in between, training does not wait for the device.
        checkpoint_every: steps between checkpoints; the last step always has one.
        checkpoint_minutes: also save a checkpoint if the last one is older than this, or None.
        keep: number of checkpoints to keep.

    Raises:
        RecipeError: a setting is out of range.
    """

    steps: Count
    accumulate: Count = 1
    clip_norm: Positive | None = None
    ema_decay: OpenFraction | None = None
    log_every: Count = 10
    checkpoint_every: Count = 1000
    checkpoint_minutes: Positive | None = None
    keep: Count = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop(Pace):
    """All settings of a training loop; see `Pace` for the others.

    Attributes:
        seed: of dropout and the like; the batches have their own.
        accelerator: "auto", "cpu" or "cuda", or what else Lightning Fabric knows.
        devices: processes on this machine, or "auto".
        nodes: machines.
        precision: "32-true", "bf16-mixed", or "16-mixed" (with a gradient scaler), which needs a GPU.
        channels_last: keep convolution weights in that memory order, which is often faster.
        resident: where the training frames lie, packed: "device" makes batches there, "host" in this process; "auto" is
            "device" on a GPU whose memory they fit, with augmentations that it can do. What is learned is the same to
            one gray level.
            This and the next two are of networks, not of generators.
        compile: have torch compile the network: often a quarter faster on a GPU, after half a minute or more.
        validate_every: steps between validations; only at the end when None.
        resume: go on with what is in the run folder; False deletes it and begins anew.

    Raises:
        RecipeError: a setting is out of range.
    """

    seed: Seed = 0
    accelerator: str = "auto"
    devices: Count | str = 1
    nodes: Count = 1
    precision: Precision = "32-true"
    channels_last: bool = False
    resident: Resident = "auto"
    compile: bool = False
    validate_every: Count | None = None
    resume: bool = True


def launch(loop: Loop) -> "Fabric":
    """Start the processes.

    Raises:
        RecipeError: there is no such device, or it does not know the precision.
    """
    from lightning_fabric import Fabric  # here, so that what only loads a network need not wait for it

    try:
        fabric = Fabric(
            accelerator=loop.accelerator, devices=loop.devices, num_nodes=loop.nodes, precision=loop.precision
        )
    except (ValueError, RuntimeError, TypeError) as error:
        raise RecipeError(f"accelerator {loop.accelerator!r} with devices {loop.devices!r}: {error}") from error
    if loop.precision == "16-mixed" and fabric.device.type == "cpu":
        raise RecipeError("precision 16-mixed needs a GPU; use bf16-mixed or 32-true on a CPU")
    fabric.launch()
    return fabric


def open_listeners(
    stack: contextlib.ExitStack,
    fabric: "Fabric",
    folder: RunFolder,
    listeners: Sequence[Listener],
    loop: Loop,
    start: int,
) -> tuple[ProgressBar, list[Listener]]:
    """The progress bar, and all listeners: in the first process only, each closed at the end."""
    bar = ProgressBar(loop.steps, start, visible=fabric.is_global_zero)
    stack.callback(bar.close)
    if not fabric.is_global_zero:
        return bar, []
    folder.note_versions(start, device=str(fabric.device), processes=fabric.world_size, precision=loop.precision)
    opened: list[Listener] = [MetricsFile(folder.metrics, start), bar, *listeners]
    for listener in opened:
        if listener is not bar and hasattr(listener, "close"):
            stack.callback(listener.close)
    return bar, opened


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
        columns: dict[str, list[float]] = {}
        for _, numbers in self.waiting():
            for name, number in numbers.items():
                columns.setdefault(name, []).append(number)
        self._steps = []
        return {name: math.fsum(column) / len(column) for name, column in columns.items()}

    def waiting(self) -> list[tuple[int, dict[str, float]]]:
        """The numbers of each step since the last log line, as a checkpoint between two lines keeps them.

        Raises:
            TrainingError: a loss or a gradient was not finite.
        """
        values = [one.float() for _, numbers in self._steps for one in numbers.values()]
        place = iter(torch.stack(values).tolist() if values else ())
        found = [(step, {name: next(place) for name in numbers}) for step, numbers in self._steps]
        for step, numbers in found:
            self._check(step, numbers)
        return found

    def restore(self, waiting: Sequence[tuple[int, Mapping[str, float]]]) -> None:
        """Take back what `waiting` gave."""
        self._steps = [(step, {name: torch.tensor(one) for name, one in numbers.items()}) for step, numbers in waiting]

    def _check(self, step: int, numbers: Mapping[str, float]) -> None:
        checked = {"loss", "gradient_norm"} if self._check_gradient else {"loss"}
        for name, number in sorted(numbers.items(), key=lambda one: "/" not in one[0]):  # parts say more than sums
            if name.rpartition("/")[2] in checked and not math.isfinite(number):
                raise TrainingError(
                    f"step {step}: {name} is {number}, expected a finite number; nothing was saved since the "
                    "last checkpoint: lower the learning rate, set clip_norm, or use precision 32-true or bf16-mixed"
                )

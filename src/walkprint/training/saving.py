"""The checkpoints of one training: when they come, what they are bound to, and signals that ask for one."""

import contextlib
import signal
import time
from collections.abc import Iterator, Mapping
from types import FrameType
from typing import TYPE_CHECKING, Any

import torch

from walkprint.core.errors import Stopped
from walkprint.training.binding import data_of
from walkprint.training.checkpoint import CheckpointFolder
from walkprint.training.loop import Log, Loop
from walkprint.training.processes import agreed, gather
from walkprint.training.run import RunFolder, recipe_text

if TYPE_CHECKING:
    from lightning_fabric import Fabric

_SIGNALS = [getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1") if hasattr(signal, name)]


class Saving:
    """Claims a run folder, loads its newest checkpoint, and saves.

    Besides every `checkpoint_every` steps a checkpoint comes when the last one is `checkpoint_minutes` old, and when
    SIGTERM, SIGINT, SIGHUP or SIGUSR1 asks the training to stop; several processes agree on both at log lines.

    Args:
        stack: frees the folder at the end.
        fabric: launched.
        folder: the first process locks it, and clears it where `resume` is False.
        loop: of the training.
        record: settings of the run; each checkpoint holds them, and a fingerprint of the data.
        batches: where clips come from.
    """

    def __init__(
        self,
        stack: contextlib.ExitStack,
        fabric: "Fabric",
        folder: RunFolder,
        loop: Loop,
        record: Mapping[str, Any],
        batches: object,
    ) -> None:
        with agreed(fabric):
            if fabric.is_global_zero:
                stack.enter_context(folder.lock())
                if not loop.resume:
                    folder.clear()
        self.folder, self._fabric, self._loop, self._record = folder, fabric, loop, record
        self._data, self._checkpoints = data_of(batches), CheckpointFolder(folder.checkpoints, loop.keep)
        self._received, self._saved_s = 0, time.monotonic()

    def load(self, log: Log) -> dict[str, Any] | None:
        """The newest checkpoint, or None where there is none; writes `recipe.yaml`.

        Args:
            log: gets back what it held.

        Raises:
            CheckpointError: no checkpoint can be read.
            RecipeError, DataError: the run began with other settings or other data.
        """
        state = self._checkpoints.load_newest()
        if self._fabric.is_global_zero:
            self.folder.begin(self._record, state, self._data)
        log.restore((state or {}).get("log", ()))
        return state

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Signals only leave a note inside the block, for `save`; a second SIGINT interrupts at once.

        A signal that the process ignores, as after `nohup`, stays ignored.
        """
        before = {}
        for number in _SIGNALS:
            with contextlib.suppress(ValueError):  # not the main thread, which alone hears signals
                if signal.getsignal(number) not in (signal.SIG_IGN, None):
                    before[number] = signal.signal(number, self._note)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        if self._received:  # after the last step
            signal.raise_signal(self._received)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._received = self._received or number
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def due(self, step: int) -> bool:
        """Whether a checkpoint is due after a step that has none by its number."""
        old = self._loop.checkpoint_minutes is not None
        old = old and time.monotonic() - self._saved_s >= 60 * (self._loop.checkpoint_minutes or 0)
        if self._fabric.world_size > 1:
            if step % self._loop.log_every:
                return False
            rows = gather(self._fabric, torch.tensor([self._received, int(old)]))
            self._received, old = max(int(row[0]) for row in rows), bool(rows[0][1])
        return old or self._received > 0

    def save(self, state: Mapping[str, Any], log: Log) -> None:
        """Write a checkpoint; every process calls it.

        Raises:
            Stopped: a signal asked for it.
            TrainingError: a loss or gradient since the last log line is not finite.
        """
        bound = {"record": recipe_text(self._record), "data": self._data, "log": log.waiting()}
        if self._fabric.is_global_zero:
            self._checkpoints.save(state["step"], {**state, **bound})
        self._saved_s = time.monotonic()
        if self._received:
            self._fabric.barrier()
            number, self._received = self._received, 0
            raise Stopped(
                f"{self.folder.path}: stopped by {signal.Signals(number).name} after step {state['step']} of "
                f"{self._loop.steps}, which is saved; the same call resumes from there",
                128 + number if self._fabric.is_global_zero else 0,
            )

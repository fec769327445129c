"""Who hears how training goes: callables that take the number of finished steps and named numbers."""

import csv
import io
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from walkprint.core.files import write_atomically


class Listener(Protocol):
    """Called every so many steps, in the first process only; one with a `close` method is closed at the end."""

    def __call__(self, step: int, numbers: Mapping[str, float]) -> None:
        """Take note.

        Args:
            step: how many steps are finished.
            numbers: means over the steps since the last call.
        """


class MetricsFile:
    """A CSV file with a row for each call; a new name gives a new column.

    Args:
        path: the file.
        step: rows beyond this step are cut off, so that a resumed run's file equals an undisturbed one's.
    """

    def __init__(self, path: str | Path, step: int = 0) -> None:
        self.path = Path(path)
        self._rows: list[dict[str, str]] = []
        self._names: list[str] = ["step"]
        if self.path.exists():
            text = self.path.read_text(encoding="utf-8")
            whole = text[: text.rfind("\n") + 1]  # a line that was cut off while it was written does not count
            reader = csv.DictReader(io.StringIO(whole))
            self._rows = [row for row in reader if int(row["step"]) <= step]
            self._names = list(reader.fieldnames or self._names)
            self._drop_columns_of_later_rows()
        self._write_all()
        self._file = self.path.open("a", newline="", encoding="utf-8")

    def __call__(self, step: int, numbers: Mapping[str, float]) -> None:
        """Append a row; see `Listener`."""
        row = {"step": str(step), **{name: repr(float(value)) for name, value in numbers.items()}}
        self._rows.append(row)
        new = [name for name in row if name not in self._names]
        if new:
            self._names += new
            self._file.close()
            self._write_all()
            self._file = self.path.open("a", newline="", encoding="utf-8")
            return
        csv.DictWriter(self._file, self._names, restval="", lineterminator="\n").writerow(row)
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _write_all(self) -> None:
        text = io.StringIO()
        writer = csv.DictWriter(text, self._names, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(self._rows)
        write_atomically(self.path, text.getvalue())

    def _drop_columns_of_later_rows(self) -> None:
        self._names = ["step"] + [name for name in self._names[1:] if any(row[name] for row in self._rows)]
        self._rows = [{name: row[name] for name in self._names} for row in self._rows]


class ProgressBar:
    """A bar on the terminal with the newest loss; silent where standard error is no terminal.

    Args:
        steps: how many there are in all.
        step: how many are finished already.
        visible: False keeps it silent.
    """

    def __init__(self, steps: int, step: int = 0, *, visible: bool = True) -> None:
        self._progress = Progress(
            TextColumn("training"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[numbers]}"),
            console=Console(file=sys.stderr),
            disable=not (visible and sys.stderr.isatty()),
        )
        self._task = self._progress.add_task("training", total=steps, completed=step, numbers="")
        self._progress.start()

    def advance(self, step: int) -> None:
        """Move to a number of finished steps."""
        self._progress.update(self._task, completed=step)

    def __call__(self, step: int, numbers: Mapping[str, float]) -> None:
        """Show the loss and what validation said; see `Listener`."""
        shown = {name: value for name, value in numbers.items() if name == "loss" or name.startswith("validation/")}
        text = "  ".join(f"{name} {value:.4g}" for name, value in shown.items())
        self._progress.update(self._task, completed=step, numbers=text)

    def close(self) -> None:
        """Take the bar off the terminal's live area."""
        self._progress.stop()

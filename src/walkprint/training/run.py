"""The folder of one run: its resolved recipe, versions, metrics and checkpoints; one process at a time writes to it."""

import contextlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock, Timeout

from walkprint.core.errors import CheckpointError, RecipeError, TrainingError
from walkprint.core.files import write_atomically
from walkprint.core.versions import versions
from walkprint.core.yaml_json import parse_yaml, read_json, read_text
from walkprint.training.binding import check_data, check_record
from walkprint.training.checkpoint import WEIGHTS_NAME


class RunFolder:
    """Where a run keeps what it makes.

    Args:
        path: the folder; made when training starts.
        record: the settings of the run as plain data, which training writes to `recipe.yaml`; what training is given
            describes itself when None.
        current: brings a record that an earlier version wrote into today's form, before the two are compared.

    Attributes:
        record, current: see above.
        recipe: `recipe.yaml`, the settings with every default spelled out.
        versions: `versions.json`, one entry for each time training was started or resumed.
        metrics: `metrics.csv`.
        checkpoints: folder of what resuming needs.
        network, generator: folder of the finished network or generator.
    """

    def __init__(
        self,
        path: str | Path,
        record: Mapping[str, Any] | None = None,
        current: Callable[[Mapping[str, Any]], Mapping[str, Any]] = dict,
    ) -> None:
        self.path, self.record, self.current = Path(path), record, current
        self.recipe, self.versions = self.path / "recipe.yaml", self.path / "versions.json"
        self.metrics, self.checkpoints = self.path / "metrics.csv", self.path / "checkpoints"
        self.network, self.generator = self.path / "network", self.path / "generator"

    @classmethod
    def of(cls, run: "str | Path | RunFolder") -> "RunFolder":
        """The run folder at a path, or itself."""
        return run if isinstance(run, RunFolder) else cls(run)

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other processes out; the system frees the lock when this one ends, however it ends.

        A folder that was made for it goes again when nothing else was written to it.

        Raises:
            TrainingError: another process is writing to the run.
        """
        made = not self.path.exists()
        self.path.mkdir(parents=True, exist_ok=True)
        lock, writer = FileLock(self.path / ".lock", timeout=0, thread_local=False), self.path / ".writer"
        try:
            lock.acquire()
        except Timeout as error:
            process = writer.read_text() if writer.exists() else "unknown"
            raise TrainingError(
                f"{self.path}: process {process} is writing to this run; wait for it, or name another folder"
            ) from error
        with lock:
            write_atomically(writer, str(os.getpid()))
            try:
                yield
            finally:
                if made:
                    self._remove_if_unused(writer, Path(lock.lock_file))

    def _remove_if_unused(self, *own: Path) -> None:
        with contextlib.suppress(OSError):
            if {*self.path.iterdir()} <= {*own}:
                for path in own:
                    path.unlink(missing_ok=True)
                self.path.rmdir()  # refuses a folder that somebody has written to meanwhile

    def clear(self) -> None:
        """Delete what an earlier run left in the folder."""
        for path in (self.recipe, self.versions, self.metrics):
            path.unlink(missing_ok=True)
        for folder in (self.network, self.generator, self.checkpoints):
            shutil.rmtree(folder, ignore_errors=True)

    def begin(
        self, recipe: Mapping[str, Any], state: Mapping[str, Any] | None = None, data: Mapping[str, Any] | None = None
    ) -> None:
        """Claim the folder for a recipe: write it, or see that the run began with the same, on the same data.

        Until something is trained, another recipe takes the place of the first. Afterwards `schedule.steps` may grow,
        and the data may lie elsewhere. A setting that is null says what its absence says: the recipe of an older run
        lacks those that are newer.

        Args:
            recipe: resolved, plain data.
            state: the newest checkpoint; None where there is none.
            data: what is trained on, see `data_of`; empty where nothing is known of it.

        Raises:
            RecipeError: the recipe is not plain data, differs from the one that the run began with, or the folder holds
                a network that no checkpoint belongs to.
            DataError: the data differ from those that the run began with.
        """
        text, earlier = recipe_text(recipe), list[Mapping[str, Any]]()
        if state is None:
            self._refuse_a_finished_network()
        else:
            known = state.get("data") or {}
            if "record" in state:
                earlier.append(yaml.safe_load(state["record"]))
            if self.recipe.exists():
                earlier.append(read_recipe(self.path))  # empty where an older version let a run record nothing
            for before in filter(None, earlier):
                check_record(self.current(before), recipe, int(state.get("step", 0)), str(self.path), bool(known))
            check_data(known, data or {}, str(self.path))
        if not self.recipe.exists() or recipe_text(read_recipe(self.path)) != text:
            write_atomically(self.recipe, text)

    def _refuse_a_finished_network(self) -> None:
        found = [path for path in (self.network, self.generator, self.path / WEIGHTS_NAME) if path.exists()]
        if found:
            raise RecipeError(
                f"{self.path}: holds a finished network ({found[0].name}), but no checkpoint to resume from; name "
                "another folder (and this one as init, to start from its weights), or delete this one"
            )

    def note_versions(self, step: int, **more: Any) -> None:
        """Add to `versions.json` what training goes on with from a step."""
        starts = []
        if self.versions.exists():
            with contextlib.suppress(ValueError):
                found = read_json(self.versions)
                starts = found if isinstance(found, list) else []
        starts.append({"step": step, **versions(), **more})
        write_atomically(self.versions, json.dumps(starts, indent=2) + "\n")


def recipe_text(recipe: Mapping[str, Any]) -> str:
    """A recipe as YAML, tuples as lists.

    Raises:
        RecipeError: it holds something that is not plain data.
    """
    try:
        return yaml.safe_dump(json.loads(json.dumps(recipe)), sort_keys=False, allow_unicode=True)
    except (TypeError, ValueError) as error:
        raise RecipeError(f"recipe: {error}; expected plain data (text, numbers, lists, maps) only") from error


def read_recipe(path: str | Path) -> dict[str, Any]:
    """The recipe that a run began with.

    Raises:
        CheckpointError: the folder holds no run.
    """
    file = RunFolder(path).recipe
    try:
        recipe = parse_yaml(read_text(file), file.name)
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{file}: cannot be read ({error}); expected the folder of a run") from error
    if not isinstance(recipe, dict):
        raise CheckpointError(f"{file}: found a {type(recipe).__name__}, expected a recipe's settings")
    return recipe

"""Trackers of runs, each a `Listener` behind an extra: TensorBoard, Weights & Biases, MLflow.

Where a tracker keeps its own runs, the run folder remembers which of them belongs to it, so that a resumed training
goes on with the same curves.
"""

import importlib.util
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from walkprint.core.errors import RecipeError
from walkprint.core.files import write_atomically


class Tracker(ABC):
    """Base of all trackers; nothing is opened before the first numbers are there.

    Args:
        run: the run folder.

    Raises:
        RecipeError: the package is not installed.
    """

    PACKAGE: ClassVar[str]  # its module, which is the name of the extra as well

    def __init__(self, run: str | Path) -> None:
        if importlib.util.find_spec(self.PACKAGE) is None:
            raise RecipeError(
                f"{self.PACKAGE} is not installed; install it with: pip install 'walkprint[{self.PACKAGE}]'"
            )
        self.run = Path(run)
        self._opened: Any = None

    def __call__(self, step: int, numbers: Mapping[str, float]) -> None:
        """Add a point to each curve; see `Listener`."""
        if self._opened is None:
            self._opened = self._open(step)
        self._add(step, numbers)

    def close(self) -> None:
        """Write out what is pending."""
        if self._opened is not None:
            self._close()
            self._opened = None

    @abstractmethod
    def _open(self, step: int) -> Any:
        """What takes the numbers."""

    @abstractmethod
    def _add(self, step: int, numbers: Mapping[str, float]) -> None: ...

    @abstractmethod
    def _close(self) -> None: ...

    def _known(self) -> str | None:
        """How the tracker called this run before."""
        file = self.run / f"{self.PACKAGE}.txt"
        return file.read_text(encoding="utf-8").strip() if file.is_file() else None

    def _remember(self, name: str) -> None:
        write_atomically(self.run / f"{self.PACKAGE}.txt", f"{name}\n")


class TensorBoard(Tracker):
    """Event files in the folder `tensorboard` of the run."""

    PACKAGE = "tensorboard"

    def _open(self, step: int) -> Any:
        from torch.utils.tensorboard import SummaryWriter

        # After a resume the points beyond the checkpoint are hidden, as their steps are done again.
        return SummaryWriter(str(self.run / "tensorboard"), purge_step=step)

    def _add(self, step: int, numbers: Mapping[str, float]) -> None:
        for name, value in numbers.items():
            self._opened.add_scalar(name, value, step)

    def _close(self) -> None:
        self._opened.close()


class WeightsAndBiases(Tracker):
    """A run of Weights & Biases, by the environment's account and project; it sends numbers over the network.

    Points that are logged again after a resume are ignored by its server.
    """

    PACKAGE = "wandb"

    def _open(self, step: int) -> Any:
        import wandb

        opened = wandb.init(dir=str(self.run), name=self.run.name, id=self._known(), resume="allow")
        self._remember(opened.id)
        return opened

    def _add(self, step: int, numbers: Mapping[str, float]) -> None:
        self._opened.log(dict(numbers), step=step)

    def _close(self) -> None:
        self._opened.finish()


class MLflow(Tracker):
    """A run of MLflow, in the experiment "walkprint" of the server that MLFLOW_TRACKING_URI names."""

    PACKAGE = "mlflow"

    def _open(self, step: int) -> Any:
        from mlflow import MlflowClient

        client, run = MlflowClient(), self._known()
        if run is None:
            found = client.get_experiment_by_name("walkprint")
            experiment = client.create_experiment("walkprint") if found is None else found.experiment_id
            run = client.create_run(experiment, run_name=self.run.name).info.run_id
            self._remember(run)
        else:
            client.update_run(run, status="RUNNING")
        return client

    def _add(self, step: int, numbers: Mapping[str, float]) -> None:
        for name, value in numbers.items():
            self._opened.log_metric(self._known(), name, value, step=step)

    def _close(self) -> None:
        self._opened.set_terminated(self._known())


Name = Literal["tensorboard", "wandb", "mlflow"]
TRACKERS: Mapping[Name, type[Tracker]] = {"tensorboard": TensorBoard, "wandb": WeightsAndBiases, "mlflow": MLflow}


def tracker(name: Name, run: str | Path) -> Tracker:
    """A tracker by the name of its package.

    Args:
        name: of the package.
        run: the run folder.

    Raises:
        RecipeError: the package is not installed.
    """
    return TRACKERS[name](run)

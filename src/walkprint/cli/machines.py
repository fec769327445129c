"""Options of verbs whose work several processes or machines can do."""

from dataclasses import dataclass
from typing import Literal

from walkprint.cli.values import UsageError
from walkprint.core.bounds import Processes
from walkprint.core.engine import Engine, Ray


@dataclass(frozen=True, kw_only=True)
class Machines:
    """Where work is done.

    Attributes:
        engine: local is this machine; ray is a Ray cluster (extra cluster).
        address: of the cluster, e.g. head:6379; without it, Ray starts one on this machine.
        workers: processes; one per core by default.
    """

    engine: Literal["local", "ray"] = "local"
    address: str | None = None
    workers: Processes | None = None

    @property
    def chosen(self) -> Engine:
        """The engine.

        Raises:
            UsageError: an address without a cluster.
        """
        if self.address is not None and self.engine != "ray":
            raise UsageError("--address: only with --engine ray")
        return Ray(self.address) if self.engine == "ray" else None

    def check_cpu(self, device: str) -> None:
        """Refuse a GPU for several processes.

        Raises:
            UsageError: it is asked for.
        """
        if device != "cpu" and (self.chosen is not None or self.workers not in (None, 1)):
            raise UsageError("--device: several processes work on CPUs; leave it out, or --engine and --workers")

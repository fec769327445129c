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

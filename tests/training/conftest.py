"""Runs in processes of their own, forked from one that has imported everything already."""

import multiprocessing
import os
from collections.abc import Callable, Iterator, Mapping
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
from tests.training.tiny import train_alone

Start = Callable[..., BaseProcess]


@pytest.fixture(scope="session")
def start() -> Iterator[Start]:
    """Starts `train_alone`."""
    context = multiprocessing.get_context("forkserver")
    # The last two are what `fit` imports late; each process would take seconds for them.
    ours = ["tests.training.tiny", "tests.training.losses_on_processes"]
    context.set_forkserver_preload([*ours, "lightning_fabric", "torch._dynamo"])
    folder = Path.cwd()
    os.chdir(Path(__file__).resolve().parents[2])  # where the server finds the tests

    def start_one(
        run: Path, settings: dict[str, Any], environment: Mapping[str, str] | None = None, die_in_write: int = 0
    ) -> BaseProcess:
        process = context.Process(target=train_alone, args=(run, settings, environment or {}, die_in_write))
        process.start()
        return process

    yield start_one
    os.chdir(folder)


def ends(process: BaseProcess) -> int | None:
    """The exit status of a process, once it is there."""
    process.join(120)
    return process.exitcode

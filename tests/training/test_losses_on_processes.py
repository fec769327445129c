"""Two processes that share a batch find the values and gradients of one that has it whole, for every loss."""

import multiprocessing
from pathlib import Path

import pytest
import torch
from tests.training.conftest import Start, ends
from tests.training.losses_on_processes import all_losses, values_and_gradients, write_as_one_of_two
from tests.training.test_processes import free_port

Found = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def both(start: Start, tmp_path_factory: pytest.TempPathFactory) -> list[Found]:
    """Of two processes, forked from the server that `start` has set up."""
    folder: Path = tmp_path_factory.mktemp("judged")
    common = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port(), "NODE_RANK": "0", "WORLD_SIZE": "2"}
    context = multiprocessing.get_context("forkserver")
    pair = [
        context.Process(target=write_as_one_of_two, args=(folder / str(rank), {**common, "LOCAL_RANK": str(rank)}))
        for rank in (0, 1)
    ]
    for process in pair:
        process.start()
    assert [ends(process) for process in pair] == [0, 0]
    return [torch.load(folder / str(rank), weights_only=True) for rank in (0, 1)]


@pytest.fixture(scope="module")
def alone() -> Found:
    return values_and_gradients(1)


@pytest.mark.parametrize("name", all_losses())
def test_two_processes_judge_as_one(name: str, alone: Found, both: list[Found]) -> None:
    entries = [entry for entry in alone if entry.startswith(f"{name}/")]
    assert any(alone[entry].abs().sum() > 0 for entry in entries if "/slice/" in entry)
    for entry in entries:
        if "/slice/" in entry:
            together = torch.cat([found[entry] for found in both])
            torch.testing.assert_close(together, alone[entry])
        else:
            for found in both:
                torch.testing.assert_close(found[entry], alone[entry])

import json
import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import nn

from walkprint.core.errors import CheckpointError
from walkprint.training.checkpoint import (
    CheckpointFolder,
    load_checkpoint,
    load_weights,
    read_config,
    save_checkpoint,
    save_network,
)
from walkprint.training.random_state import random_state_text, restore_random_state


def test_nested_state_comes_back_as_it_was(tmp_path: Path) -> None:
    weight = torch.randn(3, 4)
    state = {
        "weights": {
            "a": weight,
            "a/b": weight[1],
            "tied": weight,
            "empty": torch.zeros(0, 2),
            "flag": torch.tensor(True),
        },
        "optimizer": {0: {"step": torch.tensor(3.0), "none": None, "betas": (0.9, 0.999)}, 1: {}},
        "half": torch.randn(4, dtype=torch.bfloat16),
        "milestones": Counter({3: 1, 7: 2}),
        "numbers": [1, 2.5, float("inf"), 1e-300, "text", {"tensor": "a name of ours"}],
        "array": np.arange(3, dtype=np.uint32),
        "scalar": np.float64(0.1),
    }
    save_checkpoint(tmp_path / "one.safetensors", state)
    back = load_checkpoint(tmp_path / "one.safetensors")
    assert list(back) == list(state)
    for name, tensor in state["weights"].items():
        assert torch.equal(back["weights"][name], tensor)
        assert back["weights"][name].dtype == tensor.dtype
    assert back["optimizer"][0]["betas"] == (0.9, 0.999)
    assert back["optimizer"][0]["step"] == 3
    assert back["optimizer"][0]["none"] is None
    assert torch.equal(back["half"], state["half"])
    assert back["milestones"] == state["milestones"]
    assert isinstance(back["milestones"], Counter)
    assert back["numbers"] == state["numbers"]
    assert back["array"].dtype == np.uint32
    assert back["array"].tolist() == [0, 1, 2]
    assert back["scalar"] == 0.1
    assert not list(tmp_path.glob(".*"))


def test_an_object_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="/scheduler/0 holds a object"):
        save_checkpoint(tmp_path / "one.safetensors", {"scheduler": [object()]})
    assert not list(tmp_path.iterdir())


def test_every_damaged_byte_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "one.safetensors"
    save_checkpoint(path, {"step": 4, "weights": torch.arange(6.0)})
    good = path.read_bytes()
    header = int.from_bytes(good[:8], "little") + 8
    for place in [0, 1, 9, header // 2, header, len(good) - 1]:
        bad = bytearray(good)
        bad[place] ^= 1
        path.write_bytes(bad)
        with pytest.raises(CheckpointError, match="one"):
            load_checkpoint(path)
    for cut in (0, 7, header, len(good) - 1):
        path.write_bytes(good[:cut])
        with pytest.raises(CheckpointError, match="cannot be read"):
            load_checkpoint(path)


def test_a_foreign_file_is_no_checkpoint(tmp_path: Path) -> None:
    safetensors.torch.save_file({"a": torch.zeros(1)}, tmp_path / "one.safetensors")
    with pytest.raises(CheckpointError, match="not a training checkpoint"):
        load_checkpoint(tmp_path / "one.safetensors")


def test_the_folder_keeps_the_newest_and_falls_back(tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path / "checkpoints", keep=2)
    assert folder.load_newest() is None
    assert not folder.folder.exists()
    for step in (9, 10, 1000):
        folder.save(step, {"step": step})
    assert [path.name for path in folder.paths()] == ["step-000000010.safetensors", "step-000001000.safetensors"]
    save_checkpoint(folder.folder / "step-000000009.safetensors", {"step": 9})  # of a run killed before it removed it
    assert folder.load_newest() == {"step": 1000}
    assert len(folder.paths()) == 2
    newest = folder.paths()[-1]
    newest.write_bytes(newest.read_bytes()[:-3])
    with pytest.warns(UserWarning, match=r"step-000001000.*falling back"):
        assert folder.load_newest() == {"step": 10}
    folder.paths()[0].write_bytes(b"")
    with pytest.warns(UserWarning, match="falling back"), pytest.raises(CheckpointError, match="none of 2"):
        folder.load_newest()


def test_a_finished_network_comes_back(tmp_path: Path) -> None:
    network = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    save_network(tmp_path / "network", network, {"recordings": {"a": "1"}})
    assert read_config(tmp_path / "network")["recordings"] == {"a": "1"}
    twin = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    load_weights(twin, tmp_path / "network")
    assert all(
        torch.equal(a, b) for a, b in zip(network.state_dict().values(), twin.state_dict().values(), strict=True)
    )
    load_weights(twin, tmp_path / "network" / "network.safetensors")


@pytest.mark.parametrize(
    ("network", "match"),
    [
        (nn.Sequential(nn.Linear(3, 2)), "unknown to the network, 1\\.bias"),
        (nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2), nn.Linear(2, 2)), r"lacks 2\.bias \(2 in all\)"),
        (nn.Sequential(nn.Linear(4, 2), nn.BatchNorm1d(2)), r"0\.weight is \(2, 3\), but Sequential has \(2, 4\)"),
    ],
)
def test_weights_of_another_network_are_refused(tmp_path: Path, network: nn.Module, match: str) -> None:
    save_network(tmp_path, nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)))
    with pytest.raises(CheckpointError, match=match):
        load_weights(network, tmp_path)


def test_one_flipped_bit_in_finished_weights_is_noticed(tmp_path: Path) -> None:
    network = nn.Linear(3, 2)
    save_network(tmp_path, network)
    file, config = tmp_path / "network.safetensors", tmp_path / "config.json"
    sound = file.read_bytes()
    for place in range(8, len(sound)):
        file.write_bytes(sound[:place] + bytes([sound[place] ^ 1]) + sound[place + 1 :])
        for there in (tmp_path, file):
            with pytest.raises(CheckpointError, match=r"is not the file that config\.json was written with"):
                load_weights(network, there)
    config.write_text(json.dumps({"class_path": "torch.nn.Linear"}))  # as older versions wrote it
    load_weights(network, tmp_path)


def test_faults_of_a_network_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="cannot be read"):
        read_config(tmp_path)
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_weights(nn.Linear(1, 1), tmp_path)
    (tmp_path / "config.json").write_text(json.dumps([1]))
    with pytest.raises(CheckpointError, match="found a list"):
        read_config(tmp_path)
    with pytest.raises(CheckpointError, match="not plain data"):
        save_network(tmp_path, nn.Linear(1, 1), {"class_path": object()})


def test_random_generators_go_on_where_they_were() -> None:
    def draw() -> list[float]:
        return [random.random(), random.gauss(), np.random.normal(), torch.randn(1).item()]  # noqa: NPY002

    draw()
    text = random_state_text(torch.device("cpu"))
    first = draw()
    assert draw() != first
    restore_random_state(text, torch.device("cpu"))
    assert draw() == first

import json

import pytest
import torch
from tests.networks.test_gaitnet import seeded_state

from walkprint.cli import main
from walkprint.networks.gaitnet import GaitNet
from walkprint.training.checkpoint import load_weights, read_config


@pytest.mark.parametrize("name", ["cvpr", "tpami"])
def test_a_published_file_becomes_a_network(name, shared, tmp_path, capsys):
    state = seeded_state(shared / "parity", f"GaitNet_{name}")
    parts: dict[str, dict[str, torch.Tensor]] = {"netE": {}, "netD": {}, "lstm": {}}
    for key, value in state.items():
        module, _, entry = key.partition(".")
        parts[module][entry] = value
    torch.save(parts | {"optimizer": {"param_groups": [{"lr": 1e-4}]}}, tmp_path / "fvg.pickle")
    assert (
        main(
            [
                "import-gaitnet",
                str(tmp_path / "fvg.pickle"),
                "--out",
                str(tmp_path / "network"),
                "--json",
                "--official_padding",
                "9",
            ]
        )
        == 0
    )
    said = json.loads(capsys.readouterr().out)
    assert (said["variant"], said["num_subjects"]) == (name, 10)
    network = GaitNet(**read_config(tmp_path / "network")["init_args"])
    load_weights(network, tmp_path / "network")
    assert network.official_padding == 9
    assert torch.equal(network.norm.weight, state["lstm.fc1.0.weight"])


def test_a_file_of_something_else_is_one_line(tmp_path, capsys):
    torch.save({"model": {"weight": torch.ones(1)}}, tmp_path / "other.pickle")
    assert main(["import-gaitnet", str(tmp_path / "other.pickle"), "--out", str(tmp_path / "network")]) == 2
    said = capsys.readouterr().err
    assert "netE, netD, lstm" in said
    assert said.count("\n") == 1
    assert not (tmp_path / "network").exists()

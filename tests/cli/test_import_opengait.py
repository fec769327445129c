"""A checkpoint in the reference's naming becomes a trained network of ours that gives the reference's outputs."""

import importlib.util
import json
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from walkprint.cli import main
from walkprint.networks.opengait import read_state
from walkprint.recipes.trained import load_network

Captured = pytest.CaptureFixture[str]
NETWORKS = {
    "GaitSet": ("GaitSet", None),
    "GaitPart": ("GaitPart", None),
    "GaitGL": ("GaitGL", 74),
    "GaitBase": ("GaitBase", 74),
    "DeepGaitV2_p3d": ("DeepGaitV2", 74),
}


def seeded_state(shared: Path, name: str) -> dict[str, torch.Tensor]:
    spec = importlib.util.spec_from_file_location("seeded", shared / "parity" / "seeded.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return {key: torch.from_numpy(value) for key, value in module.seeded_state(name).items()}


def refused(words: list[str], capsys: Captured) -> str:
    assert main(["import-opengait", *words]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("walkprint: error: ")
    assert shown.err.count("\n") == 1
    return shown.err


@pytest.mark.parametrize("name", NETWORKS)
def test_an_imported_checkpoint_gives_the_references_outputs(
    shared: Path, name: str, tmp_path: Path, capsys: Captured
) -> None:
    kind, subjects = NETWORKS[name]
    state = seeded_state(shared, name)
    optimizer = {"state": {0: {"momentum_buffer": torch.zeros(3)}}, "param_groups": [{"lr": 0.1}]}
    torch.save({"model": state, "optimizer": optimizer, "iteration": 60000}, tmp_path / "c.pt")
    words = ["import-opengait", str(tmp_path / "c.pt"), "--network", kind, "--out", str(tmp_path / "network"), "--json"]
    assert main(words) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["network"], told["num_subjects"]) == (kind, subjects)
    network = load_network(tmp_path / "network")
    with np.load(shared / "parity" / "inputs.npz") as inputs, np.load(shared / "parity" / f"{name}.npz") as reference:
        with torch.inference_mode():
            output = network(torch.from_numpy(inputs["fixed"]).unsqueeze(2))
        for ours, entry in ((output.embeddings, "emb"), (output.logits, "logits")):
            if ours is not None:
                theirs = reference[f"eval_fixed/{entry}"]
                assert np.abs(ours.transpose(1, 2).numpy() - theirs).max() < 1e-4 * np.abs(theirs).max()
        assert (output.logits is not None) == ("eval_fixed/logits" in reference.files)


def test_settings_say_which_widths_the_checkpoint_has(shared: Path, tmp_path: Path, capsys: Captured) -> None:
    torch.save(seeded_state(shared, "GaitSet"), tmp_path / "c.pt")  # a bare state dict is fine too
    words = [str(tmp_path / "c.pt"), "--network", "GaitSet", "--out", str(tmp_path / "network")]
    text = refused([*words, "--set", "network.channels=[64,128,256]"], capsys)
    assert "set_block1.forward_block.0.conv.weight is (32, 1, 5, 5), expected (64, 1, 5, 5)" in text
    assert "Head.fc_bin" in text
    assert not (tmp_path / "network").exists()
    assert "expected name=value" in refused([*words, "--set", "feature"], capsys)
    assert "no_such" in refused([*words, "--set", "network.no_such=1"], capsys)
    assert main(["import-opengait", *words, "--set", "network.channels=[32,64,128]", "network.feature=256"]) == 0
    assert "GaitSet from" in capsys.readouterr().out


def test_every_entry_is_mapped_or_named(shared: Path, tmp_path: Path, capsys: Captured) -> None:
    state = seeded_state(shared, "GaitSet")
    head = state.pop("Head.fc_bin")
    torch.save({"model": {**state, "teacher.fc_bin": head}}, tmp_path / "c.pt")
    text = refused([str(tmp_path / "c.pt"), "--network", "GaitSet", "--out", str(tmp_path / "network")], capsys)
    assert "teacher.fc_bin is unknown" in text
    assert "nothing for head.weight" in text
    assert "no mapping" in refused(
        [
            str(tmp_path / "c.pt"),
            "--network",
            "GEINet",
            "--set",
            "network.num_subjects=3",
            "--out",
            str(tmp_path / "n"),
        ],
        capsys,
    )


class Bomb:
    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, ("went off",)


@pytest.mark.parametrize("content", ["bomb", "bomb inside", "torn", "text", "list", "numbers", "nothing"])
def test_nothing_in_the_file_runs(
    content: str, tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "c.pt"
    if content == "bomb":
        path.write_bytes(pickle.dumps(Bomb()))
    elif content == "text":
        path.write_text("no checkpoint")
    elif content != "nothing":
        inner = {"bomb inside": Bomb(), "list": [1], "numbers": {"a": 1}, "torn": {"a": torch.zeros(99)}}[content]
        torch.save({"model": inner}, path)
    if content == "torn":
        path.write_bytes(path.read_bytes()[:300])
    assert str(path) in refused([str(path), "--network", "GaitSet", "--out", str(tmp_path / "network")], capsys)
    assert not (tmp_path / "went off").exists()
    assert not (tmp_path / "network").exists()


def test_a_classifier_of_other_axes_is_one_line(tmp_path: Path, capsys: Captured) -> None:
    torch.save({"BNNecks.fc_bin": torch.tensor(1.0)}, tmp_path / "c.pt")
    words = [str(tmp_path / "c.pt"), "--network", "GaitBase", "--out", str(tmp_path / "network")]
    assert "BNNecks.fc_bin" in refused(words, capsys)


def test_a_state_dict_by_another_name_and_with_a_prefix_is_read(tmp_path: Path) -> None:
    state = {"FCs.fc_bin": torch.ones(2)}
    prefixed = {f"module.{name}": value for name, value in state.items()}
    for number, found in enumerate((state, {"model": state}, {"state_dict": prefixed}, prefixed)):
        torch.save(found, tmp_path / f"{number}.pt")
        assert list(read_state(tmp_path / f"{number}.pt")) == ["FCs.fc_bin"]

"""Training that begins with the weights of another network, keeps layers, and learns some slower than others."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from tests.training.tiny import TinySet

from walkprint.core.errors import CheckpointError, RecipeError
from walkprint.networks.geinet import GEINet
from walkprint.recipes import load_network, load_recipe, train
from walkprint.recipes.fine_tuning import by_layer, freeze, take_weights
from walkprint.training.checkpoint import CheckpointFolder, save_checkpoint, save_network

PLAIN: dict[str, Any] = {
    "network": {"class_path": "GEINet", "init_args": {"num_subjects": 2}},
    "losses": {"identity": {"class_path": "CrossEntropyLoss"}},
    "frames": {"class_path": "RandomSubset", "init_args": {"count": 4}},
    "optimizer": {"class_path": "torch.optim.SGD", "init_args": {"lr": 0.1}},
    "schedule": {"steps": 2, "subjects_per_batch": 2, "clips_per_subject": 2},
}


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished network of five people."""
    folder = tmp_path_factory.mktemp("known") / "network"
    torch.manual_seed(1)
    save_network(folder, TinySet(num_subjects=5))
    return folder


def test_a_head_of_another_size_keeps_its_own_weights(known: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = TinySet(num_subjects=4)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    taken = take_weights(network, known)
    there = TinySet(num_subjects=5)
    assert taken.to_text() == (
        f"begins with {known}: convolution 2 of 2, project 2 of 2, classify 0 of 2 weights; not taken: "
        "classify.weight (4 x 6 here, 5 x 6 there), classify.bias (4 here, 5 there)"
    )
    del there
    source = load_network(known).state_dict()
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name] if name.startswith("classify") else source[name])


def test_without_a_fitting_weight_it_is_refused(known: Path) -> None:
    with pytest.raises(CheckpointError, match="no weight of it fits GEINet"):
        take_weights(GEINet(num_subjects=2), known)
    with pytest.raises(CheckpointError, match="no such folder"):
        take_weights(TinySet(), "nowhere")


@pytest.mark.parametrize("averaged", [True, False])
def test_a_checkpoint_gives_its_average_where_it_has_one(tmp_path: Path, averaged: bool) -> None:
    mean, now = TinySet(), TinySet()
    average = {f"module.{name}": one for name, one in mean.state_dict().items()} | {"n_averaged": torch.tensor(3)}
    file = tmp_path / "step-000000001.safetensors"
    save_checkpoint(file, {"network": now.state_dict(), "average": average if averaged else None})
    network = TinySet()
    assert not take_weights(network, file).left
    assert torch.equal(network.project.weight, (mean if averaged else now).project.weight)
    save_checkpoint(file, {"model": now.state_dict()})
    with pytest.raises(CheckpointError, match="no checkpoint of a network"):
        take_weights(network, file)


def test_frozen_layers_by_name() -> None:
    network = TinySet()
    freeze(network, ["convolution", "project.bias"])
    learned = {name for name, weight in network.named_parameters() if weight.requires_grad}
    assert learned == {"project.weight", "classify.weight", "classify.bias"}
    with pytest.raises(RecipeError, match=r"freeze: TinySet has no layer 'projekt' with weights.*project"):
        freeze(network, ["projekt"])
    with pytest.raises(RecipeError, match="is all of TinySet"):
        freeze(network, ["convolution", "project", "classify"])


def test_groups_take_the_longest_name_and_the_others_the_optimizer_s_own() -> None:
    network = TinySet()
    own = partial(torch.optim.SGD, lr=0.5)
    groups = {"project": {"lr": 0.1}, "project.bias": {"lr": 0.2, "weight_decay": 0.3}}
    assert by_layer(network, own, {}) is own
    made = by_layer(network, own, groups)(list(network.parameters()))
    names = {id(weight): name for name, weight in network.named_parameters()}
    found = [({names[id(one)] for one in row["params"]}, row["lr"], row["weight_decay"]) for row in made.param_groups]
    rest = {"convolution.weight", "convolution.bias", "classify.weight", "classify.bias"}
    assert found == [(rest, 0.5, 0), ({"project.weight"}, 0.1, 0), ({"project.bias"}, 0.2, 0.3)]
    with pytest.raises(RecipeError, match=r"groups: project: SGD has no setting lrr; did you mean lr\?"):
        by_layer(network, own, {"project": {"lrr": 1}})(list(network.parameters()))
    with pytest.raises(RecipeError, match="groups: TinySet has no layer 'head'"):
        by_layer(network, own, {"head": {"lr": 1}})


def test_a_recipe_is_fine_tuned_and_resumes_without_its_source(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "source"
    save_network(source, GEINet(num_subjects=7))
    first = load_network(source).state_dict()
    frozen = next(iter(dict(GEINet(num_subjects=2).named_children())))
    plain = PLAIN | {"data": {"root": str(store)}, "freeze": [frozen]}
    result = train(load_recipe(plain), tmp_path / "run", init=source, accelerator="cpu")
    assert f"begins with {source}: " in capsys.readouterr().err
    trained = result.network.state_dict()
    assert all(torch.equal(trained[name], first[name]) for name in first if name.startswith(f"{frozen}."))
    assert not all(
        torch.equal(trained[name], first[name]) for name in first if first[name].shape == trained[name].shape
    )
    assert yaml.safe_load((tmp_path / "run" / "recipe.yaml").read_text())["init"] == str(source)
    source.rename(tmp_path / "elsewhere")
    longer = {"schedule.steps": 3, "init": str(source)}
    assert train(load_recipe(plain, longer), tmp_path / "run", accelerator="cpu").step == 3
    assert not capsys.readouterr().err
    with pytest.raises(RecipeError, match=r"init: .* -> (absent|null)"):
        train(load_recipe(plain), tmp_path / "run", accelerator="cpu")
    state = CheckpointFolder(tmp_path / "run" / "checkpoints").load_newest()
    assert state is not None
    again = train(load_recipe(plain | {"freeze": None}), tmp_path / "other", init=tmp_path / "run", accelerator="cpu")
    assert again.step == 2

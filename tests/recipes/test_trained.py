"""What training left is opened by its folder, whoever trained it; what cannot be opened is refused in one line."""

import json
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import walkprint
from walkprint import Packed, fit, load_network
from walkprint.core.batch import GaitOutput
from walkprint.core.errors import CheckpointError, GaitError, RecipeError
from walkprint.data.frames import RandomSubset
from walkprint.data.loading import TrainingBatches
from walkprint.data.sampling import SubjectSampler
from walkprint.losses import TripletLoss
from walkprint.networks import GaitSet, Network
from walkprint.recipes.trained import dataset_of, load_generator
from walkprint.training.checkpoint import save_network
from walkprint.training.loop import Loop

ADAM = partial(torch.optim.Adam, lr=1e-3)


class Own(Network):
    def __init__(self, *, layer: nn.Module | None = None) -> None:
        super().__init__()
        self.layer = layer or nn.Linear(64 * 44, 2)

    def forward(self, frames: Tensor) -> GaitOutput:
        return GaitOutput(self.layer(frames.mean(1).flatten(1))[:, None])


def trained(store: Path, run: Path, **changes: object) -> Network:
    people = Packed(store)
    batches = TrainingBatches(
        people.store(), people.keys("train"), chooser=RandomSubset(3), sampler=SubjectSampler(2, 2), width_px=44
    )
    network = GaitSet(channels=(2, 2, 4), feature=4)
    loop = Loop(**{"steps": 1, "accelerator": "cpu", **changes})
    return fit(network, {"triplet": TripletLoss()}, batches, ADAM, loop, run).network


def test_a_run_of_python_opens(store: Path, tmp_path: Path) -> None:
    network = trained(store, tmp_path / "run")
    opened = load_network(tmp_path / "run")
    assert isinstance(opened, GaitSet)
    assert opened.init_args == network.init_args
    assert not opened.training
    frames = np.zeros((4, 64, 64), np.uint8)
    assert np.array_equal(opened.embed(frames), network.embed(frames))
    people = dataset_of(tmp_path / "run")
    assert isinstance(people, Packed)
    assert people.keys("test") == Packed(store).keys("test")


def test_a_run_of_python_goes_on_with_the_same_settings_only(store: Path, tmp_path: Path) -> None:
    trained(store, tmp_path / "run")
    trained(store, tmp_path / "run", steps=2)
    with pytest.raises(RecipeError, match=r"another recipe \(seed: 0 -> 1\)"):
        trained(store, tmp_path / "run", seed=1)
    (tmp_path / "run" / "recipe.yaml").write_text("{}\n")  # an older version recorded nothing
    trained(store, tmp_path / "run", steps=3)
    with pytest.raises(RecipeError, match="another recipe"):
        trained(store, tmp_path / "run", seed=1)


def test_bundled_networks_open_by_name() -> None:
    network = load_network("street")
    assert network.embed(np.zeros((2, 64, 44), np.uint8)).shape[0] > 0


def _old(folder: Path, config: object) -> Path:
    """A finished network as older versions left it."""
    save_network(folder / "network", GaitSet(channels=(2, 2, 4), feature=4))
    (folder / "network" / "config.json").write_text(json.dumps(config))
    return folder


def test_old_folders_open(tmp_path: Path) -> None:
    for kind in ("GaitSet", "walkprint.networks.gaitset.GaitSet"):
        config = {"class_path": kind, "init_args": {"channels": [2, 2, 4], "feature": 4}}
        assert isinstance(load_network(_old(tmp_path / kind, config)), GaitSet)
    assert isinstance(load_network(tmp_path / "GaitSet" / "network"), GaitSet), "the folder of the network itself"


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({}, "does not say how to build the network"),
        ("GaitSet", "found a str"),
        ({"class_path": "GaitSett"}, "did you mean GaitSet?"),
        ({"class_path": "nowhere.Own"}, "must be importable from here"),
        ({"class_path": "GaitSet", "init_args": {"depth": 3}}, "depth"),
        ({"class_path": "GaitSet", "init_args": {"feature": 5}}, "conv1.weight is"),
    ],
)
def test_what_does_not_open_says_what_to_do(tmp_path: Path, config: object, message: str) -> None:
    with pytest.raises(GaitError) as refusal:
        load_network(_old(tmp_path / "run", config))
    assert message in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_an_object_without_memory_is_named(tmp_path: Path) -> None:
    save_network(tmp_path / "n", Own(layer=nn.Linear(64 * 44, 3)))
    with pytest.raises(RecipeError, match=r"Own: layer was a torch\.nn\.modules\.linear\.Linear.*use `load_weights`"):
        load_network(tmp_path / "n")
    save_network(tmp_path / "own", Own())
    assert isinstance(load_network(tmp_path / "own"), Own)


def test_what_is_no_network_is_named(tmp_path: Path) -> None:
    for there, message in (("generator/config.json", "holds a generator"), ("recipe.yaml", "is not finished")):
        run = tmp_path / there.replace("/", "-")
        (run / there).parent.mkdir(parents=True)
        (run / there).touch()
        with pytest.raises(CheckpointError, match=message):
            load_network(run)
    with pytest.raises(CheckpointError, match="did you mean street"):
        load_network("stret")
    with pytest.raises(CheckpointError, match="holds no generator"):
        load_generator(tmp_path)
    with pytest.raises(RecipeError, match="has no data of its own"):
        dataset_of("street")


def test_opening_does_not_wait_for_the_training_library() -> None:
    code = (
        "import sys, walkprint.evaluation, walkprint.recipes.training, walkprint.studies.recognition; "
        "walkprint.load_network('street'); print('lightning_fabric' in sys.modules)"
    )
    home = Path(walkprint.__file__).resolve().parents[1]
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONPATH": str(home)}
    )
    assert done.stdout == "False\n"

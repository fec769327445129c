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
from walkprint.core.digest import weights_source
from walkprint.core.errors import CheckpointError, GaitError, RecipeError
from walkprint.data.frames import RandomSubset
from walkprint.data.loading import TrainingBatches
from walkprint.data.sampling import SubjectSampler
from walkprint.evaluation import Whitening
from walkprint.evaluation.whitening import WHITENING_NAME
from walkprint.losses import TripletLoss
from walkprint.networks import GaitSet, Network
from walkprint.recipes.card import CARD_NAME, folder_digest, read_card
from walkprint.recipes.trained import bundled_networks, dataset_of, load_generator, load_whitening
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
    batches = TrainingBatches(people, chooser=RandomSubset(3), sampler=SubjectSampler(2, 2), width_px=44)
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
    frames[:, :, 24:40] = 255
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
    assert network.embed(np.tile(np.arange(44, dtype=np.uint8) // 22 * 255, (2, 64, 1))).shape[0] > 0


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
        ({"class_path": "nowhere.Own"}, "import it first if you trust it"),
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
    with pytest.raises(RecipeError, match=r"Own: layer: a torch\.nn\.modules\.linear\.Linear.*use `load_weights`"):
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


@pytest.fixture
def finished(store: Path, tmp_path: Path) -> Path:
    """A finished network's folder with a whitening and a card."""
    network = trained(store, tmp_path / "run")
    folder = tmp_path / "run" / "network"
    mean = np.zeros((62, 4), np.float32)
    root = np.tile(np.eye(4, dtype=np.float32), (62, 1, 1))
    Whitening(mean, root, weights_source(network)).save(folder / WHITENING_NAME)
    return folder


def write_card(folder: Path, **changes: object) -> None:
    plain = {"summary": "small", "data": "rendered", "license": "Apache-2.0", "figures": ["a 1", "b 2"], "bad_at": []}
    (folder / CARD_NAME).write_text(json.dumps({**plain, "digest": folder_digest(folder), **changes}))


def test_whitening_lies_beside_the_weights(finished: Path, store: Path, tmp_path: Path) -> None:
    for name in (finished, finished.parent):
        network = load_network(name)
        assert network.whitening.source == weights_source(network)
        assert network.whitening.digest == Whitening.load(finished / WHITENING_NAME).digest
    assert load_whitening(finished).digest == network.whitening.digest
    trained(store, tmp_path / "plain")
    assert load_network(tmp_path / "plain").whitening is None
    with pytest.raises(CheckpointError, match="this network has no whitening; score without"):
        load_whitening(tmp_path / "plain")


def test_a_card_is_checked_against_weights_and_whitening(finished: Path) -> None:
    write_card(finished)
    card = read_card(finished)
    assert card is not None
    assert card.figures == ("a 1", "b 2")
    assert card.bad_at == ()
    assert load_network(finished).whitening is not None
    for name in (WHITENING_NAME, "network.safetensors"):
        whole = (finished / name).read_bytes()
        (finished / name).write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        with pytest.raises(CheckpointError, match=r"not those of its card|is not the file that"):
            load_network(finished)
        (finished / name).write_bytes(whole)
    (finished / WHITENING_NAME).unlink()
    with pytest.raises(CheckpointError, match=r"not those of its card|is not the file that"):
        load_network(finished)


@pytest.mark.parametrize("content", ["[]", "{}", "no json", '{"figures": 1, "bad_at": []}'])
def test_damaged_cards(finished: Path, content: str) -> None:
    (finished / CARD_NAME).write_text(content)
    with pytest.raises(CheckpointError, match="no card of a network"):
        load_network(finished)


@pytest.mark.parametrize("name", bundled_networks())
def test_bundled_networks_have_a_card_that_fits(name: str) -> None:
    folder = bundled_networks()[name]
    card = read_card(folder)
    assert card is not None
    assert card.digest == folder_digest(folder)
    assert card.license == "Apache-2.0"
    assert "rendered" in card.data
    assert card.figures
    assert card.bad_at
    network = load_network(name)
    if network.whitening is not None:
        assert network.whitening.source == weights_source(network)
    frames = np.zeros((5, 64, 64), np.uint8)
    frames[:, 10:60, 20:40] = 255
    assert np.isfinite(network.embed(frames)).all()
    assert sum(file.stat().st_size for file in folder.iterdir()) < 12e6


@pytest.mark.parametrize(
    ("name", "shape", "digest"),
    [("street", (31, 128), "d6843b162689"), ("street-large", (62, 192), "1b984360149e")],
)
def test_bundled_networks_ship_with_their_whitening(name: str, shape: tuple[int, int], digest: str) -> None:
    whitening = load_whitening(name)
    assert (whitening.mean.shape, whitening.digest) == (shape, digest)

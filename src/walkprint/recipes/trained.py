"""What training left: networks and generators by their run folder, or bundled networks by their name."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from walkprint.core.errors import CheckpointError, RecipeError
from walkprint.data.earlier import current_entry
from walkprint.data.packed import Packed
from walkprint.evaluation.whitening import WHITENING_NAME, Whitening
from walkprint.generation.base import GenerativeModel
from walkprint.generation.earlier import current_entry as current_generator
from walkprint.networks.base import Network
from walkprint.networks.exported import Exported, Runtime
from walkprint.recipes.card import folder_digest, read_card
from walkprint.recipes.classes import build
from walkprint.recipes.library import bundled_networks, find_trained
from walkprint.training.checkpoint import load_weights, read_config
from walkprint.training.run import RunFolder, read_recipe


def load_network(name: str | Path, *, runtime: Runtime | None = None) -> Network:
    """A trained network, in evaluation mode, on the CPU.

    Args:
        name: a run folder, the folder of a finished network, or the name of a bundled network: "street" or
            "street-large".
        runtime: what runs an exported network; "onnxruntime" if None.

    Returns:
        The network; its `whitening` is what lies beside its weights, or None.

    Raises:
        CheckpointError: there is no such folder, its training is not finished, or its weights are another network's or
            not those of its card.
        RecipeError: the class of the network is not here, or does not know a setting; a runtime that is not installed,
            or one for a network that is not exported.
    """
    folder = network_folder(name)
    network: Network = build(Network, _how_to_build(folder))
    load_weights(network, folder)
    if isinstance(network, Exported):
        network.attach(folder, runtime or "onnxruntime")
    elif runtime is not None:
        raise RecipeError(f"{name}: is a network in PyTorch, which {runtime} cannot run; export it first")
    network.whitening = _whitening_in(folder)
    return network.eval()


def load_whitening(name: str | Path) -> Whitening:
    """The whitening of a network alone, by the `name` of `load_network`.

    Raises:
        CheckpointError: there is no such network, it has no whitening, or its files are not those of its card.
        DataError: the whitening is damaged.
    """
    found = _whitening_in(network_folder(name))
    if found is None:
        known = [one for one, folder in bundled_networks().items() if (folder / WHITENING_NAME).is_file()]
        raise CheckpointError(f"{name}: this network has no whitening; score without, or use {' or '.join(known)}")
    return found


def _whitening_in(folder: Path) -> Whitening | None:
    card = read_card(folder)
    if card is not None and card.digest != folder_digest(folder):
        raise CheckpointError(f"{folder}: its weights or whitening are not those of its card; install it again")
    path = folder / WHITENING_NAME
    return Whitening.load(path) if path.is_file() else None


def network_folder(name: str | Path) -> Path:
    """The folder of a finished network, by the `name` of `load_network`.

    Raises:
        CheckpointError: there is no such folder, or no finished network in it.
    """
    run = RunFolder(find_trained(name))
    if run.generator.is_dir():
        raise CheckpointError(f"{name}: holds a generator; expected the run of a network")
    if run.recipe.is_file() and not run.network.is_dir():
        raise CheckpointError(f"{name}: its training is not finished; train it to the end first")
    return run.network if run.network.is_dir() else run.path


def load_generator(run: str | Path) -> GenerativeModel:
    """The generator that a run left, in evaluation mode, on the CPU.

    Raises:
        CheckpointError: the training is not finished, or a file is damaged.
        RecipeError: the class of the generator is not here, or does not know a setting.
    """
    folder = RunFolder(run).generator
    if not folder.is_dir():
        raise CheckpointError(f"{run}: {_what_else(RunFolder(run))}")
    config = current_generator(_how_to_build(folder))
    model: GenerativeModel = build(GenerativeModel, config)
    load_weights(model, folder)
    model.recordings = config.get("recordings", {})  # none before they were kept
    return model.eval()


def dataset_of(run: str | Path) -> Packed:
    """The data set that a run was trained on.

    Raises:
        CheckpointError: the folder holds no run, or its record names no data set.
        RecipeError, DataError: the data set cannot be opened.
    """
    if not Path(run).exists() and str(run) in bundled_networks():
        raise RecipeError(f"{run} comes with walkprint and has no data of its own; name the data set")
    entry = read_recipe(run).get("data")
    if not isinstance(entry, Mapping):
        raise CheckpointError(f"{run}: its recipe.yaml names no data set; name the data set")
    dataset: Packed = build(Packed, current_entry(entry))
    return dataset


def _how_to_build(folder: Path) -> dict[str, Any]:
    config = read_config(folder)
    if not config.get("class_path"):
        raise CheckpointError(
            f"{folder}: its config.json does not say how to build the network (written without a recipe by an older "
            "version?); build the network in Python and use `load_weights`"
        )
    return config


def _what_else(run: RunFolder) -> str:
    """What a folder is that holds no generator, and what to do."""
    if run.network.is_dir():
        return "holds a recognizer; expected the run folder of a generator"
    if run.recipe.is_file():
        return "its generator is not finished; train it to the end first"
    return "holds no generator; expected the run folder of a trained one"

"""Checkpoints and finished networks on disk: safetensors and JSON, written atomically, never pickled."""

import hashlib
import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from walkprint.core.described import describe
from walkprint.core.errors import CheckpointError
from walkprint.core.files import write_atomically
from walkprint.core.yaml_json import read_json
from walkprint.training.plain import from_plain, own_memory, to_plain

_KIND = "walkprint checkpoint 1"
WEIGHTS_NAME, CONFIG_NAME = "network.safetensors", "config.json"
_WEIGHTS_DIGEST = "weights_sha256"


def save_checkpoint(path: str | Path, state: Mapping[str, Any]) -> None:
    """Write nested state as one safetensors file, atomically.

    Args:
        path: ends in `.safetensors`.
        state: dicts, lists, tuples, numbers, text and tensors, nested.

    Raises:
        CheckpointError: the state holds something that is not plain.
    """
    tensors: dict[str, Tensor] = {}
    plain = json.dumps(to_plain(state, tensors))
    tensors = own_memory(tensors)
    metadata = {"kind": _KIND, "state": plain, "digest": _digest(plain, tensors)}
    write_atomically(Path(path), safetensors.torch.save(tensors, metadata))


def load_checkpoint(path: str | Path) -> dict[str, Any]:
    """Read what `save_checkpoint` wrote; tensors are on the CPU.

    Raises:
        CheckpointError: the file is missing, damaged, or no checkpoint of ours.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no dict
        if metadata.get("kind") != _KIND:
            raise CheckpointError(f"{path}: not a training checkpoint; expected one that `fit` wrote")
        if metadata["digest"] != _digest(metadata["state"], tensors):
            raise CheckpointError(f"{path}: damaged, its digest does not agree; delete it and use an older checkpoint")
        state: dict[str, Any] = from_plain(json.loads(metadata["state"]), tensors)
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise CheckpointError(f"{path}: cannot be read ({error}); delete it and use an older checkpoint") from error
    return state


class CheckpointFolder:
    """The checkpoints of one run, by step.

    Args:
        folder: made with the first checkpoint.
        keep: so many of the newest stay, at least 1.
    """

    def __init__(self, folder: str | Path, keep: int = 2) -> None:
        self.folder, self.keep = Path(folder), max(keep, 1)

    def paths(self) -> list[Path]:
        """The checkpoints, oldest first."""
        return sorted(self.folder.glob("step-*.safetensors"))

    def save(self, step: int, state: Mapping[str, Any]) -> Path:
        """Write the checkpoint of a step; only once it is in place do the oldest go."""
        path = self.folder / f"step-{step:09d}.safetensors"
        save_checkpoint(path, state)
        self._remove_old()
        return path

    def _remove_old(self) -> None:
        for old in [*self.paths()[: -self.keep], *self.folder.glob(".*.tmp")]:  # what killed runs left, too
            old.unlink(missing_ok=True)

    def load_newest(self) -> dict[str, Any] | None:
        """The newest state that can be read, or None when no checkpoint was ever written; the oldest go as in `save`.

        Each damaged one costs a warning.

        Raises:
            CheckpointError: there are checkpoints, but none can be read.
        """
        paths = self.paths()
        for path in reversed(paths):
            try:
                state = load_checkpoint(path)
                if path == paths[-1]:  # else those before may be needed
                    self._remove_old()
                return state
            except CheckpointError as error:
                warnings.warn(f"{error}: falling back to the one before", stacklevel=2)
        if paths:
            raise CheckpointError(
                f"{self.folder}: none of {len(paths)} checkpoints can be read; delete this run and start again"
            )
        return None


def save_network(folder: str | Path, network: nn.Module, further: Mapping[str, Any] | None = None) -> None:
    """Write a finished network or generator: `network.safetensors` and `config.json` with its digest, each atomically.

    Args:
        folder: made when it is missing.
        network: whose weights and buffers are written; it says itself how it was built.
        further: plain data that goes into `config.json` beside its `class_path` and `init_args`.

    Raises:
        CheckpointError: `further` is not plain data.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        weights = safetensors.torch.save(own_memory(network.state_dict()), {"kind": "walkprint network 1"})
        digest = {_WEIGHTS_DIGEST: hashlib.sha256(weights).hexdigest()}
        text = json.dumps({**describe(network), **(further or {}), **digest}, indent=2) + "\n"
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"{folder}: the network's config is not plain data ({error})") from error
    write_atomically(folder / WEIGHTS_NAME, weights)
    write_atomically(folder / CONFIG_NAME, text)


def read_config(folder: str | Path) -> dict[str, Any]:
    """How to build the network that `save_network` wrote: `class_path` and `init_args`.

    Raises:
        CheckpointError: the file is missing or holds something else.
    """
    path = Path(folder) / CONFIG_NAME
    try:
        config = read_json(path)
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path}: cannot be read ({error}); expected the folder of a trained network") from error
    if not isinstance(config, dict):
        raise CheckpointError(f"{path}: found a {type(config).__name__}, expected class_path and init_args")
    return config


def load_weights(network: nn.Module, folder: str | Path) -> None:
    """Give a network the weights that `save_network` wrote, from a folder or from a weights file itself.

    Raises:
        CheckpointError: the file is missing or damaged, is not the one that the `config.json` beside it was written
            with, or belongs to another network.
    """
    path = Path(folder)
    path = path / WEIGHTS_NAME if path.is_dir() else path
    beside = read_config(path.parent) if path.name == WEIGHTS_NAME and (path.parent / CONFIG_NAME).is_file() else {}
    try:
        weights = path.read_bytes()
        if beside.get(_WEIGHTS_DIGEST) not in (None, hashlib.sha256(weights).hexdigest()):  # none in older folders
            raise CheckpointError(
                f"{path}: is not the file that {CONFIG_NAME} was written with, damaged or exchanged; copy the folder "
                "again or train again"
            )
        tensors = safetensors.torch.load(weights)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path}: cannot be read ({error}); expected the folder of a trained network") from error
    check_weights(network, tensors, str(path))
    network.load_state_dict(tensors)


def check_weights(network: nn.Module, tensors: Mapping[str, Tensor], source: str) -> None:
    """Refuse weights of another network.

    Raises:
        CheckpointError: names the first weight that is missing, unknown or of another shape.
    """
    expected = network.state_dict()
    name = type(network).__name__
    for found, wanted, fault in ((tensors, expected, "lacks"), (expected, tensors, "holds, unknown to the network,")):
        missing = sorted(set(wanted) - set(found))
        if missing:
            raise CheckpointError(
                f"{source}: for {name} it {fault} {missing[0]} ({len(missing)} in all); build the network of its config"
            )
    for key, tensor in expected.items():
        if tensors[key].shape != tensor.shape:
            raise CheckpointError(
                f"{source}: {key} is {tuple(tensors[key].shape)}, but {name} has {tuple(tensor.shape)}; "
                "build the network with the settings of its config"
            )


def _digest(plain: str, tensors: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256(plain.encode())
    for name in sorted(tensors):
        digest.update(name.encode())
        if tensors[name].numel():
            digest.update(tensors[name].reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()

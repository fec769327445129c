"""Fine-tuning: the weights that training begins with, layers that stay as they are, settings by layer."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer

from walkprint.core.errors import CheckpointError, RecipeError
from walkprint.core.spelling import did_you_mean
from walkprint.networks.base import Network
from walkprint.recipes.trained import load_network
from walkprint.training.checkpoint import WEIGHTS_NAME, load_checkpoint
from walkprint.training.learner import MakeOptimizer

_SHOWN = 6


@dataclass(frozen=True, slots=True)
class Taken:
    """What a network took from another one.

    Attributes:
        source: its name or path.
        taken: names of the weights that were taken.
        left: names of those that were not, and why.
    """

    source: str
    taken: tuple[str, ...]
    left: Mapping[str, str]

    def to_text(self) -> str:
        """One line: of each layer, how much was taken; what was not, and why."""
        layers = dict.fromkeys(name.partition(".")[0] for name in (*self.taken, *self.left))
        counts = [
            f"{layer} {len(_below(layer, self.taken))} of {len(_below(layer, [*self.taken, *self.left]))}"
            for layer in layers
        ]
        left = [f"{name} ({why})" for name, why in self.left.items()]
        more = [f"{len(left) - _SHOWN} more"] if len(left) > _SHOWN else []
        rest = f"; not taken: {', '.join(left[:_SHOWN] + more)}" if left else ""
        return f"begins with {self.source}: {', '.join(counts)} weights{rest}"


def take_weights(network: Network, source: str | Path) -> Taken:
    """Give a network the weights of another one, layer by layer; a head of another size keeps its own.

    Args:
        network: changed in place.
        source: a run folder, the folder of a finished network, a bundled network's name, or a checkpoint's file.

    Raises:
        CheckpointError: there is no such network, or none of its weights fits.
    """
    found, own = _weights(source), network.state_dict()
    left = {
        name: "absent there" if name not in found else f"{_size(tensor)} here, {_size(found[name])} there"
        for name, tensor in own.items()
        if name not in found or found[name].shape != tensor.shape
    }
    taken = tuple(name for name in own if name not in left)
    if not taken:
        raise CheckpointError(
            f"{source}: no weight of it fits {type(network).__name__} with its settings; begin with a network of the "
            "same class and widths"
        )
    network.load_state_dict(own | {name: found[name] for name in taken})
    return Taken(str(source), taken, left)


def freeze(network: Network, layers: Sequence[str]) -> None:
    """Keep layers as they are; a layer that is frozen whole, batch norm included, also stays in evaluation mode.

    Args:
        network: changed in place.
        layers: names of modules or of weights, e.g. "blocks" or "blocks.0.conv1.weight".

    Raises:
        RecipeError: there is no such layer, or nothing is left to be learned.
    """
    weights = dict(network.named_parameters())
    for layer in layers:
        for name in _known("freeze", layer, network):
            weights[name].requires_grad_(False)
    if not any(weight.requires_grad for weight in weights.values()):
        raise RecipeError(
            f"freeze: {', '.join(layers)} is all of {type(network).__name__}; leave a layer to be learned"
        )


def by_layer(network: Network, optimizer: MakeOptimizer, groups: Mapping[str, Mapping[str, float]]) -> MakeOptimizer:
    """An optimizer with settings of their own for some layers; the longest name that fits a weight counts.

    Args:
        network: whose layers are named.
        optimizer: gives the settings of all others.
        groups: layer -> settings, e.g. {"blocks": {"lr": 0.001}}.

    Raises:
        RecipeError: there is no such layer.
    """
    for layer in groups:
        _known("groups", layer, network)
    return partial(_grouped, network=network, optimizer=optimizer, groups=groups) if groups else optimizer


def _grouped(
    parameters: Sequence[nn.Parameter],
    *,
    network: Network,
    optimizer: MakeOptimizer,
    groups: Mapping[str, Mapping[str, float]],
) -> Optimizer:
    names = {id(weight): name for name, weight in network.named_parameters()}
    rows: dict[str, list[nn.Parameter]] = {"": [], **{layer: [] for layer in groups}}
    for parameter in parameters:
        fits = [layer for layer in groups if _below(layer, [names.get(id(parameter), "")])]
        rows[max(fits, key=len, default="")].append(parameter)
    entries: list[Any] = [{"params": row, **groups.get(layer, {})} for layer, row in rows.items() if row]
    made = optimizer(entries)
    for layer, settings in groups.items():
        for name in settings.keys() - made.defaults.keys():
            raise RecipeError(
                f"groups: {layer}: {type(made).__name__} has no setting {name}{did_you_mean(name, made.defaults)}"
            )
    return made


def _weights(source: str | Path) -> Mapping[str, Tensor]:
    path = Path(source)
    if not path.is_file():
        return load_network(source).state_dict()
    if path.name == WEIGHTS_NAME:
        return load_network(path.parent).state_dict()
    state = load_checkpoint(path)
    if "network" not in state:
        raise CheckpointError(f"{source}: no checkpoint of a network; expected one, or the folder of a network")
    if state["average"] is None:
        return dict(state["network"])
    return {name.removeprefix("module."): tensor for name, tensor in state["average"].items()}


def _known(setting: str, layer: str, network: Network) -> list[str]:
    names = [name for name, _ in network.named_parameters()]
    if not (found := _below(layer, names)):
        layers = sorted({name.rpartition(".")[0] for name in names} | {name.partition(".")[0] for name in names})
        advice = did_you_mean(layer, layers) or f"; its layers are {', '.join(dict(network.named_children()))}"
        raise RecipeError(f"{setting}: {type(network).__name__} has no layer {layer!r} with weights{advice}")
    return found


def _below(layer: str, names: Iterable[str]) -> list[str]:
    return [name for name in names if name == layer or name.startswith(f"{layer}.")]


def _size(tensor: Tensor) -> str:
    return " x ".join(map(str, tensor.shape)) or "one number"

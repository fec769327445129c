"""Weights of the field's reference implementation under our names.

Source: checkpoint naming of OpenGait (Fan et al., CVPR 2023); only the names and layouts are taken over.
"""

import re
from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from walkprint.core.errors import CheckpointError
from walkprint.networks.base import Network

_RESIDUAL = (
    (r"\.bn(\d)\.", r".norm\1."),
    (r"\.downsample\.", r".shortcut."),
)
_HEAD = (
    (r"^FCs\.fc_bin$", "head.weight"),
    (r"^BNNecks\.fc_bin$", "neck.weight"),
    (r"^BNNecks\.bn1d\.", "neck.norm."),
)

# Pairs of pattern and replacement, applied one after the other; what no pattern touches keeps its name.
_RULES: dict[str, tuple[tuple[str, str], ...]] = {
    "GaitSet": (
        (r"^set_block(\d)\.forward_block\.0\.conv", r"blocks.\1.conv1"),
        (r"^set_block(\d)\.forward_block\.2\.conv", r"blocks.\1.conv2"),
        (r"^gl_block(\d)\.0\.conv", r"global_blocks.\1.conv1"),
        (r"^gl_block(\d)\.2\.conv", r"global_blocks.\1.conv2"),
        (r"^Head\.fc_bin$", "head.weight"),
    ),
    "GaitBase": (
        (r"^Backbone\.forward_block\.conv1\.conv", "conv"),
        (r"^Backbone\.forward_block\.bn1\.", "norm."),
        (r"^Backbone\.forward_block\.layer(\d)", r"stages.\1"),
        *_RESIDUAL,
        *_HEAD,
    ),
}
# The reference counts from here; ours from 0.
_FIRST = {"blocks": 1, "global_blocks": 2, "stages": 1}


def our_name(network: Network, name: str) -> str:
    """What the reference's entry `name` is called in `network`.

    Raises:
        CheckpointError: there is no mapping for this kind of network.
    """
    kind = type(network).__name__
    if kind not in _RULES:
        raise CheckpointError(f"{kind}: no mapping from OpenGait; there is one for {', '.join(_RULES)}")
    return _rename(name, _RULES[kind])


def convert_state(network: Network, state_dict: Mapping[str, Tensor | NDArray[np.generic]]) -> dict[str, Tensor]:
    """A reference checkpoint's state under the names and layouts of `network`.

    Args:
        network: the network that the weights are for, built with the same widths.
        state_dict: the reference's names to tensors or arrays.

    Returns:
        What `network.load_state_dict` takes, complete.

    Raises:
        CheckpointError: there is no mapping for this network, or it names every entry that is unknown, missing or of
            another shape.
    """
    wanted = network.state_dict()
    converted: dict[str, Tensor] = {}
    faults = []
    for name, value in state_dict.items():
        ours = our_name(network, name)
        tensor = value if isinstance(value, Tensor) else torch.from_numpy(np.asarray(value))
        if ours not in wanted or ours in converted:
            faults.append(f"{name} is unknown")
            continue
        if ours.startswith("neck.norm.") and tensor.ndim == 1:
            tensor = _part_first(tensor, network)
        if tensor.shape != wanted[ours].shape:
            faults.append(f"{name} is {tuple(tensor.shape)}, expected {tuple(wanted[ours].shape)}")
        converted[ours] = tensor.to(wanted[ours].dtype).contiguous()
    faults += [f"nothing for {name}" for name in wanted if name not in converted]
    if faults:
        raise CheckpointError(
            f"{type(network).__name__}: {'; '.join(faults)}; build the network with the checkpoint's widths"
        )
    return converted


def _rename(name: str, rules: tuple[tuple[str, str], ...]) -> str:
    for pattern, replacement in rules:
        name = re.sub(pattern, replacement, name)
    family, _, rest = name.partition(".")
    number, _, tail = rest.partition(".")
    if family in _FIRST and number.isdigit():
        return f"{family}.{int(number) - _FIRST[family]}.{tail}"
    return name


def _part_first(tensor: Tensor, network: Network) -> Tensor:
    """The joint batch norm of the neck counts feature first there, part first here."""
    parts = network.state_dict()["neck.weight"].shape[0]
    return tensor.view(-1, parts).T.flatten() if tensor.numel() % parts == 0 else tensor

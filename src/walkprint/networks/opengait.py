"""Converts checkpoints of OpenGait, the field's reference implementation, to our names and layouts.

Source: checkpoint naming of OpenGait (Fan et al., CVPR 2023); only names and layouts are used.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from walkprint.core.errors import CheckpointError
from walkprint.networks.base import Network
from walkprint.networks.published import read_published

_RESIDUAL = (
    (r"\.bn(\d)\.", r".norm\1."),
    (r"\.downsample\.", r".shortcut."),
)
_HEAD = (
    (r"^FCs\.fc_bin$", "head.weight"),
    (r"^BNNecks\.fc_bin$", "neck.weight"),
    (r"^BNNecks\.bn1d\.", "neck.norm."),
)

# Pairs of pattern and replacement, applied in order; a name that no pattern matches stays.
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
    "GaitPart": (
        (r"^Backbone\.forward_block\.feature\.0\.conv", "blocks.1.conv1"),
        (r"^Backbone\.forward_block\.feature\.2\.conv", "blocks.1.conv2"),
        (r"^Backbone\.forward_block\.feature\.5\.conv", "blocks.2.conv1"),
        (r"^Backbone\.forward_block\.feature\.7\.conv", "blocks.2.conv2"),
        (r"^Backbone\.forward_block\.feature\.10\.conv", "blocks.3.conv1"),
        (r"^Backbone\.forward_block\.feature\.12\.conv", "blocks.3.conv2"),
        (r"^Backbone\.forward_block\.feature\.14\.conv", "blocks.4.conv1"),
        (r"^Backbone\.forward_block\.feature\.16\.conv", "blocks.4.conv2"),
        (r"^Head\.fc_bin$", "head.weight"),
        (r"^TFA\.pooling_func\.conv1d3x1\.(\d+)\.0\.conv\.weight", r"short.conv1.weight@\1"),
        (r"^TFA\.pooling_func\.conv1d3x1\.(\d+)\.2\.conv\.weight", r"short.conv2.weight@\1"),
        (r"^TFA\.pooling_func\.conv1d3x3\.(\d+)\.0\.conv\.weight", r"longer.conv1.weight@\1"),
        (r"^TFA\.pooling_func\.conv1d3x3\.(\d+)\.2\.conv\.weight", r"longer.conv2.weight@\1"),
    ),
    "GaitGL": (
        (r"^conv3d\.0\.conv3d", "stem.0"),
        (r"^conv3d\.2\.conv3d", "stem.1"),
        (r"^LTA\.0\.conv3d", "shorten"),
        (r"^GLConv[AB](\d)\.(?=global|local)", r"GLConvA\1.0."),
        (r"^GLConv[AB](\d)\.(\d)\.global_conv3d\.conv3d", r"stages.\1.\2.whole"),
        (r"^GLConv[AB](\d)\.(\d)\.local_conv3d\.conv3d", r"stages.\1.\2.local"),
        (r"^HPP\.p$", "pooling.power"),
        (r"^Head0\.fc_bin$", "head.weight"),
        (r"^Head1\.fc_bin$", "classifier.weight"),
        (r"^Bn\.", "norm."),
    ),
    "DeepGaitV2": (
        (r"^layer0\.forward_block\.0\.", "conv."),
        (r"^layer0\.forward_block\.1\.", "norm."),
        (r"^layer(\d)(?:\.forward_block)?\.", r"stages.\1."),
        (r"\.conv(\d)\.forward_block\.0\.", r".conv\1."),
        (r"\.conv(\d)\.forward_block\.1\.", r".norm\1."),
        (r"\.shortcut3d\.", ".temporal."),
        (r"\.sbn\.", ".temporal_norm."),
        *_RESIDUAL,
        *_HEAD,
    ),
}
# OpenGait numbers these modules from here, we from 0.
_FIRST = {
    "GaitSet": {"blocks": 1, "global_blocks": 2},
    "GaitPart": {"blocks": 1},
    "GaitBase": {"stages": 1},
    "DeepGaitV2": {"stages": 1},
}
# Weights of classifiers; their last axis counts the training subjects.
_CLASSIFIERS = ("BNNecks.fc_bin", "Head1.fc_bin")


def read_state(path: str | Path) -> dict[str, Tensor]:
    """The weights in a checkpoint of OpenGait; only tensors and plain data are admitted, nothing in it can run.

    Args:
        path: a file that holds a state dict, or a dict with one under "model" or "state_dict"; the prefix "module."
            that distributed training leaves is taken away.

    Raises:
        CheckpointError: the file is missing or damaged, or holds anything else.
    """
    found = read_published(path, "a checkpoint of OpenGait")
    state = found.get("model", found.get("state_dict", found)) if isinstance(found, dict) else found
    if not isinstance(state, dict) or not state or not all(isinstance(one, Tensor) for one in state.values()):
        raise CheckpointError(
            f"{path}: found no state dict; expected names to tensors, alone or under 'model' or 'state_dict'"
        )
    return {str(name).removeprefix("module."): one for name, one in state.items()}


def count_subjects(state_dict: Mapping[str, Tensor]) -> int | None:
    """The number of training subjects, from the classifier of a checkpoint; None if it has no classifier."""
    found = (state_dict[name] for name in _CLASSIFIERS if name in state_dict)
    return next((weight.shape[-1] for weight in found if weight.ndim), None)


def our_name(network: Network, name: str) -> str:
    """The name in `network` of OpenGait's entry `name`; "weight@3" is row 3 of a weight that we hold for all parts.

    Raises:
        CheckpointError: there is no mapping for this kind of network.
    """
    kind = type(network).__name__
    if kind not in _RULES:
        raise CheckpointError(f"{kind}: no mapping from OpenGait; there is one for {', '.join(_RULES)}")
    for pattern, replacement in _RULES[kind]:
        name = re.sub(pattern, replacement, name)
    family, _, rest = name.partition(".")
    number, _, tail = rest.partition(".")
    first = _FIRST.get(kind, {}).get(family, 0)
    return f"{family}.{int(number) - first}.{tail}" if first and number.isdigit() else name


def convert_state(network: Network, state_dict: Mapping[str, Tensor | NDArray[np.generic]]) -> dict[str, Tensor]:
    """The state of a checkpoint of OpenGait under the names and layouts of `network`.

    Args:
        network: of the same class and widths.
        state_dict: OpenGait's names to tensors or arrays.

    Returns:
        A complete state for `network.load_state_dict`.

    Raises:
        CheckpointError: there is no mapping for this network; or entries are unknown, missing or of another shape,
            all of which are named.
    """
    wanted = network.state_dict()
    converted: dict[str, Tensor] = {}
    filled: set[str] = set()
    faults = []
    for name, value in state_dict.items():
        ours = our_name(network, name)
        whole, _, part = ours.partition("@")
        if whole not in wanted or ours in filled or (part and int(part) >= len(wanted[whole])):
            faults.append(f"{name} is unknown")
            continue
        goal = wanted[whole][int(part)] if part else wanted[whole]
        tensor = value if isinstance(value, Tensor) else torch.from_numpy(np.asarray(value))
        tensor = _our_layout(tensor, whole, network)
        filled.add(ours)
        if tensor.shape != goal.shape:
            faults.append(f"{name} is {tuple(tensor.shape)}, expected {tuple(goal.shape)}")
        elif part:
            converted.setdefault(whole, torch.empty_like(wanted[whole]))[int(part)] = tensor
        else:
            converted[whole] = tensor.to(goal.dtype).clone(memory_format=torch.contiguous_format)
    faults += [f"nothing for {name}" for name in _missing(wanted, filled)]
    if faults:
        raise CheckpointError(
            f"{type(network).__name__}: {'; '.join(faults)}; build the network with the checkpoint's widths"
        )
    return converted


def _our_layout(tensor: Tensor, name: str, network: Network) -> Tensor:
    if name.startswith("neck.norm.") and tensor.ndim == 1:
        # OpenGait's joint batch norm of the neck is ordered by feature, then part; ours by part, then feature.
        parts = network.state_dict()["neck.weight"].shape[0]
        return tensor.view(-1, parts).T.flatten() if tensor.numel() % parts == 0 else tensor
    return tensor


def _missing(wanted: Mapping[str, Tensor], filled: set[str]) -> list[str]:
    """Entries that were not filled, or the missing rows of those that came row by row."""
    in_parts = {name.partition("@")[0] for name in filled if "@" in name}
    needed = [
        one
        for name in wanted
        for one in ([f"{name}@{i}" for i in range(len(wanted[name]))] if name in in_parts else [name])
    ]
    return [name for name in needed if name not in filled]

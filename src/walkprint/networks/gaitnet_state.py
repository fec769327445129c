"""Converts the published weights of GaitNet.

Source: checkpoint naming of the code released with Zhang et al., CVPR 2019 and TPAMI 2020; only names and layouts
are used.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from walkprint.core.errors import CheckpointError
from walkprint.networks.gaitnet import GaitNet
from walkprint.networks.published import read_published

_MODULES = ("netE", "netD", "lstm")
# Pattern and replacement; FLAT and NORM stand for positions that depend on the depth of the encoder.
_RULES = (
    (r"^netE\.main\.(\d+)\.main\.(\d)\.", r"encoder.\1.\2."),
    (r"^netE\.flatten\.0\.", "encoder.FLAT."),
    (r"^netE\.flatten\.1\.", "encoder.NORM."),
    (r"^netE\.fgs_clf\.", "canonical_classifier."),
    (r"^netD\.trans\.", "widen."),
    (r"^netD\.main\.(\d+)\.main\.", r"decoder.\1."),
    (r"^netD\.main\.(\d+)\.", r"decoder.\1."),
    (r"^lstm\.lstm\.", "lstm."),
    (r"^lstm\.fc1\.0\.", "norm."),
    (r"^lstm\.main\.", "classifier."),
)
# The released LSTM carries a projection that its outputs do not use.
_UNUSED = re.compile(r"^lstm\.match\.")


def read_gaitnet(path: str | Path) -> dict[str, Tensor]:
    """The weights in a published file: names such as "netE.main.0.main.0.weight" -> tensors.

    Only tensors and plain data are accepted, nothing in the file can run; optimizers are ignored.

    Raises:
        CheckpointError: the file is missing or damaged, or holds anything else.
    """
    found = read_published(path, "a file of GaitNet")
    state = {
        f"{module}.{name}": value
        for module in _MODULES
        for name, value in (_entries(found.get(module)) if isinstance(found, dict) else {}).items()
        if isinstance(value, Tensor)
    }
    if not all(any(name.startswith(f"{module}.") for name in state) for module in _MODULES):
        raise CheckpointError(f"{path}: expected the weights of {', '.join(_MODULES)}; found no such file of GaitNet")
    return state


def _entries(module: Any) -> dict[str, Any]:
    return {str(name): value for name, value in module.items()} if isinstance(module, Mapping) else {}


def load_published(path: str | Path, *, official_padding: int = 0) -> GaitNet:
    """The network in a published file, sized by its weights; see `read_gaitnet` and `GaitNet`."""
    state = read_gaitnet(path)
    network = GaitNet(**settings_of(state), official_padding=official_padding)
    network.load_state_dict(convert_published(network, state))
    return network


def settings_of(state: Mapping[str, Tensor]) -> dict[str, Any]:
    """The arguments of a `GaitNet` for these weights; codes are those of the variant.

    Raises:
        CheckpointError: a needed entry is missing or empty.
    """
    try:
        first, last = state["netE.main.0.main.0.weight"], state["netE.flatten.0.weight"]
        hidden, pose = state["lstm.main.0.weight"].shape[1], state["lstm.lstm.weight_ih_l0"].shape[1]
        canonical = state["netE.fgs_clf.1.weight"].shape[1] if "netE.fgs_clf.1.weight" in state else 0
        subjects = state["lstm.main.0.weight"].shape[0]
        strided, channels, total = first.shape[-1] == 4, first.shape[1], last.shape[0]
    except (KeyError, IndexError) as error:
        raise CheckpointError(
            f"published GaitNet: no entry, or one of other axes ({error}); expected netE, netD and lstm in one file"
        ) from error
    if min(hidden, pose, subjects, channels, len(first)) < 1:
        raise CheckpointError("published GaitNet: weights of size 0; expected netE, netD and lstm as published")
    large = strided and "netE.main.4.main.0.weight" in state and "netE.main.5.main.0.weight" not in state
    deep = "netE.main.5.main.0.weight" in state
    return {
        "num_subjects": subjects,
        "variant": "cvpr" if strided else "tpami" if deep else "tpami-shallow",
        "channels": channels,
        "height_px": 128 if large else 64,
        "width_px": 64 if large else 32,
        "width": first.shape[0],
        "codes": [total - canonical - pose, canonical, pose],
        "hidden": hidden,
    }


def convert_published(network: GaitNet, state: Mapping[str, Tensor | NDArray[np.generic]]) -> dict[str, Tensor]:
    """Published weights under the names of `network`.

    Args:
        network: built with the settings of `settings_of`.
        state: names as `read_published` gives them, to tensors or arrays.

    Returns:
        What `network.load_state_dict` takes, complete.

    Raises:
        CheckpointError: names the entries that are unknown, missing or of another shape.
    """
    wanted, converted, faults = network.state_dict(), dict[str, Tensor](), []
    for name, value in state.items():
        if _UNUSED.match(name):
            continue
        ours = _our_name(network, name)
        tensor = value if isinstance(value, Tensor) else torch.from_numpy(np.asarray(value))
        if ours not in wanted:
            faults.append(f"{name} is unknown")
        elif tensor.shape != wanted[ours].shape:
            faults.append(f"{name} is {tuple(tensor.shape)}, expected {tuple(wanted[ours].shape)}")
        converted[ours] = tensor
    faults += [f"nothing for {name}" for name in wanted if name not in converted]
    if faults:
        raise CheckpointError(f"GaitNet: {'; '.join(faults[:5])}; {len(faults)} entries in all do not fit")
    return converted


def _our_name(network: GaitNet, name: str) -> str:
    for pattern, replacement in _RULES:
        name = re.sub(pattern, replacement, name)
    last = len(network.encoder) - 1
    return name.replace("FLAT", str(last - 1)).replace("NORM", str(last))

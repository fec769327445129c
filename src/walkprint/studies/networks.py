"""The networks of a study: any of `walkprint.networks`, made narrow, or your own by its dotted path."""

import inspect
from collections.abc import Collection, Mapping
from typing import Any

from walkprint.networks.base import Network
from walkprint.recipes.classes import find_class, members
from walkprint.studies.settings import check_names


def check_networks(names: Collection[str]) -> None:
    """Refuse networks that are not there, and none at all.

    Raises:
        RecipeError: names what is missing.
    """
    check_names("network", names, [*members(Network), *(name for name in names if "." in name)])
    for name in names:
        find_class(Network, name)


def described(network: str, settings: Mapping[str, Any], size_px: int) -> dict[str, Any]:
    """A network as class and arguments, fitted to the size of the frames if it has a choice.

    Args:
        network: name or dotted path of the class.
        settings: its arguments.
        size_px: height of the frames; their width is 11/16 of it, as 44 of 64, unless the settings have another.
    """
    size = {"height_px": size_px, "width_px": size_px * 11 // 16}
    known = inspect.signature(find_class(Network, network)).parameters
    fitted = {name: one for name, one in size.items() if name in known}
    return {"class_path": network, "init_args": {**fitted, **settings}}


def full(network: str, size_px: int, num_subjects: int) -> dict[str, Any]:
    """A network as class and arguments: as wide as published, with a classifier and, all of them, with batch norm."""
    own: dict[str, dict[str, Any]] = {"GaitSet": {"batch_norm": True}}
    return described(network, own.get(network, {}) | {"num_subjects": num_subjects}, size_px)


def narrow(network: str, size_px: int, width: int, num_subjects: int) -> dict[str, Any]:
    """A network as class and arguments: narrow, one part per row of its last map; your own as its defaults are.

    All have a classifier, though only cross entropy uses it, so that first weights are the same for every loss.
    """
    rows, widths = size_px // 4, [width, 2 * width, 4 * width]
    residual = {"channels": [width // 2, width, 2 * width, 4 * width], "strips": [rows], "feature": 4 * width}
    own: dict[str, dict[str, Any]] = {
        "GaitSet": {
            "channels": widths,
            "strips": [rows >> i for i in range(rows.bit_length())],
            "feature": 4 * width,
            "global_branch": False,
            "batch_norm": True,
        },
        "GaitPart": {"channels": widths, "strips": [rows], "feature": 4 * width},
        "GaitGL": {"channels": [width // 2, width, 2 * width, 2 * width]},
        "GaitBase": residual,
        "DeepGaitV2": residual,
        "GEINet": {"embedding": "fc3", "hidden": 16 * width},
        "GaitNet": {
            "variant": "cvpr",
            "channels": 1,
            "width": width,
            "codes": [4 * width, 2 * width, 2 * width],
            "hidden": 8 * width,
            "height_px": 64,
            "width_px": 32,
        },
    }
    return described(network, own.get(network, {}) | {"num_subjects": num_subjects}, size_px)

"""`walkprint import-opengait`: a checkpoint of OpenGait becomes a trained network."""

import inspect
from pathlib import Path
from typing import Any

from walkprint.cli.settings import check_there, settings_of
from walkprint.cli.verb import Summary


def import_opengait(
    checkpoint: Path,
    *,
    network: str,
    set: dict[str, Any] | None = None,
    out: Path,
) -> Summary:
    """Convert a checkpoint of OpenGait into a trained network.

    Nothing in the file runs: only tensors and plain data are admitted.

    Args:
        checkpoint: a .pt file of OpenGait.
        network: class of the network: GaitSet, GaitPart, GaitGL, GaitBase or DeepGaitV2.
        set: the checkpoint's widths where they are not the defaults, e.g. network.feature=256; num_subjects is read
            from the checkpoint unless it is set.
        out: folder of the network, for --run of `walkprint embed`.

    Example:
        walkprint import-opengait GaitBase_DA-60000.pt --network GaitBase --out networks/gaitbase
    """
    check_there(checkpoint)
    (settings,) = settings_of(set, "network")
    from walkprint.networks.base import Network
    from walkprint.networks.opengait import convert_state, count_subjects, read_state
    from walkprint.recipes.classes import build, members
    from walkprint.training.checkpoint import save_network

    state = read_state(checkpoint)
    kind = members(Network).get(network.rpartition(".")[2])
    if kind and "num_subjects" in inspect.signature(kind).parameters:
        settings.setdefault("num_subjects", count_subjects(state))
    built = build(Network, {"class_path": network, "init_args": settings})
    built.load_state_dict(convert_state(built, state))
    save_network(out, built)
    weights = sum(parameter.numel() for parameter in built.parameters())
    name, subjects = type(built).__name__, getattr(built, "num_subjects", None)
    trained = "" if subjects is None else f", trained on {subjects} subjects"
    return Summary(
        {"out": str(out), "network": name, "entries": len(state), "parameters": weights, "num_subjects": subjects},
        f"{out}: {name} from {len(state)} entries of {checkpoint.name}, {weights:,} parameters{trained}"
        f"\nnext: walkprint embed --run {out} --data stores/casia-b --out FILE.npz",
    )

"""`walkprint import-opengait`: a checkpoint of OpenGait becomes a trained network."""

from pathlib import Path
from typing import Any

from walkprint.core.files import check_there
from walkprint.core.summary import Summary
from walkprint.recipes.settings import settings_of


def import_opengait(checkpoint: Path, *, network: str, set: dict[str, Any] | None = None, out: Path) -> Summary:
    """Convert a checkpoint of OpenGait into a trained network.

    No code in the file is run: only tensors and plain data are accepted.

    Args:
        checkpoint: a .pt file of OpenGait.
        network: class of the network: GaitSet, GaitPart, GaitGL, GaitBase or DeepGaitV2.
        set: the checkpoint's widths if they are not the defaults, e.g. network.feature=256; num_subjects is read
            from the checkpoint unless it is set.
        out: folder of the network, for --run of `walkprint embed`.

    Example:
        walkprint import-opengait GaitBase_DA-60000.pt --network GaitBase --out networks/gaitbase
    """
    check_there(checkpoint)
    (settings,) = settings_of(set, "network")
    from walkprint.recipes.from_opengait import network_from_opengait
    from walkprint.training.checkpoint import save_network

    built = network_from_opengait(checkpoint, network, settings)
    save_network(out, built)
    weights = sum(parameter.numel() for parameter in built.parameters())
    name, subjects = type(built).__name__, getattr(built, "num_subjects", None)
    trained = "" if subjects is None else f", trained on {subjects} subjects"
    return Summary(
        {"out": str(out), "network": name, "parameters": weights, "num_subjects": subjects},
        f"{out}: {name} from {checkpoint.name}, {weights:,} parameters{trained}",
    )

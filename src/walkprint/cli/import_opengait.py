"""`walkprint import-opengait`: a checkpoint of OpenGait becomes a trained network of ours."""

from collections.abc import Sequence
from pathlib import Path

from walkprint.cli.train import sets_as_options
from walkprint.cli.words import Summary, new_parser, parse
from walkprint.networks.base import Network
from walkprint.networks.opengait import convert_state, count_subjects, read_state
from walkprint.recipes.classes import import_families, instantiate
from walkprint.training.checkpoint import save_network

EXAMPLE = "walkprint import-opengait GaitBase_DA-60000.pt --network GaitBase --set feature=256 --out networks/gaitbase"


def main(words: Sequence[str]) -> Summary:
    """Carry out the words after `import-opengait`."""
    import_families()
    parser = new_parser(
        "import-opengait",
        "Convert a checkpoint: walkprint import-opengait CHECKPOINT --network CLASS [--set NAME=VALUE ...] "
        "--out FOLDER. Give the checkpoint's widths by --set where they are not the defaults; num_subjects is read "
        "from the checkpoint unless it is set. Nothing in the file runs: only tensors and plain data are admitted.",
        EXAMPLE,
    )
    parser.add_argument("checkpoint", type=Path, help="A .pt file of OpenGait.")
    parser.add_argument("--network", type=Network, required=True, help="Class of the network, with its settings.")
    parser.add_argument("--out", type=Path, required=True, help="Folder of the network to be, as --run for embed.")
    settings = parse(parser, sets_as_options(words, "network."))
    state = read_state(settings.checkpoint)
    arguments = settings.network.get("init_args", {})
    if "num_subjects" in arguments and arguments["num_subjects"] is None:
        arguments["num_subjects"] = count_subjects(state)
    network = instantiate(parser, settings)["network"]
    network.load_state_dict(convert_state(network, state))
    save_network(settings.out, network)
    weights = sum(parameter.numel() for parameter in network.parameters())
    name, source, subjects = type(network).__name__, settings.checkpoint.name, arguments.get("num_subjects")
    numbers = {"out": str(settings.out), "network": name, "entries": len(state), "parameters": weights}
    trained = "" if subjects is None else f", trained on {subjects} subjects"
    return Summary(
        numbers | {"num_subjects": subjects},
        f"{settings.out}: {name} from {len(state)} entries of {source}, {weights:,} parameters{trained}"
        f"\nnext: walkprint embed --run {settings.out} --data stores/casia-b --out FILE.npz",
    )

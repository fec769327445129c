"""`walkprint import-gaitnet`: a published file of GaitNet becomes a trained network of ours."""

from collections.abc import Sequence
from pathlib import Path

from walkprint.cli.words import Summary, carry_out
from walkprint.networks.gaitnet import GaitNet
from walkprint.networks.gaitnet_state import convert_published, read_published, settings_of
from walkprint.training.checkpoint import save_network

EXAMPLE = "walkprint import-gaitnet fvg.pickle --out networks/gaitnet"


def main(words: Sequence[str]) -> Summary:
    """Carry out the words after `import-gaitnet`."""
    return carry_out(import_gaitnet, words, EXAMPLE, verb="import-gaitnet")


def import_gaitnet(file: Path, *, out: Path, official_padding: int = 0) -> Summary:
    """Convert a file of weights that the authors of GaitNet published; sizes are read from the weights.

    Nothing in the file runs: only tensors and plain data are admitted.

    Args:
        file: the .pickle file with encoder, decoder and LSTM.
        out: folder of the network to be, as --run for embed.
        official_padding: bring test clips to so many frames, cut off or filled up with empty ones, as the released code
            does: 70 on FVG, 50 on CASIA-B; 0 leaves them as they are.
    """
    state = read_published(file)
    settings = settings_of(state) | {"official_padding": official_padding}
    network = GaitNet(**settings)
    network.load_state_dict(convert_published(network, state))
    save_network(out, network)
    numbers = {"out": str(out), "entries": len(state), **settings}
    return Summary(
        numbers,
        f"{out}: GaitNet {settings['variant']} from {len(state)} entries of {file.name}, "
        f"trained on {settings['num_subjects']} subjects"
        f"\nnext: walkprint embed --run {out} --data stores/fvg --out FILE.npz",
    )

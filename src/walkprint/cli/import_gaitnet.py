"""`walkprint import-gaitnet`: a published file of GaitNet becomes a trained network."""

from pathlib import Path

from walkprint.cli.settings import check_there
from walkprint.cli.verb import Summary
from walkprint.core.bounds import CountOrZero


def import_gaitnet(file: Path, *, out: Path, official_padding: CountOrZero = 0) -> Summary:
    """Convert a published file of GaitNet into a trained network.

    Sizes are read from the weights. Nothing in the file runs: only tensors and plain data are admitted.

    Args:
        file: the .pickle file with encoder, decoder and LSTM.
        out: folder of the network, for --run of `walkprint embed`.
        official_padding: cut or pad test clips with empty frames to this length, as the released code does: 70 on FVG,
            50 on CASIA-B; 0 leaves them as they are.

    Example:
        walkprint import-gaitnet fvg.pickle --out networks/gaitnet
    """
    check_there(file)
    from walkprint.networks.gaitnet import GaitNet
    from walkprint.networks.gaitnet_state import convert_published, read_gaitnet, settings_of
    from walkprint.training.checkpoint import save_network

    state = read_gaitnet(file)
    settings = settings_of(state) | {"official_padding": official_padding}
    network = GaitNet(**settings)
    network.load_state_dict(convert_published(network, state))
    save_network(out, network)
    text = f"{out}: GaitNet {settings['variant']} from {file.name}, trained on {settings['num_subjects']} subjects"
    text += f"\nnext: walkprint embed --run {out} --data stores/fvg --out FILE.npz"
    return Summary({"out": str(out), **settings}, text)

"""`walkprint import-gaitnet`: a published file of GaitNet becomes a trained network."""

from pathlib import Path

from walkprint.core.bounds import CountOrZero
from walkprint.core.files import check_there
from walkprint.core.summary import Summary


def import_gaitnet(file: Path, *, out: Path, official_padding: CountOrZero = 0) -> Summary:
    """Convert a published file of GaitNet into a trained network.

    Sizes are read from the weights. No code in the file is run: only tensors and plain data are accepted.

    Args:
        file: the .pickle file with encoder, decoder and LSTM.
        out: folder of the network, for --run of `walkprint embed`.
        official_padding: cut or pad test clips with empty frames to this length, as the released code does: 70 on FVG,
            50 on CASIA-B; 0 leaves them as they are.

    Example:
        walkprint import-gaitnet fvg.pickle --out networks/gaitnet
    """
    check_there(file)
    from walkprint.networks.gaitnet_state import load_published
    from walkprint.training.checkpoint import save_network

    network = load_published(file, official_padding=official_padding)
    save_network(out, network)
    settings = network.init_args
    text = f"{out}: GaitNet {settings['variant']} from {file.name}, trained on {settings['num_subjects']} subjects"
    return Summary({"out": str(out), **settings}, text)

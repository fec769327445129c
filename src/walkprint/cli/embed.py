"""`walkprint embed`: sequences through a trained network, into one file."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from jsonargparse import ArgumentParser

from walkprint.cli.words import BadWordsError, Summary, new_parser, parse, progress, spelled_out, store_first
from walkprint.core.device import usable_device
from walkprint.core.embedding import EmbeddingSet
from walkprint.core.files import write_atomically
from walkprint.core.share import parse_share, share_of
from walkprint.data.packed import Packed
from walkprint.evaluation import embed, energy_image_embeddings
from walkprint.recipes.classes import import_families, instantiate
from walkprint.recipes.protocols import protocols_file
from walkprint.recipes.trained import bundled_networks, dataset_of, load_network, network_folder

EXAMPLE = "walkprint embed --run runs/first --data stores/mine --out mine.npz"


def main(words: Sequence[str]) -> Summary:
    """Carry out the words after `embed`."""
    parser = _new_parser()
    settings = parse(parser, spelled_out(store_first(words), ["energy_image"]))
    share = parse_share(settings.shard)
    if (settings.run is None) != settings.energy_image or (settings.energy_image and settings.data is None):
        raise BadWordsError("give --run, or --energy_image together with --data")
    if settings.run is not None:
        network_folder(settings.run)  # before anything that takes time
    device = usable_device(settings.device)
    dataset = instantiate(parser, settings)["data"]
    if dataset is None and str(settings.run) in bundled_networks() and not settings.run.exists():
        raise BadWordsError(
            f"--run {settings.run} comes with walkprint and has no data of its own; say what to embed by --data"
        )
    if dataset is None:
        dataset = dataset_of(settings.run)
    keys = dataset.keys(settings.split)
    if settings.energy_image:
        embeddings = energy_image_embeddings(dataset.store(), share_of(keys, share))
    else:
        with progress("embedding") as tell:
            embeddings = embed(
                load_network(settings.run),
                dataset.store(),
                keys,
                device=device,
                precision=settings.precision,
                frames_per_batch=settings.frames_per_batch,
                workers=settings.workers,
                share=share,
                progress=tell,
            )
    return save(embeddings, dataset, settings.out)


def _new_parser() -> ArgumentParser:
    import_families()
    parser = new_parser(
        "embed",
        "Embed sequences with the network of a run. Without --data, those of the run's own data set. The data set's "
        "protocols are written beside the embeddings, where `walkprint evaluate` finds them.",
        EXAMPLE,
    )
    parser.add_argument(
        "--run",
        type=Path | None,
        default=None,
        help="Folder of a run or of a finished network; or street, a small network of rendered people that is bundled.",
    )
    parser.add_argument("--energy_image", type=bool, default=False, help="The baseline without a network, instead.")
    parser.add_argument("--data", type=Packed | None, default=None, help="Another store than the run's own.")
    parser.add_argument("--split", type=Literal["test", "train", "all"], default="test", help="Whom to embed.")
    parser.add_argument("--out", type=Path, required=True, help="File to be, .npz.")
    parser.add_argument("--device", type=str, default="cpu", help="cpu or cuda.")
    parser.add_argument("--precision", type=Literal["32-true", "bf16"], default="32-true", help="Of the computation.")
    parser.add_argument("--frames_per_batch", type=int, default=1024, help="About how many frames a batch holds.")
    parser.add_argument("--workers", type=int, default=1, help="Processes that share the work, on the CPU.")
    parser.add_argument("--shard", type=str, default="0/1", help="i/n: only the i-th of n shares, from 0.")
    return parser


def save(embeddings: EmbeddingSet, dataset: Packed, out: Path) -> Summary:
    """Write embeddings, and the data set's protocols beside them."""
    embeddings.save(out)
    protocols = [protocol.to_dict() for protocol in dataset.protocols.values()]
    write_atomically(protocols_file(out), json.dumps(protocols, indent=1) + "\n")
    parts, features = embeddings.vectors.shape[1:]
    numbers = {"out": str(out), "sequences": len(embeddings), "parts": parts, "features": features}
    text = f"{out}: {len(embeddings)} sequences, {parts} parts of {features} numbers, by {embeddings.source}"
    return Summary(
        numbers | {"source": embeddings.source}, f"{text}\nnext: walkprint evaluate --embeddings {out} --out DIR"
    )

"""From a store to a file of embeddings in one call; `walkprint embed`."""

from pathlib import Path
from typing import Any, Literal

from walkprint.core.bounds import Count
from walkprint.core.engine import HERE, Machines
from walkprint.core.errors import ArgumentError
from walkprint.core.files import check_there
from walkprint.core.progress import progress
from walkprint.core.share import parse_share, share_of
from walkprint.core.summary import Summary, counted
from walkprint.recipes.library import find_trained
from walkprint.recipes.settings import settings_of


def embed_to_file(
    *,
    run: Path | str | None = None,
    energy_image: bool = False,
    data: Path | str | None = None,
    set: dict[str, Any] | None = None,
    split: Literal["test", "train", "all"] = "test",
    out: Path | str,
    device: str = "cpu",
    precision: Literal["auto", "32-true", "bf16"] = "auto",
    runtime: Literal["onnxruntime", "openvino"] | None = None,
    frames_per_batch: Count | None = None,
    machines: Machines = HERE,
    share: str = "0/1",
) -> Summary:
    """Compute embeddings of sequences with a trained network.

    The data set's protocols are written next to the embeddings, where `walkprint evaluate` finds them.

    Args:
        run: folder of a run or of a finished network, or a bundled network: street or street-large.
        energy_image: compute the energy image, a baseline without a network, instead of --run.
        data: folder of a store; the run's own by default.
        set: settings of the store, e.g. data.train=40 data.gallery=nm-01.
        split: which subjects to embed.
        out: file of the embeddings, .npz.
        device: cpu or cuda.
        precision: precision of the computation; auto is bf16 on processors that compute in it, else 32-true.
        runtime: what runs a network of `walkprint export`; onnxruntime by default.
        frames_per_batch: about how many frames a batch holds; by default the fastest number.
        machines: where work is done; by default in one process that uses all cores.
        share: i/n embeds share i of n, counted from 0; for arrays of Slurm jobs.

    Example:
        walkprint embed --run runs/first --data stores/mine --out mine.npz
    """
    mine = parse_share(share)
    if (run is None) != energy_image or (energy_image and data is None):
        raise ArgumentError("give `run`, or `energy_image` together with `data`")
    settings = settings_of(set, *([] if data is None else ["data"]))
    check_there(data)
    if run is not None and find_trained(run) != Path(run) and data is None:
        raise ArgumentError(f"{run} comes with walkprint and has no data of its own; name a store by `data`")
    from walkprint.core.device import embedding_precision, usable_device
    from walkprint.data.packed import Packed
    from walkprint.evaluation import embed as embed_with
    from walkprint.evaluation import energy_image_embeddings
    from walkprint.recipes.classes import build
    from walkprint.recipes.protocols import save_embeddings
    from walkprint.recipes.trained import dataset_of, load_network

    usable = device if machines.chosen else usable_device(device)
    network = None if run is None else load_network(run, runtime=runtime)
    dataset = build(Packed, {"root": str(data), **settings[0]}) if settings else dataset_of(run or "")
    keys = dataset.keys(split)
    plain = network is None or type(network).__name__ == "Exported"
    chosen = precision if precision != "auto" else "32-true" if plain else embedding_precision(device)
    if network is None:
        embeddings = energy_image_embeddings(dataset, share_of(keys, mine))
    else:
        with progress("embedding") as on_progress:
            embeddings = embed_with(
                network, dataset, keys, device=usable, precision=chosen, frames_per_batch=frames_per_batch,
                workers=machines.workers, engine=machines.chosen, share=mine, progress=on_progress,
            )  # fmt: skip
    save_embeddings(embeddings, dataset, Path(out))
    parts, features = embeddings.vectors.shape[1:]
    numbers = {"out": str(out), "sequences": len(embeddings), "parts": parts, "features": features}
    text = f"{out}: {counted(len(embeddings), 'sequence')}, {counted(parts, 'part')} of {features} numbers"
    text += f", by {embeddings.source}"
    if chosen == "bf16":
        text += ", in bf16 (`precision` 32-true computes in float32)"
    numbers |= {"source": embeddings.source, "precision": chosen}
    return Summary(numbers, text)

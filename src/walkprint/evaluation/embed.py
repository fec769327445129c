"""From silhouettes to embeddings: whole sequences through a network, in batches of equal length."""

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray

from walkprint.core.device import usable_device
from walkprint.core.digest import weights_digest
from walkprint.core.embedding import EmbeddingSet, mean_of_pieces
from walkprint.core.errors import DataError, RecipeError
from walkprint.core.progress import Progress
from walkprint.core.sequence import SequenceKey
from walkprint.core.share import Share, share_of
from walkprint.data.loading import equal_length_batches
from walkprint.data.packed import Packed
from walkprint.data.store import Store
from walkprint.networks.base import Network

Precision = Literal["32-true", "bf16"]
_PIECES_PER_WORKER = 4


def embed(
    network: Network,
    store: Store | Packed,
    keys: Sequence[SequenceKey] | None = None,
    *,
    device: torch.device | str = "cpu",
    precision: Precision = "32-true",
    frames_per_batch: int = 1024,
    max_frames: int | None = 720,
    workers: int = 1,
    share: Share = (0, 1),
    progress: Progress | None = None,
) -> EmbeddingSet:
    """Embed sequences, each as a whole.

    A sequence's embedding does not depend on what it is batched with, up to 1e-5 of rounding. The network comes back in
    the mode in which it was given (training or evaluation, module by module).

    Args:
        network: what embeds; it is moved to `device` and left there.
        store: where frames come from: a packed data set, or its store. `Network.embed` takes arrays.
        keys: which sequences; all when None.
        device: where the network runs.
        precision: "32-true", or "bf16" for mixed precision.
        frames_per_batch: about how many frames a batch holds.
        max_frames: bounds memory: a longer sequence is embedded in pieces of at most so many frames, and its embedding
            is their mean, weighted by frames; None for one piece.
        workers: so many processes share the work, each on one core; only on the CPU. A script that asks for more needs
            the usual `if __name__ == "__main__":`.
        share: (i, n) embeds the i-th of n shares only, so that n jobs can divide the work; see `merge`.
        progress: called with sequences done and in all.

    Returns:
        Embeddings in the order of `keys` (of the share). Its source names the network's class and weights.

    Raises:
        RecipeError: a setting is out of range, or there is no such device.
        DataError: no sequence, one that the store does not hold, or an embedding that is not finite.
    """
    if precision not in get_args(Precision):
        raise RecipeError(f"embed: precision is {precision!r}; expected {' or '.join(get_args(Precision))}")
    device = usable_device(device)
    store = store.store() if isinstance(store, Packed) else store
    keys = store.keys if keys is None else keys
    if workers < 1 or (workers > 1 and device.type != "cpu"):
        raise RecipeError(f"embed: workers is {workers} on {device}; expected at least 1, and more only on the CPU")
    if max_frames is not None and max_frames < 1:
        raise RecipeError(f"embed: max_frames is {max_frames}; expected at least 1, or none")
    if len(set(keys)) < len(keys):
        raise DataError(f"embed: {len(keys) - len(set(keys))} of {len(keys)} keys are named twice; name each once")
    keys = share_of(keys, share)
    if not keys:
        raise DataError(
            f"{store.path}: no sequence to embed; check the selection" + (f" and share {share}" * (share[1] > 1))
        )
    settings = (str(device), precision, frames_per_batch, max_frames)
    found: dict[SequenceKey, list[NDArray[np.float32]]] = {}
    frames: dict[SequenceKey, list[int]] = {}
    network.to(device)
    for names, vectors, length in _embed_batches(network, store, keys, workers, settings):
        for key, vector in zip(names, vectors, strict=True):
            found.setdefault(key, []).append(vector)
            frames.setdefault(key, []).append(length)
        if progress is not None:
            progress(len(found), len(keys))
    vectors = np.stack([mean_of_pieces(found[key], frames[key]) for key in keys])
    return EmbeddingSet(vectors, list(keys), weights_source(network), store.quality)


def merge(sets: Sequence[EmbeddingSet]) -> EmbeddingSet:
    """Put shares together again, sorted by key.

    Raises:
        DataError: there is none, their sources differ, or a sequence is in two of them.
    """
    if not sets:
        raise DataError("merge: no embeddings at all; name at least one file")
    if len({one.source for one in sets}) > 1:
        raise DataError(f"merge: made by different networks: {', '.join(sorted({one.source for one in sets}))}")
    keys = [key for one in sets for key in one.keys]
    if len(set(keys)) < len(keys):
        raise DataError(
            f"merge: {len(keys) - len(set(keys))} sequences are in more than one file; merge each share once"
        )
    if len({one.vectors.shape[1:] for one in sets}) > 1:
        raise DataError("merge: the embeddings differ in parts or features; merge shares of one run only")
    merged = EmbeddingSet(np.concatenate([one.vectors for one in sets]), keys, sets[0].source, _all_data(sets))
    return merged.take(sorted(range(len(keys)), key=keys.__getitem__))


def _all_data(sets: Sequence[EmbeddingSet]) -> str:
    return "; ".join(dict.fromkeys(one.data for one in sets if one.data))


def weights_source(network: Network) -> str:
    """The network's class and a digest of its weights, e.g. "GaitSet 3f2a9c0b14de"."""
    return f"{type(network).__name__} {weights_digest(network)}"


_Settings = tuple[str, Precision, int, int | None]
_Batch = tuple[list[SequenceKey], NDArray[np.float32], int]  # the last: frames of each


def _embed_batches(
    network: Network, store: Store, keys: Sequence[SequenceKey], workers: int, settings: _Settings
) -> Iterator[_Batch]:
    if workers == 1:
        yield from _embed_here(network, store, keys, settings)
        return
    # Neighbors in length stay together, so that pieces still hold large groups of equal length.
    ordered = sorted(keys, key=lambda key: int(store.lengths[store.index(key)]), reverse=True)
    pieces = np.array_split(np.arange(len(ordered)), min(workers * _PIECES_PER_WORKER, len(ordered)))
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, _start_worker, (network, store)) as pool:
        jobs = [pool.submit(_embed_in_worker, [ordered[i] for i in piece], settings) for piece in pieces]
        for job in as_completed(jobs):
            yield from job.result()


def _embed_here(network: Network, store: Store, keys: Sequence[SequenceKey], settings: _Settings) -> Iterator[_Batch]:
    device, precision, frames_per_batch, max_frames = settings
    if max_frames is not None:
        max_frames = max(max_frames, network.min_frames)
    batches = equal_length_batches(
        store, keys, frames_per_batch=frames_per_batch, min_frames=network.min_frames, max_frames=max_frames
    )
    mixed = torch.autocast(torch.device(device).type, dtype=torch.bfloat16, enabled=precision == "bf16")
    with network.evaluating(), torch.inference_mode(), mixed:
        for batch in batches:
            output = network(network.prepare(batch.frames.to(device)))
            yield list(batch.keys), output.embeddings.float().cpu().numpy(), batch.frames.shape[1]


_worker: dict[str, tuple[Network, Store]] = {}


def _start_worker(network: Network, store: Store) -> None:
    torch.set_num_threads(1)
    _worker["own"] = (network, store)


def _embed_in_worker(keys: Sequence[SequenceKey], settings: _Settings) -> list[_Batch]:
    return list(_embed_here(*_worker["own"], keys, settings))

"""From silhouettes to embeddings: whole sequences through a network, in batches of equal length.

Torch is loaded when something is embedded, so that evaluating is quick to start.
"""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from walkprint.core.digest import weights_source
from walkprint.core.embedding import EmbeddingSet, mean_of_pieces
from walkprint.core.engine import Engine, map_over, one_unless_asked
from walkprint.core.errors import DataError, RecipeError
from walkprint.core.progress import Progress
from walkprint.core.sequence import SequenceKey
from walkprint.core.share import Share, share_of
from walkprint.data.packed import Packed
from walkprint.data.store import Store

if TYPE_CHECKING:
    import torch

    from walkprint.data.loading import EqualLengths
    from walkprint.networks.base import Network

Precision = Literal["32-true", "bf16"]
_FRAMES_PER_BATCH = (32, 1024)


def embed(
    network: "Network",
    store: Store | Packed,
    keys: Sequence[SequenceKey] | None = None,
    *,
    device: "torch.device | str" = "cpu",
    precision: Precision = "32-true",
    frames_per_batch: int | None = None,
    max_frames: int | None = 720,
    workers: int | None = None,
    engine: Engine = None,
    share: Share = (0, 1),
    progress: Progress | None = None,
) -> EmbeddingSet:
    """Embed sequences, each as a whole.

    A sequence's embedding does not depend on what it is batched with, up to 1e-5 of rounding.

    Args:
        network: what embeds, by a copy of it, see `networks.folded`.
        store: where frames come from: a packed data set, or its store. `Network.embed` takes arrays.
        keys: which sequences; all when None.
        device: where the network runs.
        precision: "32-true", or "bf16" for mixed precision.
        frames_per_batch: about how many frames a batch holds; if None, 1,024 on a GPU, and 32 on the CPU, whose caches
            hold no more.
        max_frames: bounds memory: a longer sequence is embedded in pieces of at most so many frames, and its embedding
            is their mean, weighted by frames; None for one piece.
        workers: so many processes share the work, each on one core; only on the CPU, this process alone when None. A
            script that asks for more needs the usual `if __name__ == "__main__":`.
        engine: what runs them, see `map_over`; each worker of a cluster takes a GPU of its own where `device` is one,
            and all of them read the store at the same place.
        share: (i, n) embeds the i-th of n shares only, so that n jobs can divide the work; see `merge`.
        progress: called with sequences done and in all.

    Returns:
        Embeddings in the order of `keys` (of the share). Its source names the network's class and weights.

    Raises:
        RecipeError: a setting is out of range, or there is no such device.
        DataError: no sequence, one that the store does not hold, or an embedding that is not finite.
    """
    import torch

    from walkprint.core.device import usable_device
    from walkprint.data.loading import EqualLengths, equal_length_batches
    from walkprint.networks.folded import folded

    if precision not in get_args(Precision):
        raise RecipeError(f"embed: precision is {precision!r}; expected {' or '.join(get_args(Precision))}")
    here = usable_device(device) if engine is None else torch.device(device)
    store = store.store() if isinstance(store, Packed) else store
    keys = store.keys if keys is None else keys
    if workers is not None and (workers < 1 or (workers > 1 and engine is None and here.type != "cpu")):
        raise RecipeError(f"embed: workers is {workers} on {here}; expected at least 1, and more only on the CPU")
    if max_frames is not None and max_frames < 1:
        raise RecipeError(f"embed: max_frames is {max_frames}; expected at least 1, or none")
    if len(set(keys)) < len(keys):
        raise DataError(f"embed: {len(keys) - len(set(keys))} of {len(keys)} keys are named twice; name each once")
    keys = share_of(keys, share)
    if not keys:
        raise DataError(
            f"{store.path}: no sequence to embed; check the selection" + (f" and share {share}" * (share[1] > 1))
        )
    if max_frames is not None:
        max_frames = max(max_frames, network.min_frames)
    if frames_per_batch is None:
        frames_per_batch = _FRAMES_PER_BATCH[here.type != "cpu"]
    batches = equal_length_batches(
        store, keys, frames_per_batch=frames_per_batch, min_frames=network.min_frames, max_frames=max_frames
    )
    found: dict[SequenceKey, list[NDArray[np.float32]]] = {}
    frames: dict[SequenceKey, list[int]] = {}
    count = one_unless_asked(workers, engine)
    few = EqualLengths(batches[0].keys[:1], batches[0].starts[:1], network.min_frames).read(store).frames
    quick = folded(network, few)
    work = map_over(
        batches, _Embedding(quick, store, str(device), precision), engine, workers=count, gpu=here.type != "cpu"
    )
    with closing(work) as embedded:
        for names, vectors, length in embedded:
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


_Batch = tuple[Sequence[SequenceKey], NDArray[np.float32], int]  # the last: frames of each


@dataclass(frozen=True, slots=True)
class _Embedding:
    """What is done with every batch."""

    network: "Network"
    store: Store
    device: str
    precision: Precision

    def __call__(self, batch: "EqualLengths") -> _Batch:
        import torch

        from walkprint.core.device import usable_device

        device = usable_device(self.device)
        network = self.network.to(device)
        mixed = torch.autocast(device.type, dtype=torch.bfloat16, enabled=self.precision == "bf16")
        with network.evaluating(), torch.inference_mode(), mixed:
            output = network(network.prepare(batch.read(self.store).frames.to(device)))
            return batch.keys, output.embeddings.float().cpu().numpy(), batch.length

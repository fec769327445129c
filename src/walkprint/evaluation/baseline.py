"""The classical baseline without any network: the energy image, the mean silhouette of a sequence, as one long vector.

Source: Han and Bhanu, "Individual Recognition Using Gait Energy Image", TPAMI 2006.
Deviations: whole sequences instead of gait cycles; no projection onto learned components, the nearest neighbor decides.
"""

from collections.abc import Sequence

import numpy as np

from walkprint.core.embedding import EmbeddingSet
from walkprint.core.errors import DataError
from walkprint.core.sequence import SequenceKey
from walkprint.data.packed import Packed
from walkprint.data.store import Store


def energy_image_embeddings(
    store: Store | Packed, keys: Sequence[SequenceKey], *, columns: tuple[int, int] | None = None
) -> EmbeddingSet:
    """Energy images as embeddings.

    Args:
        store: where frames come from: a packed data set, or its store.
        keys: which sequences.
        columns: first column and the one after the last; None for the central 11/16 of the height, which for frames of
            64 x 64 is 10 to 53, or all where the frames are no wider.

    Returns:
        Vectors (sequence, 1, channel x height x columns), from 0 to 1.

    Raises:
        DataError: no sequence, one that the store does not hold, or columns outside the frames.
    """
    store = store.store() if isinstance(store, Packed) else store
    if not keys:
        raise DataError(f"{store.path}: no sequence for energy images; check the selection")
    width = store.height_px * 11 // 16
    if columns is None:
        left = max((store.width_px - width) // 2, 0)
        columns = (left, min(left + width, store.width_px))
    start, stop = columns
    if not 0 <= start < stop <= store.width_px:
        raise DataError(
            f"{store.path}: columns {start} to {stop} of frames {store.width_px} px wide; choose some inside"
        )
    images = [store.read(key).frames[..., start:stop].mean(axis=0, dtype=np.float64) / 255 for key in keys]
    vectors = np.stack(images).reshape(len(keys), 1, -1).astype(np.float32)
    return EmbeddingSet(vectors, list(keys), f"energy image, columns {start} to {stop - 1}", store.quality)

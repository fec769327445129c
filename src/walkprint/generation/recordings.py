"""Which recordings a generator knows: names of subjects alone would let it fill up other people of the same names."""

import hashlib
import warnings
from collections.abc import Mapping, Sequence

import numpy as np

from walkprint.core.errors import DataError
from walkprint.core.sequence import SequenceKey
from walkprint.data.store import Store
from walkprint.generation.batches import SIZE_PX

_MOST = 64


def fingerprint(store: Store, keys: Sequence[SequenceKey], source: str) -> dict[str, str]:
    """One recording of each subject, of 64 subjects at most, told by its frames.

    Only which pixels are person counts, and of wide frames the middle, which is all that generators see: copies of a
    store, also in other bits, compression or padding, hold the same recordings.

    Args:
        store: holds them.
        keys: what a generator is trained on.
        source: the condition that it starts from, of which everybody has most likely a take in every such store.

    Returns:
        A key as text -> sixteen hexadecimal digits.
    """
    first: dict[str, SequenceKey] = {}
    for key in sorted(keys, key=lambda key: (key.condition != source, key)):
        first.setdefault(key.subject, key)
    names = sorted(first)
    some = np.unique(np.linspace(0, len(names) - 1, min(len(names), _MOST)).round().astype(int)).tolist()
    return {str(first[names[i]]): _digest(store, first[names[i]]) for i in some}


def check_recordings(store: Store, known: Mapping[str, str], generator: str) -> None:
    """See that a store holds the people whom a generator was trained on.

    Those recordings are compared that are in the store; where none of them is, say because it holds other takes, a
    warning says that nothing can be told.

    Args:
        store: to be filled up, or to be trained on further.
        known: the `fingerprint` of the training; empty where none was kept, and then nothing is known to be wrong.
        generator: what the message calls it.

    Raises:
        DataError: another recording lies under the name of one of the training.
    """
    here = {str(key): key for key in store.keys if str(key) in known}
    other = next((name for name, key in here.items() if _digest(store, key) != known[name]), None)
    if other:
        raise DataError(
            f"{store.path}: {other} is another recording than that which {generator} was trained on; the people may be "
            "others of the same names: give the store that it was trained on, or train another one on this"
        )
    if known and not here:
        warnings.warn(
            f"{store.path}: holds none of the recordings that could be compared, so it cannot be checked whether these "
            f"are the people whom {generator} was trained on",
            stacklevel=2,
        )


def _digest(store: Store, key: SequenceKey) -> str:
    i = store.index(key)
    frames = store.gather([i], np.arange(store.lengths[i])[None], width_px=min(SIZE_PX, store.width_px))[0]
    person = np.packbits(frames > 127)
    return hashlib.sha256(repr(frames.shape).encode() + person.tobytes()).hexdigest()[:16]

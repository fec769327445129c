"""Fingerprints of the recordings that a generator was trained on.

Names of subjects alone do not suffice: another data set may use the same names for other people.
"""

import hashlib
import warnings
from collections.abc import Mapping, Sequence

import numpy as np

from walkprint.core.errors import DataError
from walkprint.core.sequence import SequenceKey
from walkprint.data.store import Store
from walkprint.generation.batches import SIZE_PX

_MOST = 64


def fingerprint(store: Store, keys: Sequence[SequenceKey], source_condition: str) -> dict[str, str]:
    """Digests of one recording of each subject, for at most 64 subjects.

    Only the person's pixels count, and only the central columns of wide frames, which is all that generators see. So
    copies of a store with other bits, compression or padding have the same fingerprint.

    Args:
        store: holds the recordings.
        keys: the sequences that the generator is trained on.
        source_condition: of the generator, which every such store is most likely to have of each subject.

    Returns:
        Key as text -> sixteen hexadecimal digits.
    """
    first: dict[str, SequenceKey] = {}
    for key in sorted(keys, key=lambda key: (key.condition != source_condition, key)):
        first.setdefault(key.subject, key)
    names = sorted(first)
    some = np.unique(np.linspace(0, len(names) - 1, min(len(names), _MOST)).round().astype(int)).tolist()
    return {str(first[names[i]]): _digest(store, first[names[i]]) for i in some}


def check_recordings(store: Store, known: Mapping[str, str], generator: str) -> None:
    """Refuse a store that holds other people than a generator was trained on.

    Only recordings that the store holds are compared. If it holds none of them, e.g. because it has other takes, a
    warning says so.

    Args:
        store: to be expanded or trained on.
        known: the `fingerprint` of the training; empty if none was kept, and then nothing is checked.
        generator: its name in the message.

    Raises:
        DataError: a recording differs from the one of the same name in the training.
    """
    here = {str(key): key for key in store.keys if str(key) in known}
    other = next((name for name, key in here.items() if _digest(store, key) != known[name]), None)
    if other:
        raise DataError(
            f"{store.path}: {other} is not the recording that {generator} was trained on; these may be other people of "
            "the same names: use the store that it was trained on, or train a generator on this one"
        )
    if known and not here:
        warnings.warn(
            f"{store.path}: holds none of the recordings that could be compared, so nothing shows whether these are "
            f"the people that {generator} was trained on",
            stacklevel=2,
        )


def _digest(store: Store, key: SequenceKey) -> str:
    i = store.index(key)
    frames = store.gather([i], np.arange(store.lengths[i])[None], width_px=min(SIZE_PX, store.width_px))[0]
    person = np.packbits(frames > 127)
    return hashlib.sha256(repr(frames.shape).encode() + person.tobytes()).hexdigest()[:16]

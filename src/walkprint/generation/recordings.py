"""Which recordings a generator knows: names of subjects alone would let it fill up other people of the same names."""

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np

from walkprint.core.errors import DataError
from walkprint.core.sequence import SequenceKey
from walkprint.data.store import Store

_MOST = 64


def fingerprint(store: Store, keys: Sequence[SequenceKey], source: str) -> dict[str, str]:
    """One recording of each subject, of 64 subjects at most, told by its frames.

    Copies of a store, and stores of more or fewer takes of the same people, hold the same recordings; so do stores of
    other bits or compression, since only which pixels are person counts.

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

    Args:
        store: to be filled up.
        known: the `fingerprint` of the training; empty where none was kept, and then nothing is known to be wrong.
        generator: its name.

    Raises:
        DataError: another recording lies under the name of one of the training, or there is none of them at all.
    """
    here = {str(key): key for key in store.keys if str(key) in known}
    other = next((name for name, key in here.items() if _digest(store, key) != known[name]), None)
    found = f"{other} is another recording than that" if other else "holds none of the recordings"
    if other or (known and not here):
        raise DataError(
            f"{store.path}: {found} which {generator} was trained on; its people are others of the same names: expand "
            "the store that the generator was trained on, or train one on this store"
        )


def _digest(store: Store, key: SequenceKey) -> str:
    frames = store.read(key).frames
    person = np.packbits(frames > 127)
    return hashlib.sha256(repr(frames.shape).encode() + person.tobytes()).hexdigest()[:16]

import pytest
from tests.data.miniatures import random_clip

from walkprint.core.errors import DataError
from walkprint.core.sequence import SequenceKey
from walkprint.data.base import GaitDataset

KEYS = [SequenceKey("a"), SequenceKey("b")]


class Tiny(GaitDataset):
    def __init__(self, keys, train=(), test=("a", "b")):
        self._keys, self._split = keys, {"train": train, "test": test}

    def catalogue(self):
        return self._keys

    def subjects(self, split):
        return self._split[split]

    def read(self, key):
        return random_clip(key, 2)


def test_the_gate_lets_sound_data_through():
    dataset = Tiny(KEYS, train=["a"], test=["b"])
    dataset.check()
    assert dataset.settings == {}
    assert len(dataset.examine(KEYS[0]).clip) == 2


@pytest.mark.parametrize(
    ("dataset", "words"),
    [
        (Tiny([]), "no sequence found"),
        (Tiny(KEYS[::-1]), "not sorted and unique"),
        (Tiny([KEYS[0], KEYS[0]]), "not sorted and unique"),
        (Tiny(KEYS, train=["b"]), "b in both"),
    ],
)
def test_the_gate_says_what_is_wrong(dataset, words):
    with pytest.raises(DataError, match=words):
        dataset.check()

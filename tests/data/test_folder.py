import pytest
from tests.data.miniatures import write_tree

from walkprint.core.errors import RecipeError
from walkprint.core.sequence import SequenceKey
from walkprint.data.folder import Folder

KEYS = [SequenceKey(s, "walk", "01", "left") for s in "abc"]


@pytest.fixture
def root(tmp_path):
    write_tree(tmp_path, KEYS, frames=1)
    return tmp_path


@pytest.mark.parametrize(
    ("train", "training", "testing"),
    [(None, "", "abc"), (2, "ab", "c"), (0, "", "abc"), (["b"], "b", "ac"), ("b", "b", "ac")],
)
def test_who_trains(root, train, training, testing):
    dataset = Folder(root, train=train)
    assert ("".join(dataset.subjects("train")), "".join(dataset.subjects("test"))) == (training, testing)


@pytest.mark.parametrize(
    ("train", "words"), [(4, "train is 4, expected 0 to 3"), (["z"], "train names 'z', not among")]
)
def test_people_who_are_not_there_cannot_train(root, train, words):
    with pytest.raises(RecipeError, match=words):
        Folder(root, train=train)

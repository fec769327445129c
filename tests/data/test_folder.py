import pytest
from tests.data.trees import write_tree

from walkprint.core.errors import ProtocolError, RecipeError
from walkprint.core.sequence import SequenceKey
from walkprint.data.folder import Folder

KEYS = [SequenceKey(s, c, t, "left") for s in "abc" for c, t in (("coat", "01"), ("walk", "01"), ("walk", "02"))]


@pytest.fixture
def root(tmp_path):
    write_tree(tmp_path, KEYS, frames=1)
    return tmp_path


def test_everybody_tests_until_told_otherwise(root):
    dataset = Folder(root)
    assert (dataset.subjects("train"), dataset.subjects("test")) == ([], ["a", "b", "c"])
    assert dataset.keys("test") == sorted(KEYS)
    with pytest.raises(RecipeError, match=r"set train_count \(of 3 subjects\) or train_subjects"):
        dataset.keys("train")


def test_two_ways_to_split(root):
    assert Folder(root, train_count=2).subjects("test") == ["c"]
    named = Folder(root, train_subjects=["b"])
    assert (named.subjects("train"), named.subjects("test")) == (["b"], ["a", "c"])
    assert {key.subject for key in named.keys("train")} == {"b"}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"train_count": 1, "train_subjects": ["a"]}, "both given"),
        ({"train_count": 4}, "expected 0 to 3"),
        ({"train_subjects": ["z"]}, "'z' not found"),
        ({"gallery_condition": "bag"}, "expected one of coat, walk"),
        ({"gallery_condition": "walk", "gallery_take": "07"}, "expected one of 01, 02"),
    ],
)
def test_settings_that_do_not_fit(root, settings, words):
    with pytest.raises(RecipeError, match=words):
        Folder(root, **settings)


def chosen(dataset):
    protocol = dataset.protocols["default"]
    keys = dataset.keys("test")
    gallery = {keys[i].recording for i in protocol.gallery.among(keys)}
    return gallery, {name: {keys[i].recording for i in one.among(keys)} for name, one in protocol.probes.items()}


def test_default_protocol(root):
    assert chosen(Folder(root)) == ({"walk-01"}, {"coat": {"coat-01"}, "walk": {"walk-02"}})  # walk has the most takes
    told = Folder(root, gallery_condition="coat")
    assert chosen(told) == ({"coat-01"}, {"walk": {"walk-01", "walk-02"}})
    told = Folder(root, gallery_condition="walk", gallery_take="02")
    assert chosen(told) == ({"walk-02"}, {"coat": {"coat-01"}, "walk": {"walk-01"}})


def test_of_equally_many_takes_the_first_name_is_the_gallery(tmp_path):
    keys = [SequenceKey(s, c, "01", "v") for s in "ab" for c in ("walk", "coat")]
    write_tree(tmp_path, keys, frames=1)
    assert chosen(Folder(tmp_path))[0] == {"coat-01"}


def test_takes_without_a_condition(tmp_path):
    write_tree(tmp_path, [SequenceKey("a", "", take, "v") for take in ("01", "02")], frames=1)
    assert chosen(Folder(tmp_path)) == ({"01"}, {"probe": {"02"}})


def test_one_recording_is_too_few(tmp_path):
    write_tree(tmp_path, [SequenceKey(s, "nm", "01", v) for s in "ab" for v in "xy"], frames=1)
    with pytest.raises(ProtocolError, match="one recording a person"):
        _ = Folder(tmp_path).protocols

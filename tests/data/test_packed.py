import pytest
from tests.data.miniatures import write_store
from tests.pipes import through_a_pipe

from walkprint.core.errors import DataError, ProtocolError, RecipeError
from walkprint.core.sequence import SequenceKey
from walkprint.data.earlier import current_entry
from walkprint.data.ou_mvlp import OuMvlp
from walkprint.data.packed import Packed
from walkprint.data.store import Store

KEYS = [SequenceKey(s, c, t, "left") for s in "abc" for c, t in (("coat", "01"), ("walk", "01"), ("walk", "02"))]


def store_of(path, keys, **settings):
    write_store(path, dict.fromkeys(keys, 1), **settings)
    return path


@pytest.fixture
def root(tmp_path):
    return store_of(tmp_path / "s", KEYS)


def test_everybody_tests_until_a_split_is_chosen(root):
    dataset = Packed(root)
    assert (dataset.subjects("train"), dataset.subjects("test")) == ([], ["a", "b", "c"])
    assert dataset.keys("test") == dataset.keys("all") == sorted(KEYS)
    with pytest.raises(RecipeError, match="no training subject; set train to how many of the 3 subjects"):
        dataset.keys("train")


def test_another_split_than_the_store_s(tmp_path):
    root = store_of(tmp_path / "s", KEYS, further={"train": ["a"], "protocols": []})
    assert Packed(root).subjects("train") == ["a"]
    assert Packed(root, train=2).subjects("test") == ["c"]
    named = Packed(root, train=["b"])
    assert (named.subjects("train"), named.subjects("test")) == (["b"], ["a", "c"])
    assert {key.subject for key in named.keys("train")} == {"b"}
    assert through_a_pipe(named).subjects("train") == ["b"]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"train": 4}, "train is 4, expected 0 to 3"),
        ({"train": ["z"]}, "train names 'z', not among"),
        ({"gallery": "bag"}, "expected one of coat-01, walk-01, walk-02"),
        ({"gallery": "walk-07"}, "gallery is 'walk-07'"),
    ],
)
def test_settings_that_do_not_fit(root, settings, words):
    with pytest.raises(RecipeError, match=words):
        Packed(root, **settings)


def chosen(dataset):
    protocol = dataset.protocol()
    keys = dataset.keys("test")
    gallery = {keys[i].recording for i in protocol.gallery.among(keys)}
    return gallery, {name: {keys[i].recording for i in one.among(keys)} for name, one in protocol.probes.items()}


def test_default_protocol(root):
    assert chosen(Packed(root)) == ({"walk-01"}, {"coat": {"coat-01"}, "walk": {"walk-02"}})  # walk has the most takes
    assert chosen(Packed(root, gallery="coat")) == ({"coat-01"}, {"walk": {"walk-01", "walk-02"}})
    assert chosen(Packed(root, gallery="walk-02")) == ({"walk-02"}, {"coat": {"coat-01"}, "walk": {"walk-01"}})
    assert list(Packed(root).protocols) == ["default"]


def test_of_equally_many_takes_the_first_name_is_the_gallery(tmp_path):
    keys = [SequenceKey(s, c, "01", "v") for s in "ab" for c in ("walk", "coat")]
    assert chosen(Packed(store_of(tmp_path / "s", keys)))[0] == {"coat-01"}
    keys = [SequenceKey(s, c, "01", "v") for s in "ab" for c in ("cl", "nm", "walk")]
    assert chosen(Packed(store_of(tmp_path / "usual", keys)))[0] == {"nm-01"}, "unless there is normal walking"


def test_takes_without_a_condition(tmp_path):
    root = store_of(tmp_path / "s", [SequenceKey("a", "", take, "v") for take in ("01", "02")])
    assert chosen(Packed(root)) == ({"01"}, {"probe": {"02"}})
    assert chosen(Packed(root, gallery="02")) == ({"02"}, {"probe": {"01"}})


def test_one_recording_is_too_few(tmp_path):
    dataset = Packed(store_of(tmp_path / "s", [SequenceKey(s, "nm", "01", v) for s in "ab" for v in "xy"]))
    assert dataset.protocols == {}
    with pytest.raises(ProtocolError, match="one recording per person"):
        dataset.protocol()


def test_protocols_of_the_benchmark_go_before_the_default(tmp_path):
    protocols = [protocol.to_dict() for protocol in OuMvlp.PROTOCOLS.values()]
    root = store_of(tmp_path / "s", KEYS, further={"train": [], "protocols": protocols})
    assert Packed(root).protocols == OuMvlp.PROTOCOLS
    assert Packed(root).protocol("ou-mvlp-valid-only").unmatched == "drop"
    assert list(Packed(root, gallery="coat").protocols) == ["default"]
    with pytest.raises(ProtocolError, match="no protocol 'x'; expected one of ou-mvlp"):
        Packed(root).protocol("x")


def test_generated_takes_are_not_tested(tmp_path):
    further = {"train": ["a"], "protocols": [], "generated": {"name": "copies"}}
    dataset = Packed(store_of(tmp_path / "s", KEYS, further={"train": ["a"], "protocols": []}))
    with dataset.writer(tmp_path / "more", further=further) as writer:
        for key in KEYS:
            writer.copy(dataset.store(), key)
        made = dataset.store().read(KEYS[0])
        writer.add(type(made)(made.frames, SequenceKey("a", "coat", "02", "left")), origin={"source": str(KEYS[0])})
    more = Packed(tmp_path / "more")
    assert [str(key) for key in more.generated] == ["a/coat-02/left"]
    assert len(more.keys("train")) == 4
    with pytest.raises(DataError, match=r"1 generated sequences are among the test sequences, e.g. a/coat-02/left"):
        Packed(tmp_path / "more", train=["b"]).keys("test")


def test_a_store_of_ou_mvlp_from_before_the_split_was_kept(tmp_path):
    keys = [SequenceKey(f"{number:05d}", "", "00", "000") for number in range(1, 10308)]
    dataset = Packed(store_of(tmp_path / "s", keys, dataset="OuMvlp"))
    train, test = dataset.subjects("train"), dataset.subjects("test")
    assert (len(train), train[0], train[-1]) == (5153, "00001", "10305")
    assert (len(test), test[0], test[-2:]) == (5154, "00002", ["10306", "10307"])


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ({"root": "s", "train": 3}, {"root": "s", "train": 3}),
        (
            {"class_path": "mine.Kind", "init_args": {"root": "s"}},
            {"class_path": "mine.Kind", "init_args": {"root": "s"}},
        ),
        ({"class_path": "CasiaB", "init_args": {"root": "s", "split": "LT", "keep_005": True}}, {"root": "s"}),
        ({"class_path": "CasiaB", "init_args": {"root": "s", "split": "ST"}}, {"root": "s", "train": 24}),
        (
            {"class_path": "walkprint.data.walkers.dataset.Walkers", "init_args": {"root": "s", "train": 3, "seed": 1}},
            {"root": "s", "train": 3},
        ),
        (
            {"class_path": "Folder", "init_args": {"root": "s", "train_subjects": ["a"], "train_count": None}},
            {"root": "s", "train": ["a"]},
        ),
        (
            {"class_path": "Folder", "init_args": {"root": "s", "gallery_condition": "nm", "gallery_take": "01"}},
            {"root": "s", "gallery": "nm-01"},
        ),
    ],
)
def test_recipes_from_before_name_their_data(before, now):
    assert current_entry(before) == now


def test_a_setting_of_preparing_is_refused():
    with pytest.raises(RecipeError, match="keep_005"):
        current_entry({"class_path": "CasiaB", "init_args": {"root": "s", "keep_005": False}})


def test_no_store(tmp_path):
    with pytest.raises(DataError, match="no packed store here"):
        Packed(tmp_path)


def test_it_is_a_store_that_others_read(root):
    assert isinstance(Packed(root).store(), Store)

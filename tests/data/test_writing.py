import numpy as np
import pytest
from tests.data.miniatures import random_clip, write_store

from walkprint.core.errors import DataError, GaitError
from walkprint.core.sequence import SequenceKey
from walkprint.data.store import Store
from walkprint.data.writing import StoreWriter

KEYS = [SequenceKey(str(i), "nm", "01", "000") for i in range(6)]
LENGTHS = dict(zip(KEYS, range(2, 8), strict=True))


def same(one, other):
    return one.keys == other.keys and all((one.read(k).frames == other.read(k).frames).all() for k in one.keys)


def write_and_stop(path, clips):
    with StoreWriter(path) as writer:
        for clip in clips:
            writer.add(clip)
        raise KeyboardInterrupt


def test_interrupted_writing_continues(tmp_path):
    whole, clips = write_store(tmp_path / "whole", LENGTHS)
    with pytest.raises(KeyboardInterrupt):
        write_and_stop(tmp_path / "s", [clips[key] for key in KEYS[:3]])
    assert not (tmp_path / "s").exists()
    # What a kill leaves: a torn line in the log, and bytes in the shard that no line speaks of.
    partial = tmp_path / ".s.partial"
    with (partial / "part-00000.jsonl").open("ab") as log:
        log.write(b'{"key": ["3", "n')
    with (partial / "shard-00000.bin").open("ab") as shard:
        shard.write(b"garbage" * 1000)
    with StoreWriter(tmp_path / "s") as writer:
        assert writer.done == {key: LENGTHS[key] for key in KEYS[:3]}
        for key in KEYS[3:]:
            writer.add(clips[key])
    store = Store.open(tmp_path / "s")
    assert same(store, whole)
    assert store.verify() == []
    assert not partial.exists()


def test_what_a_kill_after_the_renaming_leaves_is_ignored(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.unlink", lambda *_, **__: None)
        whole, _ = write_store(tmp_path / "s", LENGTHS)
    assert {"plan.json", "part-00000.jsonl"} <= {path.name for path in (tmp_path / "s").iterdir()}
    store = Store.open(tmp_path / "s")
    assert same(store, whole)
    assert store.verify() == []
    for rest in [*(tmp_path / "s").glob("p*")]:
        rest.unlink()
    assert Store.open(tmp_path / "s").fingerprint == store.fingerprint


def test_shares_written_apart_make_one_store(tmp_path):
    whole, clips = write_store(tmp_path / "whole", LENGTHS)
    results = []
    writers = [StoreWriter(tmp_path / "s", share=(i, 3), shard_bytes=200) for i in range(3)]
    for i, writer in enumerate(writers):
        for key in KEYS[i::3]:
            writer.add(clips[key])
        results.append(writer.finish())
    assert results[:2] == [None, None]
    assert same(results[2], whole)
    assert writers[0].finish() is not None
    assert same(Store.open(tmp_path / "s"), whole)


def test_a_share_without_sequences_does_no_harm(tmp_path):
    with StoreWriter(tmp_path / "s", share=(1, 2)):
        pass
    with StoreWriter(tmp_path / "s", share=(0, 2)) as writer:
        writer.add(random_clip(KEYS[0], 3))
    assert Store.open(tmp_path / "s").keys == (KEYS[0],)


def test_the_same_part_twice_at_once_is_refused(tmp_path):
    writer = StoreWriter(tmp_path / "s")
    with pytest.raises(DataError, match="another process"):
        StoreWriter(tmp_path / "s")
    writer.add(random_clip(KEYS[0], 3))
    assert writer.finish() is not None


def test_other_settings_do_not_mix(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        write_and_stop(tmp_path / "s", [])
    with pytest.raises(DataError, match="other settings"):
        StoreWriter(tmp_path / "s", bits=1)
    with pytest.raises(DataError, match="other settings"):
        StoreWriter(tmp_path / "s", inputs="others")


def test_a_place_that_is_taken(tmp_path):
    with pytest.raises(DataError, match="already exists"):
        StoreWriter(tmp_path)


def test_one_size_and_each_sequence_once(tmp_path):
    writer = StoreWriter(tmp_path / "s")
    writer.add(random_clip(KEYS[0], 3))
    with pytest.raises(DataError, match="added twice"):
        writer.add(random_clip(KEYS[0], 3))
    with pytest.raises(DataError, match="a store has one size"):
        writer.add(random_clip(KEYS[1], 3, shape=(1, 8, 13)))


def test_shares_of_different_size_are_refused(tmp_path):
    writers = [StoreWriter(tmp_path / "s", share=(i, 2)) for i in range(2)]
    writers[0].add(random_clip(KEYS[0], 3))
    writers[1].add(random_clip(KEYS[1], 3, shape=(3, 8, 12)))
    writers[0].finish()
    with pytest.raises(DataError, match="shares disagree"):
        writers[1].finish()


def test_nothing_usable_is_no_store(tmp_path):
    writer = StoreWriter(tmp_path / "s")
    writer.skip(KEYS[0], {"empty": 3})
    writer.skip(KEYS[1], {"empty": 1, "corrupt": 2}, ["1.png: torn", "2.png: torn"])
    with pytest.raises(DataError, match=r"no sequence has a usable frame \(2 corrupt, 4 empty; first: 1.png: torn\)"):
        writer.finish()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("settings", [{"bits": 4}, {"compression": "gzip"}, {"share": (2, 2)}, {"share": (-1, 1)}])
def test_settings_out_of_range(tmp_path, settings):
    with pytest.raises(GaitError, match="expected"):
        StoreWriter(tmp_path / "s", **settings)
    assert list(tmp_path.iterdir()) == []


def test_the_same_sequences_give_the_same_bytes(tmp_path):
    for name in "ab":
        write_store(tmp_path / name, LENGTHS, compression="zstd")
    for file in ("shard-00000.bin", "meta.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    index = [np.load(tmp_path / name / "index.npz") for name in "ab"]
    assert all((index[0][column] == index[1][column]).all() for column in ("sha256", "offset", "length"))


def test_frames_of_no_sequence_are_counted_of_all_shares(tmp_path):
    for number in (0, 1):
        with StoreWriter(tmp_path / "s", share=(number, 2)) as writer:
            writer.add(random_clip(SequenceKey(str(number)), 4), {"empty": 1})
            writer.finish({"empty": 2, "no person": number})
    assert Store.open(tmp_path / "s").meta["dropped"] == {"empty": 6, "no person": 1}

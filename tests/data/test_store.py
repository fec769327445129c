import json
from multiprocessing.reduction import ForkingPickler

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.data.miniatures import random_clip, write_store
from tests.pipes import through_a_pipe

from walkprint.core.errors import DataError
from walkprint.core.sequence import Clip, SequenceKey
from walkprint.data.store import Store, is_store
from walkprint.data.writing import StoreWriter

KEYS = [SequenceKey("1", "nm", "01", "000"), SequenceKey("1", "nm", "02", "000"), SequenceKey("2", "", "07", "übung")]
LENGTHS = {KEYS[2]: 5, KEYS[0]: 9, KEYS[1]: 1}
PACKINGS = [(8, None), (8, "zstd"), (1, None), (1, "zstd")]


def as_stored(frames, bits):
    return frames if bits == 8 else np.where(frames >= 128, 255, 0).astype(np.uint8)


@pytest.mark.parametrize(("bits", "compression"), PACKINGS)
def test_what_is_written_is_read(tmp_path, bits, compression):
    store, clips = write_store(tmp_path / "s", LENGTHS, bits=bits, compression=compression, shard_bytes=500)
    assert store.keys == tuple(sorted(LENGTHS))
    assert store.lengths.tolist() == [9, 1, 5]
    for key, clip in clips.items():
        np.testing.assert_array_equal(store.read(key).frames, as_stored(clip.frames, bits))
    assert store.verify() == []
    assert sorted(file.name for file in tmp_path.iterdir()) == ["s"]


@pytest.mark.parametrize(("bits", "compression"), PACKINGS)
@pytest.mark.parametrize("shape", [(1, 8, 12), (3, 5, 7), (1, 1, 1)])
def test_gather_is_indexing(tmp_path, bits, compression, shape):
    clips = [random_clip(key, length, shape=shape) for key, length in LENGTHS.items()]
    with StoreWriter(tmp_path / "s", bits=bits, compression=compression) as writer:
        for clip in clips:
            writer.add(clip)
    store = Store.open(tmp_path / "s")
    rows, positions = [0, 2, 0], [[8, 0], [4, 4], [3, 7]]
    by_key = {clip.key: as_stored(clip.frames, bits) for clip in clips}
    whole = np.stack([by_key[store.keys[i]][places] for i, places in zip(rows, positions, strict=True)])
    for width in range(1, shape[2] + 1):
        left = (shape[2] - width) // 2
        found = store.gather(rows, positions, width_px=width)
        np.testing.assert_array_equal(found, whole[..., left : left + width])
    out = np.empty_like(whole)
    assert store.gather(rows, positions, out=out) is out
    np.testing.assert_array_equal(out, whole)


@settings(max_examples=25, deadline=None)
@given(frames=st.integers(1, 4), height=st.integers(1, 9), width=st.integers(1, 19), seed=st.integers(0, 99))
def test_one_bit_of_any_size(tmp_path_factory, frames, height, width, seed):
    clip = random_clip(KEYS[0], frames, seed, (1, height, width))
    path = tmp_path_factory.mktemp("bits") / "s"
    with StoreWriter(path, bits=1) as writer:
        writer.add(clip)
    np.testing.assert_array_equal(Store(path).read(KEYS[0]).frames, as_stored(clip.frames, 1))


def test_frame_rate_and_meta_survive(tmp_path):
    with StoreWriter(tmp_path / "s", dataset="Walkers", settings={"seed": 3}) as writer:
        writer.add(Clip(random_clip(KEYS[0], 3).frames, KEYS[0], 25.0), {"empty": 2})
        writer.add(random_clip(KEYS[1], 3))
        writer.skip(KEYS[2], {"corrupt": 1})
    store = Store.open(tmp_path / "s")
    assert (store.read(KEYS[0]).frame_rate_hz, store.read(KEYS[1]).frame_rate_hz) == (25.0, None)
    assert store.meta["dataset"] == "Walkers"
    assert store.meta["settings"] == {"seed": 3}
    assert store.meta["dropped"] == {"corrupt": 1, "empty": 2}
    assert store.meta["empty"] == [str(KEYS[2])]
    assert len(store) == 2


def test_a_store_travels_to_other_processes_by_its_path(tmp_path):
    store, clips = write_store(tmp_path / "s", LENGTHS)
    assert len(ForkingPickler.dumps(store)) < 500
    np.testing.assert_array_equal(through_a_pipe(store).read(KEYS[0]).frames, clips[KEYS[0]].frames)


@pytest.mark.parametrize(
    ("rows", "positions", "settings", "words"),
    [
        ([0], [[9]], {}, "outside its sequence"),
        ([0], [[-1]], {}, "outside its sequence"),
        ([3], [[0]], {}, "expected 0 to 2"),
        ([-1], [[0]], {}, "expected 0 to 2"),
        ([0, 1], [[0]], {}, "do not agree"),
        ([0], [[0]], {"width_px": 13}, "width_px"),
        ([0], [[0]], {"out": np.empty((1, 1, 1, 8, 11), np.uint8)}, "out is"),
    ],
)
def test_gather_refuses(tmp_path, rows, positions, settings, words):
    store, _ = write_store(tmp_path / "s", LENGTHS)
    with pytest.raises(DataError, match=words):
        store.gather(rows, positions, **settings)


def test_unknown_sequence(tmp_path):
    store, _ = write_store(tmp_path / "s", LENGTHS)
    with pytest.raises(DataError, match="no sequence 9"):
        store.read(SequenceKey("9"))


def test_a_flipped_byte_is_found(tmp_path):
    write_store(tmp_path / "s", LENGTHS)
    shard = tmp_path / "s" / "shard-00000.bin"
    content = bytearray(shard.read_bytes())
    content[5 * 96 + 7] ^= 1  # the first nine frames written belong to the third key
    shard.write_bytes(content)
    assert Store.open(tmp_path / "s").verify() == [KEYS[0]]


def flip(path, position):
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(("bits", "compression"), PACKINGS)
def test_one_flipped_bit_is_refused_by_whatever_reads_it(tmp_path, bits, compression):
    write_store(tmp_path / "s", LENGTHS, bits=bits, compression=compression)
    flip(tmp_path / "s" / "shard-00000.bin", -1)  # of the sequence written last
    damaged, sound = KEYS[1], KEYS[0]
    for read in (
        lambda one: one.read(damaged),
        lambda one: one.gather([one.index(damaged)], [[0]]),
        lambda one: one.packed(one.index(damaged)),
        lambda one: one.stored(damaged),
    ):
        again = Store.open(tmp_path / "s")
        again.read(sound)
        with pytest.raises(DataError, match=rf"s: sequence {damaged} in shard-00000\.bin is damaged"):
            read(again)
        with pytest.raises(DataError, match="is damaged"):  # the second time as well
            read(again)


def change_index(path, change):
    with np.load(path / "index.npz") as arrays:
        columns = dict(arrays)
    change(columns)
    np.savez(path / "index.npz", **columns)


def without_fingerprint(path):
    """As stores were before they had one."""
    meta = json.loads((path / "meta.json").read_text())
    del meta["fingerprint"]
    (path / "meta.json").write_text(json.dumps(meta))


def roll(*names):
    def change(columns):
        for name in names:
            columns[name] = np.roll(columns[name], 1, axis=0)

    return change


def test_silhouettes_shifted_to_another_person_are_refused(tmp_path):
    same = dict.fromkeys(LENGTHS, 4)
    write_store(tmp_path / "s", same)
    shard = tmp_path / "s" / "shard-00000.bin"
    content = shard.read_bytes()
    shard.write_bytes(content[4 * 96 :] + content[: 4 * 96])
    with pytest.raises(DataError, match="is damaged"):
        Store.open(tmp_path / "s").read(KEYS[0])
    shard.write_bytes(content)
    change_index(tmp_path / "s", roll("offset"))
    with pytest.raises(DataError, match="is damaged"):
        Store.open(tmp_path / "s").read(KEYS[0])
    change_index(tmp_path / "s", roll("sha256"))  # now all bytes agree, but with another person's name
    with pytest.raises(DataError, match=r"index\.npz is not the one that meta\.json was written with"):
        Store.open(tmp_path / "s")
    without_fingerprint(tmp_path / "s")
    assert len(Store.open(tmp_path / "s")) == 3


def twice(columns):
    for name in ("subject", "condition", "take", "view"):
        columns[name][1] = columns[name][0]


def same_bytes(columns):
    columns["offset"][1] = columns["offset"][0] + 96


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (twice, r"sequence 1/nm-01/000 is in index\.npz twice"),
        (same_bytes, r"1/nm-01/000 and 1/nm-02/000 lie on the same bytes of shard-00000\.bin"),
    ],
)
def test_an_index_that_contradicts_itself_is_refused(tmp_path, change, words):
    write_store(tmp_path / "s", LENGTHS)
    without_fingerprint(tmp_path / "s")
    change_index(tmp_path / "s", change)
    with pytest.raises(DataError, match=words):
        Store.open(tmp_path / "s")


@pytest.mark.parametrize("bits", [8, 1])
def test_a_shard_truncated_while_open_is_one_line(tmp_path, bits):
    lengths = {SequenceKey(f"{i}", "nm", "01"): 100 for i in range(20)}
    store, _ = write_store(tmp_path / "s", lengths, bits=bits)
    store.read(store.keys[-1])
    (tmp_path / "s" / "shard-00000.bin").open("rb+").truncate(4096)
    for key in (store.keys[-1], store.keys[-2]):
        with pytest.raises(
            DataError, match=r"shard-00000\.bin was .* bytes when the store was opened and is 4,096 now"
        ):
            store.read(key)


def test_the_fingerprint_is_that_of_the_sequences(tmp_path):
    store, clips = write_store(tmp_path / "s", LENGTHS)
    assert store.meta["fingerprint"] == store.fingerprint
    shuffled = dict(reversed(LENGTHS.items()))
    with StoreWriter(tmp_path / "other", shard_bytes=500, dataset="Walkers") as writer:
        for key in shuffled:
            writer.add(clips[key])
    assert Store.open(tmp_path / "other").fingerprint == store.fingerprint
    found = {store.fingerprint}
    with StoreWriter(tmp_path / "few") as writer:
        writer.add(clips[KEYS[0]])
    found.add(Store.open(tmp_path / "few").fingerprint)
    for number, key in enumerate((SequenceKey("1", "nm-01"), SequenceKey("1", "nm", "01"))):  # of the same text
        with StoreWriter(tmp_path / str(number)) as writer:
            writer.add(Clip(clips[KEYS[0]].frames, key))
        found.add(Store.open(tmp_path / str(number)).fingerprint)
    assert len(found) == 4


def test_damaged_compression_is_one_clear_error(tmp_path):
    write_store(tmp_path / "s", LENGTHS, compression="zstd")
    shard = tmp_path / "s" / "shard-00000.bin"
    shard.write_bytes(bytes(len(shard.read_bytes())))
    with pytest.raises(DataError, match="is damaged"):
        Store.open(tmp_path / "s").read(KEYS[0])


def change_meta(**values):
    def change(path):
        meta = json.loads((path / "meta.json").read_text())
        (path / "meta.json").write_text(json.dumps(meta | values))

    return change


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda path: (path / "meta.json").unlink(), "no packed store here"),
        (lambda path: (path / "meta.json").write_text("{"), "cannot be read"),
        (lambda path: (path / "meta.json").write_text("[]"), "is not that of"),
        (change_meta(version=99), "version 99"),
        (change_meta(bits=3), "damaged"),
        (change_meta(height_px="8"), "damaged"),
        (change_meta(height_px=16), "is not the one that meta.json was written with"),
        (lambda path: (path / "index.npz").write_bytes(b"PK"), "index.npz"),
        (lambda path: (path / "index.npz").unlink(), "index.npz"),
        (lambda path: (path / "shard-00000.bin").unlink(), "shard-00000.bin"),
        (lambda path: (path / "shard-00000.bin").write_bytes(b"x"), "does not lie inside its shard"),
    ],
)
def test_damaged_stores(tmp_path, harm, words):
    write_store(tmp_path / "s", LENGTHS)
    harm(tmp_path / "s")
    with pytest.raises(DataError, match=words):
        Store.open(tmp_path / "s")


def test_a_pickled_index_is_refused(tmp_path):
    write_store(tmp_path / "s", LENGTHS)
    np.savez(tmp_path / "s" / "index.npz", length=np.array([object()]))
    with pytest.raises(DataError, match=r"index\.npz"):
        Store.open(tmp_path / "s")


def test_is_store(tmp_path):
    assert not is_store(tmp_path)
    write_store(tmp_path / "s", LENGTHS)
    assert is_store(tmp_path / "s")

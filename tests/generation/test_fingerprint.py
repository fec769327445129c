"""A generator expands only the people that it was trained on, not others of the same names."""

import json
import shutil
import warnings

import numpy as np
import pytest
from tests.generation.miniatures import person, tiny_store
from tests.training.tiny_generator import train_generator

from walkprint.core.errors import DataError
from walkprint.core.sequence import Clip, SequenceKey
from walkprint.data.packed import Packed
from walkprint.data.store import Store
from walkprint.data.writing import StoreWriter
from walkprint.generation.expand import expand
from walkprint.generation.expander import GeneratorExpander
from walkprint.generation.fingerprint import check_recordings, fingerprint
from walkprint.recipes.trained import load_generator


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tiny_store(tmp_path_factory.mktemp("people") / "store")


@pytest.fixture(scope="module")
def run(store, tmp_path_factory):
    run = tmp_path_factory.mktemp("run") / "run"
    train_generator(store.path, run)
    return run


def others(folder, takes="0123"):
    """People of the same names and takes as those of `tiny_store`, of other heights."""
    with StoreWriter(folder) as writer:
        for i in range(3):
            for condition, take in [*(("nm", take) for take in takes), ("cl", takes[0])]:
                clip = np.stack([person(i - 1, condition, frame + int(take)) for frame in range(8)])[:, None]
                writer.add(Clip(clip, SequenceKey(f"{i:03d}", condition, take, "090")))
    return Packed(folder, train=3)


def test_other_people_of_the_same_names_are_refused(store, run, tmp_path):
    strangers = others(tmp_path / "strangers")
    assert strangers.store().keys == store.keys
    assert np.array_equal(strangers.store().lengths, store.lengths)
    for model in (load_generator(run), train_generator(store.path, tmp_path / "again").model):
        with pytest.raises(DataError, match="000/nm-0/090 is not the recording that AEGuidedGAN was trained"):
            expand(strangers, GeneratorExpander(model), wanted={"cl": 2}, out=tmp_path / "more")
    assert not (tmp_path / "more").exists()


def test_without_a_recording_to_compare_it_goes_on_with_a_warning(run, tmp_path):
    later = others(tmp_path / "later", "89")
    with pytest.warns(UserWarning, match="nothing shows whether these are the people that AEGuidedGAN was trained"):
        expand(later, GeneratorExpander(load_generator(run)), wanted={"cl": 2}, out=tmp_path / "more")
    assert (tmp_path / "more").exists()


def test_the_same_recordings_elsewhere_are_filled_up(store, run, tmp_path):
    shutil.copytree(store.path, tmp_path / "copy")
    with StoreWriter(tmp_path / "packed", bits=1, compression="zstd") as writer:  # and of some takes alone
        for key in store.keys:
            if key.subject != "002" and key != SequenceKey("001", "cl", "0", "090"):
                writer.add(store.read(key))
    with StoreWriter(tmp_path / "wide") as writer:
        for key in store.keys:
            writer.add(Clip(np.pad(store.read(key).frames, [(0, 0)] * 3 + [(12, 12)]), key))
    assert Store.open(tmp_path / "wide").width_px == 88
    for name, subjects in (("copy", 3), ("packed", 2), ("wide", 3)):
        people, expander = Packed(tmp_path / name, train=subjects), GeneratorExpander(load_generator(run))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            expand(people, expander, wanted={"cl": 2}, out=tmp_path / f"{name}-more")


def test_a_frame_more_is_another_recording(tmp_path):
    for name, frames in (("few", 1), ("more", 2)):
        with StoreWriter(tmp_path / name) as writer:
            writer.add(Clip(np.zeros((frames, 1, 64, 64), np.uint8), SequenceKey("000", "nm", "0", "090")))
    few, more = Store.open(tmp_path / "few"), Store.open(tmp_path / "more")
    with pytest.raises(DataError, match="000/nm-0/090 is not the recording"):
        check_recordings(more, fingerprint(few, few.keys, "nm"), "X")


def test_generators_of_before_say_nothing(store, run, tmp_path):
    shutil.copytree(run, tmp_path / "old")
    file = tmp_path / "old" / "generator" / "config.json"
    config = json.loads(file.read_text())
    assert config.pop("recordings").keys() == {f"{i:03d}/nm-0/090" for i in range(3)}
    file.write_text(json.dumps(config))
    model = load_generator(tmp_path / "old")
    assert not model.recordings
    expand(others(tmp_path / "strangers"), GeneratorExpander(model), wanted={"cl": 2}, out=tmp_path / "more")


def test_of_many_people_some_from_all_over_are_compared(tmp_path):
    with StoreWriter(tmp_path / "many") as writer:
        for i in range(200):
            for condition in ("cl", "nm"):
                frames = np.full((1, 1, 4, 4), 255 * (i % 2), np.uint8)
                writer.add(Clip(frames, SequenceKey(f"{i:03d}", condition, "01", "090")))
    many = Store.open(tmp_path / "many")
    known = fingerprint(many, many.keys, "nm")
    assert len(known) == 64
    assert {"000/nm-01/090", "199/nm-01/090"} <= known.keys()
    assert all("/nm-" in name for name in known)
    assert len(set(known.values())) == 2
    check_recordings(many, known, "X")

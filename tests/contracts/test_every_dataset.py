"""What every data set promises, checked on a miniature of each; data sets are found by walking the package."""

import importlib
import inspect
import pickle
import pkgutil

import numpy as np
import pytest
from tests.data.trees import casia_keys, ou_mvlp_keys, write_fvg, write_ou_mvlp, write_tree
from tests.travel import sent

from walkprint import data
from walkprint.core.errors import DataError
from walkprint.core.protocol import Protocol
from walkprint.core.sequence import SequenceKey
from walkprint.data.base import GaitDataset
from walkprint.data.casia_b import CasiaB
from walkprint.data.casia_b_color import CasiaBColor
from walkprint.data.folder import Folder
from walkprint.data.fvg import Fvg
from walkprint.data.opengait import OpenGaitTree
from walkprint.data.ou_mvlp import OuMvlp
from walkprint.data.prepare import prepare
from walkprint.data.tree import TreeDataset


def all_datasets():
    for module in pkgutil.walk_packages(data.__path__, data.__name__ + "."):
        importlib.import_module(module.name)
    found, rest = set(), [GaitDataset]
    while rest:
        for kind in rest.pop().__subclasses__():
            rest.append(kind)
            if kind.__module__.startswith(data.__name__ + ".") and kind is not TreeDataset:
                found.add(kind)
    return sorted((kind for kind in found if not inspect.isabstract(kind)), key=lambda kind: kind.__name__)


def pickled_tree(root):
    for key in casia_keys():
        folder = root / key.subject / key.recording / key.view
        folder.mkdir(parents=True)
        frames = np.random.default_rng(0).integers(0, 256, (6, 64, 64)).astype(np.uint8)
        (folder / f"{key.view}.pkl").write_bytes(pickle.dumps(frames))


def png_tree(root):
    write_tree(root, casia_keys(), frames=5)


def png_tree_of_all_views(root):
    write_tree(root, casia_keys(views=("036", "054", "090")), frames=5)


def ou_mvlp_tree(root):
    write_ou_mvlp(root, ou_mvlp_keys(), frames=3)


MINIATURES = {
    CasiaB: (png_tree, {}),
    Folder: (png_tree, {"train_count": 1}),
    OuMvlp: (ou_mvlp_tree, {}),
    OpenGaitTree: (pickled_tree, {"train_count": 1}),
    CasiaBColor: (png_tree_of_all_views, {}),
    Fvg: (write_fvg, {}),
}
SMALL = {
    "Walkers": {"subjects": 3},
    "ColorWalkers": {"subjects": 3, "frames": 4},
    "FrontalWalkers": {"subjects": 4, "train": 2, "frames": 4},
}


@pytest.fixture(scope="module", params=all_datasets(), ids=lambda kind: kind.__name__)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def dataset(kind, tmp_path_factory):
    if kind in MINIATURES:
        write, settings = MINIATURES[kind]
        root = tmp_path_factory.mktemp("raw")
        write(root)
        return kind(root, **settings)
    return kind(**SMALL.get(kind.__name__, {}))


def test_every_data_set_has_a_miniature():
    without = {kind.__name__ for kind in all_datasets() if kind not in MINIATURES} - set(SMALL)
    assert not without, f"add to MINIATURES, or to SMALL where nothing is read from disk: {', '.join(sorted(without))}"


def test_some_were_found():
    assert {"CasiaB", "Folder", "OpenGaitTree"} <= {kind.__name__ for kind in all_datasets()}


def test_the_gate_is_passed(dataset):
    dataset.check()


def test_both_sides_of_the_split_are_sorted_and_in_the_catalogue(dataset):
    everybody = {key.subject for key in dataset.catalogue()}
    for split in ("train", "test"):
        names = list(dataset.subjects(split))
        assert names == sorted(set(names))
        assert set(names) <= everybody
        assert {key.subject for key in dataset.keys(split)} == set(names)
    assert dataset.keys("test")


def test_clips_are_alike_and_keyed(dataset):
    keys = list(dataset.catalogue())
    clips = [dataset.read(key) for key in (keys[0], keys[-1])]
    assert [clip.key for clip in clips] == [keys[0], keys[-1]]
    assert clips[0].frames.shape[1:] == clips[1].frames.shape[1:]
    assert clips[0].frames.any()
    np.testing.assert_array_equal(dataset.read(keys[0]).frames, clips[0].frames)


def test_unknown_sequences_are_refused(dataset):
    with pytest.raises(DataError):
        dataset.read(SequenceKey("nobody", "nm", "01", "090"))


def test_protocols_have_a_gallery_and_disjoint_probes(dataset):
    assert dataset.protocols
    keys = dataset.keys("test")
    for name, protocol in dataset.protocols.items():
        assert isinstance(protocol, Protocol)
        assert Protocol.from_dict(protocol.to_dict()) == protocol
        gallery = set(protocol.gallery.among(keys))
        assert gallery, name
        for probe, selection in protocol.probes.items():
            chosen = set(selection.among(keys))
            assert chosen, (name, probe)
            assert not chosen & gallery, (name, probe)


def test_the_class_is_documented_and_travels_to_processes(dataset):
    assert inspect.getdoc(type(dataset))
    copy = sent(dataset)
    assert list(copy.catalogue()) == list(dataset.catalogue())


@pytest.mark.parametrize("kind", MINIATURES, ids=lambda kind: kind.__name__)
def test_a_store_serves_like_the_raw_tree(kind, tmp_path):
    write, settings = MINIATURES[kind]
    write(tmp_path / "raw")
    raw = kind(tmp_path / "raw", **settings)
    prepare(raw, tmp_path / "store", workers=1)
    packed = kind(tmp_path / "store", **settings)
    assert list(packed.catalogue()) == list(raw.catalogue())
    assert packed.subjects("train") == raw.subjects("train")
    assert packed.protocols == raw.protocols
    assert packed.store().keys == tuple(raw.catalogue())
    key = raw.catalogue()[7]
    np.testing.assert_array_equal(packed.read(key).frames, raw.read(key).frames)

"""What every data set promises, checked on a miniature of each; data sets are found by walking the package."""

import importlib
import inspect
import json
import pickle
import pkgutil
import shutil

import numpy as np
import pytest
from tests.data.miniatures import (
    casia_keys,
    ou_mvlp_keys,
    write_casia_e,
    write_ccgr_mini,
    write_ccpg,
    write_fvg,
    write_gait3d,
    write_grew,
    write_hid,
    write_ou_mvlp,
    write_sustech1k,
    write_tree,
)
from tests.pipes import through_a_pipe

from walkprint import data
from walkprint.core.errors import DataError
from walkprint.core.protocol import Protocol
from walkprint.core.sequence import SequenceKey
from walkprint.data.base import GaitDataset
from walkprint.data.casia_b import CasiaB
from walkprint.data.casia_b_color import CasiaBColor
from walkprint.data.casia_e import CasiaE
from walkprint.data.ccgr_mini import CcgrMini
from walkprint.data.ccpg import Ccpg
from walkprint.data.earlier import BENCHMARKS as EARLIER
from walkprint.data.folder import Folder
from walkprint.data.fvg import Fvg
from walkprint.data.gait3d import Gait3D
from walkprint.data.grew import Grew
from walkprint.data.hid import Hid
from walkprint.data.opengait import OpenGaitTree
from walkprint.data.ou_mvlp import OuMvlp
from walkprint.data.packed import Packed
from walkprint.data.prepare import prepare
from walkprint.data.sustech1k import Sustech1K
from walkprint.data.tree import TreeDataset
from walkprint.data.walkers import ColorWalkers, FrontalWalkers, Walkers


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


FEW = {"subjects": 3, "train": 2, "frames": 4}
MINIATURES = {
    CasiaB: (png_tree, {}),
    Folder: (png_tree, {"train": 1}),
    OuMvlp: (ou_mvlp_tree, {}),
    OpenGaitTree: (pickled_tree, {"train": 1}),
    CasiaBColor: (png_tree_of_all_views, {}),
    Fvg: (write_fvg, {}),
    CasiaE: (write_casia_e, {}),
    CcgrMini: (write_ccgr_mini, {}),
    Ccpg: (write_ccpg, {}),
    Gait3D: (write_gait3d, {}),
    Grew: (write_grew, {}),
    Hid: (write_hid, {}),
    Sustech1K: (write_sustech1k, {}),
    Walkers: (None, {**FEW, "views": ["000", "090"]}),
    ColorWalkers: (None, {**FEW, "views": ["000", "090"]}),
    FrontalWalkers: (None, {**FEW, "subjects": 4}),
}


@pytest.fixture(scope="module", params=all_datasets(), ids=lambda kind: kind.__name__)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def dataset(kind, tmp_path_factory):
    write, settings = MINIATURES.get(kind, (None, {}))
    if write is None:
        return kind(**settings)
    root = tmp_path_factory.mktemp("raw")
    return kind(root, **settings, **(write(root) or {}))


@pytest.fixture(scope="module")
def packed(dataset, tmp_path_factory):
    return prepare(dataset, tmp_path_factory.mktemp("packed") / "store", workers=1)


def test_every_data_set_has_a_miniature():
    without = {kind.__name__ for kind in all_datasets() if kind not in MINIATURES}
    assert not without, f"add to MINIATURES: {', '.join(sorted(without))}"


def test_some_were_found():
    assert {"CasiaB", "Folder", "OpenGaitTree"} <= {kind.__name__ for kind in all_datasets()}


def test_the_gate_is_passed(dataset):
    dataset.check()


def test_both_sides_of_the_split_are_sorted_and_in_the_catalogue(dataset):
    names = {key.subject for key in dataset.catalogue()}
    train, test = (list(dataset.subjects(split)) for split in ("train", "test"))
    assert (train, test) == (sorted(set(train)), sorted(set(test)))
    assert {*train, *test} <= names
    assert test


def test_clips_have_one_size_and_their_keys(dataset):
    keys = list(dataset.catalogue())
    clips = [dataset.read(key) for key in (keys[0], keys[-1])]
    assert [clip.key for clip in clips] == [keys[0], keys[-1]]
    assert clips[0].frames.shape[1:] == clips[1].frames.shape[1:]
    assert clips[0].frames.any()
    np.testing.assert_array_equal(dataset.read(keys[0]).frames, clips[0].frames)


def test_unknown_sequences_are_refused(dataset):
    with pytest.raises(DataError):
        dataset.read(SequenceKey("nobody", "nm", "01", "090"))


def test_the_class_is_documented_and_travels_to_processes(dataset):
    assert inspect.getdoc(type(dataset))
    copy = through_a_pipe(dataset)
    assert list(copy.catalogue()) == list(dataset.catalogue())


def test_a_store_knows_what_the_raw_data_know(dataset, packed):
    assert packed.report.finished
    assert packed.keys("all") == list(dataset.catalogue())
    for split in ("train", "test"):
        assert packed.subjects(split) == list(dataset.subjects(split))
        assert {key.subject for key in packed.keys(split)} == set(dataset.subjects(split))
    assert packed.benchmark == type(dataset).__name__
    assert packed.settings == dataset.settings
    key = dataset.catalogue()[7]
    np.testing.assert_array_equal(packed.store().read(key).frames, dataset.read(key).frames)


def test_protocols_have_a_gallery_and_disjoint_probes(dataset, packed):
    assert packed.protocols
    assert not dataset.protocols or packed.protocols == dataset.protocols
    keys = packed.keys("test")
    for name, protocol in packed.protocols.items():
        assert isinstance(protocol, Protocol)
        assert Protocol.from_dict(protocol.to_dict()) == protocol
        for probe, selection in protocol.probes.items():
            gallery = set(protocol.gallery_of(probe).among(keys))
            assert gallery, (name, probe)
            chosen = set(selection.among(keys))
            assert chosen, (name, probe)
            assert not chosen & gallery, (name, probe)


def test_a_packed_store_is_no_raw_data(kind, packed):
    if issubclass(kind, TreeDataset):
        needed = [name for name, one in inspect.signature(kind).parameters.items() if one.default is one.empty]
        with pytest.raises(DataError, match="a packed store; open it with Packed"):
            kind(**dict.fromkeys(needed, packed.root))


def test_stores_from_before_the_split_was_kept_open_as_they_did(packed, tmp_path):
    """`meta.json` once said of the split nothing but the settings."""
    if packed.benchmark not in EARLIER:
        pytest.skip("a reader that came later")
    shutil.copytree(packed.root, tmp_path / "store")
    meta = json.loads((tmp_path / "store" / "meta.json").read_text())
    del meta["train"], meta["protocols"]
    (tmp_path / "store" / "meta.json").write_text(json.dumps(meta))
    chosen = 1 if packed.benchmark in ("Folder", "OpenGaitTree") else None
    before = Packed(tmp_path / "store", train=chosen)
    assert before.subjects("train") == packed.subjects("train")
    assert before.protocols == packed.protocols

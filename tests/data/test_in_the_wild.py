"""GREW, Gait3D, SUSTech1K, CCPG, CASIA-E, HID, CCGR-MINI: keys, splits and pairs, on miniatures of their layouts."""

import json
from dataclasses import replace

import numpy as np
import pytest
from tests.data.miniatures import (
    write_casia_e,
    write_ccgr_mini,
    write_ccpg,
    write_folders,
    write_gait3d,
    write_grew,
    write_hid,
    write_sustech1k,
    write_tree,
)
from tests.oracles.evaluation import identify_slowly

from walkprint.core.embedding import EmbeddingSet
from walkprint.core.errors import DataError, RecipeError
from walkprint.core.sequence import SequenceKey
from walkprint.data.casia_e import CasiaE
from walkprint.data.ccgr_mini import CcgrMini
from walkprint.data.ccpg import GAIT, REIDENTIFICATION, Ccpg
from walkprint.data.folder import Folder
from walkprint.data.gait3d import Gait3D
from walkprint.data.grew import SUBMISSION, Grew
from walkprint.data.hid import Hid
from walkprint.data.packed import Packed
from walkprint.data.prepare import prepare
from walkprint.data.sustech1k import Sustech1K
from walkprint.evaluation import Scoring, have_answers, identify, save_ranking, verify

POINTS = Scoring(resamples=0)


def embedded(dataset, seed=0):
    """Random vectors for all sequences of the test subjects."""
    keys = [key for key in dataset.catalogue() if key.subject in set(dataset.subjects("test"))]
    vectors = np.random.default_rng(seed).normal(size=(len(keys), 2, 3)).astype(np.float32)
    return EmbeddingSet(vectors, keys)


def pairs_of(dataset, protocol, probe_set="probe"):
    """Right and wrong pairs that count, as verification counts them."""
    notes = verify(embedded(dataset), protocol, scoring=POINTS).notes
    line = next(note for note in notes if note.startswith(f"{probe_set}: "))
    words = line.split()
    return int(words[1]), int(words[4])


def test_probes_of_gait3d_are_not_in_its_gallery(tmp_path):
    """Two test subjects of three sequences, one of each a probe: 2 x 2 right pairs and 2 x 2 wrong ones, not 2 x 3."""
    dataset = Gait3D(tmp_path, **write_gait3d(tmp_path))
    protocol = dataset.protocols["gait3d"]
    assert pairs_of(dataset, protocol) == (4, 4)
    assert (dataset.subjects("train"), dataset.subjects("test")) == (["0001"], ["0002", "0003"])
    listed = protocol.probes["probe"].keys
    assert listed[0] == SequenceKey("0002", "camid7_videoid2", "", "seq0") in dataset.catalogue()


def test_a_partition_brings_its_protocol_to_any_store(tmp_path):
    """The same file for data that OpenGait pickled, or for a store that is packed already."""
    partition = write_gait3d(tmp_path / "raw")["partition"]
    store = prepare(Folder(tmp_path / "raw", train=1), tmp_path / "store", workers=1)
    assert "gait3d" not in store.protocols
    opened = Packed(tmp_path / "store", partition=partition)
    assert opened.protocol() == Gait3D(tmp_path / "raw", partition=partition).protocols["gait3d"]
    writer = opened.writer(tmp_path / "other")
    writer.add(opened.store().read(opened.keys("test")[0]))
    assert [one["name"] for one in writer.finish().meta["protocols"]] == ["gait3d"]


@pytest.mark.parametrize(("kind", "write"), [(Gait3D, write_gait3d), (CcgrMini, write_ccgr_mini)])
def test_a_partition_without_its_list(tmp_path, kind, write):
    partition = write(tmp_path)["partition"]
    sets = json.loads(partition.read_text())
    partition.write_text(json.dumps({name: sets[name] for name in ("TRAIN_SET", "TEST_SET")}))
    with pytest.raises(RecipeError, match=r"has no (PROBE|GALLERY)_SET; give the file"):
        kind(tmp_path, partition=partition)


def test_ccgr_mini_looks_up_everything_but_its_gallery(tmp_path):
    dataset = CcgrMini(tmp_path, **write_ccgr_mini(tmp_path))
    assert pairs_of(dataset, dataset.protocols["ccgr-mini"]) == (4, 4)
    assert SequenceKey("601", "ASBGCLBXCV1", "", "67_5_2.avi") in dataset.catalogue()


def test_sustech1k_finds_a_condition_in_every_recording_that_joins_it(tmp_path):
    dataset = Sustech1K(tmp_path, **write_sustech1k(tmp_path))
    protocol = dataset.protocols["sustech1k"]
    keys = dataset.catalogue()
    found = {name: {keys[i].recording for i in one.among(keys)} for name, one in protocol.probes.items()}
    assert found["Normal"] == {"nm-01"}
    assert found["Bag"] == {"bg-01", "bg-nt-02"}
    assert found["Night"] == {"bg-nt-02"}
    assert found["Overall"] == {key.recording for key in keys} - {"nm-00"}
    assert {keys[i].recording for i in protocol.gallery.among(keys)} == {"nm-00"}
    assert SequenceKey("0001", "bg-nt", "02", "090-far") in keys
    # The aligned silhouettes of the camera, not the raw or the synchronized ones.
    assert Sustech1K(tmp_path, partition=tmp_path / "SUSTech1K.json").read(keys[0]).frames.shape[0] == 2


@pytest.mark.parametrize("protocol", [GAIT, REIDENTIFICATION], ids=lambda one: one.name)
@pytest.mark.parametrize("figure", ["rank", "mAP"])
def test_ccpg_searches_a_gallery_of_its_own_for_each_probe_set(tmp_path, protocol, figure):
    write_ccpg(tmp_path)
    dataset = Ccpg(tmp_path)
    assert SequenceKey("100", "U0_D0_BG", "2", "01") in dataset.catalogue()
    assert (dataset.subjects("train"), dataset.subjects("test")) == (["099"], ["100", "101"])
    embeddings = embedded(dataset)
    report = identify(embeddings, protocol, ranks=[1], scoring=POINTS)
    name = "rank-1" if figure == "rank" else figure
    slowly = identify_slowly(embeddings, protocol, 1, figure)
    assert set(slowly) == {"CL", "UP", "DN", "BG"}
    for probe_set, (_, mean) in slowly.items():
        assert report.figure(probe_set, name).value == pytest.approx(mean)
    assert "UP: U0_D3" in report.settings["gallery"]
    centered = identify(embeddings, protocol, ranks=[1], scoring=Scoring(resamples=0, center=True))
    for probe_set, selection in protocol.probes.items():  # each gallery is centered on its own mean
        alone = replace(protocol, gallery=protocol.gallery_of(probe_set), probes={probe_set: selection}, galleries={})
        single = identify(embeddings, alone, ranks=[1], scoring=Scoring(resamples=0, center=True))
        assert centered.figure(probe_set, name).value == pytest.approx(single.figure(probe_set, name).value)


def test_casia_e_without_the_view_that_only_some_have(tmp_path):
    write_casia_e(tmp_path)
    dataset = CasiaE(tmp_path)
    (protocol,) = dataset.protocols.values()
    keys = dataset.catalogue()
    assert SequenceKey("201", "H-scene3_s-cl", "1", "000") in keys
    assert {keys[i].view for one in (protocol.gallery, *protocol.probes.values()) for i in one.among(keys)} == {"000"}
    found = {name: {keys[i].condition for i in one.among(keys)} for name, one in protocol.probes.items()}
    assert found["NM"] == {"H-scene2-nm", "L-scene2-nm"}
    assert found["CL"] == {f"{height}-{scene}-cl" for height in "HL" for scene in ("scene3", "scene3_s")}
    assert (dataset.subjects("train"), dataset.subjects("test")) == (["200"], ["1014", "201"])


def test_grew_for_figures_and_for_its_owners(tmp_path):
    write_grew(tmp_path)
    dataset = Grew(tmp_path)
    assert (dataset.subjects("train"), dataset.subjects("test")) == (["00001train"], ["00001", "00002", "probe"])
    assert SequenceKey("00001", "", "02", "t16V") in dataset.catalogue()
    assert pairs_of(dataset, dataset.protocols["grew"]) == (2, 2)
    embeddings = embedded(dataset)
    assert not have_answers(embeddings, SUBMISSION)
    assert save_ranking(tmp_path / "s.csv", embeddings, SUBMISSION, scoring=POINTS, form="grew") == 3
    head, *lines = (tmp_path / "s.csv").read_text().splitlines()
    assert head.startswith("videoId,rank1,rank2,")
    assert {line.split(",")[0] for line in lines} == {"etaG", "eT1E", "x-9"}
    assert {tuple(sorted(line.split(",")[1:])) for line in lines} == {("1", "2")}


def test_hid_for_its_organizers(tmp_path):
    write_hid(tmp_path)
    dataset = Hid(tmp_path)
    assert (dataset.subjects("train"), dataset.subjects("test")) == (["0000", "0001"], ["0500", "0501", "probe"])
    (protocol,) = dataset.protocols.values()
    embeddings = embedded(dataset)
    assert not have_answers(embeddings, protocol)
    save_ranking(tmp_path / "s.csv", embeddings, protocol, scoring=POINTS, form="hid")
    head, *lines = (tmp_path / "s.csv").read_text().splitlines()
    assert head == "videoID,label"
    assert [line.split(",")[0] for line in lines] == ["00a", "00b", "00c"]
    assert {line.split(",")[1] for line in lines} <= {"0500", "0501"}


@pytest.mark.parametrize("kind", [Ccpg, CasiaE, Grew, Hid], ids=lambda kind: kind.__name__)
def test_other_layouts_and_names_are_refused(tmp_path, kind):
    with pytest.raises(DataError, match="no such folder; expected"):
        kind(tmp_path / "none")
    write_tree(tmp_path / "tree", [SequenceKey("ann", "nm", "01", "090")], frames=1)
    write_folders(tmp_path / "deep", ["ann/H/scene1/bg/000/1", "train/ann/x", "gallery/bob/x"], frames=1)
    for root in ("tree", "deep"):
        with pytest.raises(DataError, match="expected"):
            kind(tmp_path / root)

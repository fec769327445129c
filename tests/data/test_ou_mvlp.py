import numpy as np
import pytest
from tests.data.miniatures import draw_person, ou_mvlp_keys, write_ou_mvlp, write_tree

from walkprint.core.embedding import EmbeddingSet
from walkprint.core.errors import DataError
from walkprint.core.sequence import SequenceKey
from walkprint.core.silhouette import align
from walkprint.data.ou_mvlp import ALL_PROBES, VALID_PROBES, VIEWS, OuMvlp
from walkprint.evaluation import Scoring, identify

POINTS = Scoring(resamples=0)


def test_its_own_layout_and_the_rearranged_one_are_the_same(tmp_path):
    keys = ou_mvlp_keys()
    write_ou_mvlp(tmp_path / "own", keys, frames=2)
    write_tree(tmp_path / "rearranged", keys, frames=2)
    (tmp_path / "own" / "password.txt").write_text("not a folder")
    own, rearranged = OuMvlp(tmp_path / "own"), OuMvlp(tmp_path / "rearranged")
    assert list(own.catalogue()) == list(rearranged.catalogue()) == sorted(keys)
    for number in (0, 5):
        expected = np.stack([align(draw_person(1000 * number + frame)) for frame in (1, 2)])[:, None]
        np.testing.assert_array_equal(own.read(keys[number]).frames, expected)
        np.testing.assert_array_equal(rearranged.read(keys[number]).frames, expected)


def test_fourteen_views():
    assert (len(VIEWS), VIEWS[0], VIEWS[6], VIEWS[7], VIEWS[-1]) == (14, "000", "090", "180", "270")


def test_who_is_known_and_who_is_looked_up():
    keys = ou_mvlp_keys()
    for protocol in (ALL_PROBES, VALID_PROBES):
        assert {keys[i].take for i in protocol.gallery.among(keys)} == {"01"}
        assert {keys[i].take for i in protocol.probes["probe"].among(keys)} == {"00"}
        assert (protocol.exclude, protocol.gallery_view) == ({"view"}, "each")
    assert list(OuMvlp.PROTOCOLS) == ["ou-mvlp", "ou-mvlp-valid-only"]


def test_people_whom_a_gallery_view_lacks_are_errors_or_left_out():
    """Two people, two views; the second person's gallery recording at 090 is missing, so one search of four is lost."""
    keys = [SequenceKey(s, "", take, view) for s in ("00002", "00004") for take in ("00", "01") for view in VIEWS[:2]]
    keys.remove(SequenceKey("00004", "", "01", VIEWS[1]))
    vectors = np.array([[[0.0]] if key.subject == "00002" else [[1.0]] for key in keys], np.float32)
    embeddings = EmbeddingSet(vectors, keys)
    rank_1 = {}
    for protocol in (ALL_PROBES, VALID_PROBES):
        rank_1[protocol.name] = identify(embeddings, protocol, ranks=[1], scoring=POINTS).figure("probe").value
    assert rank_1 == {"ou-mvlp": pytest.approx(0.75), "ou-mvlp-valid-only": pytest.approx(1.0)}


@pytest.mark.parametrize(
    "key",
    [SequenceKey("1", "", "00", "000"), SequenceKey("00001", "", "02", "000"), SequenceKey("00001", "", "00", "18")],
)
def test_other_names_are_refused(tmp_path, key):
    write_tree(tmp_path / "tree", [key], frames=1)
    write_ou_mvlp(tmp_path / "own", [key], frames=1)
    for root in ("tree", "own"):
        with pytest.raises(DataError, match="expected OU-MVLP's Silhouette_090-00"):
            OuMvlp(tmp_path / root)


def test_other_layouts_are_refused(tmp_path):
    for folders in (["Silhouette_000-00", "GEI"], ["Silhouette_000"], ["Silhouette_000-00"], []):
        root = tmp_path / "-".join(["root", *folders])
        for name in ["", *folders]:
            (root / name).mkdir()
        with pytest.raises(DataError, match="expected OU-MVLP's"):
            OuMvlp(root)
    with pytest.raises(DataError, match="no such folder"):
        OuMvlp(tmp_path / "nowhere")

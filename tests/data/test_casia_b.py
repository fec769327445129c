import pytest
from tests.data.miniatures import casia_keys, write_tree

from walkprint.core.errors import DataError, RecipeError
from walkprint.core.sequence import SequenceKey
from walkprint.data.casia_b import CROSS_VIEW_GALLERY, IDENTICAL_VIEW_EXCLUDED, CasiaB


@pytest.fixture(scope="module")
def everyone(tmp_path_factory):
    """Folders of all 124 people."""
    path = tmp_path_factory.mktemp("casia")
    for number in range(1, 125):
        (path / f"{number:03d}" / "nm-01" / "090").mkdir(parents=True)
    return path


@pytest.mark.parametrize(("split", "train", "test"), [("ST", 24, 100), ("MT", 62, 62), ("LT", 74, 50)])
def test_splits(everyone, split, train, test):
    dataset = CasiaB(everyone, split=split)
    dataset.check()
    assert (len(dataset.subjects("train")), len(dataset.subjects("test"))) == (train, test)
    assert dataset.subjects("train")[-1] == f"{train:03d}"
    assert len(CasiaB(everyone, split=split, keep_005=False).subjects("train")) == train - 1


def test_its_own_layout(tmp_path):
    folder = tmp_path / "001" / "bg-01" / "000"
    write_tree(tmp_path, casia_keys(), frames=2)
    for frame in (1, 2):
        (folder / f"{frame}.png").rename(folder / f"001-bg-01-000-{frame:03d}.png")
    dataset = CasiaB(tmp_path)
    assert len(dataset.catalogue()) == 60
    assert len(dataset.read(SequenceKey("001", "bg", "01", "000"))) == 2
    assert dataset.subjects("test") == ["075", "076"]


def test_realistic_cloth_changing_leaves_out_what_training_people_do_not_show(tmp_path):
    people, views = ("001", "002", "073", "074", "075", "076"), ("000", "018", "090")
    takes = [("nm", "01"), ("nm", "06"), ("bg", "01"), ("cl", "01"), ("cl", "02")]
    write_tree(
        tmp_path, [SequenceKey(who, *take, view) for who in people for take in takes for view in views], frames=1
    )

    def seen(dataset, who):
        return sorted({(key.recording, key.view) for key in dataset.catalogue() if key.subject == who})

    whole, realistic = CasiaB(tmp_path), CasiaB(tmp_path, split="RCC")
    assert realistic.subjects("train") == list(people[:4])
    for who in ("001", "073"):
        assert seen(realistic, who) == [(take, "000") for take in ("cl-01", "cl-02", "nm-01", "nm-06")]
    for who in ("002", "074"):
        assert seen(realistic, who) == [(take, view) for take in ("nm-01", "nm-06") for view in views]
    for who in people[4:]:
        assert seen(realistic, who) == seen(whole, who)
    wider = CasiaB(tmp_path, split="RCC", front_views=["000", "018"])
    assert {view for _, view in seen(wider, "001")} == {"000", "018"}
    assert seen(wider, "002") == seen(realistic, "002")
    for wrong in ("000", [], ["36"], ["000", "36"]):
        with pytest.raises(RecipeError, match=r"front_views is .* expected a list of some of 000, 018, 090"):
            CasiaB(tmp_path, split="RCC", front_views=wrong)
    with pytest.raises(RecipeError, match=r"front_views is .* with split 'LT'; only RCC has front views"):
        CasiaB(tmp_path, front_views=["018"])


def recordings(selection, keys):
    return sorted({keys[i].recording for i in selection.among(keys)})


def test_identical_view_custom():
    keys = casia_keys()
    protocol = IDENTICAL_VIEW_EXCLUDED
    assert recordings(protocol.gallery, keys) == ["nm-01", "nm-02", "nm-03", "nm-04"]
    assert {name: recordings(one, keys) for name, one in protocol.probes.items()} == {
        "NM": ["nm-05", "nm-06"],
        "BG": ["bg-01", "bg-02"],
        "CL": ["cl-01", "cl-02"],
    }
    assert (protocol.exclude, protocol.gallery_view) == ({"view"}, "each")


def test_cross_view_custom():
    keys = casia_keys()
    protocol = CROSS_VIEW_GALLERY
    assert recordings(protocol.gallery, keys) == ["bg-02", "cl-02", "nm-02"]
    assert [recordings(one, keys) for one in protocol.probes.values()] == [["nm-01"], ["bg-01"], ["cl-01"]]
    assert (protocol.exclude, protocol.gallery_view) == ({"subject", "view"}, "all")
    assert list(CasiaB.PROTOCOLS) == ["identical-view-excluded", "cross-view-gallery"]


@pytest.mark.parametrize(
    "key", [SequenceKey("1", "nm", "01", "000"), SequenceKey("001", "xx", "01", "0"), SequenceKey("001", "nm", "", "0")]
)
def test_other_names_are_refused(tmp_path, key):
    write_tree(tmp_path, [key], frames=1)
    with pytest.raises(DataError, match="expected CASIA-B's 001/nm-01/090"):
        CasiaB(tmp_path)


def test_unknown_split(everyone):
    with pytest.raises(RecipeError, match="expected ST or MT or LT or RCC"):
        CasiaB(everyone, split="XL")

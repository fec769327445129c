import pytest
from tests.data.miniatures import casia_keys, write_tree

from walkprint.core.errors import RecipeError
from walkprint.core.sequence import SequenceKey
from walkprint.data.casia_b_color import ALL_VIEWS, COAT_FROM_THE_SIDE, MIDDLE_VIEWS, SIDE_VIEW_GALLERY, CasiaBColor

VIEWS = tuple(f"{degrees:03d}" for degrees in range(0, 181, 18))
KEYS = casia_keys(subjects=("075",), views=VIEWS)


def chosen(selection):
    keys = [KEYS[i] for i in selection.among(KEYS)]
    return sorted({key.recording for key in keys}), sorted({key.view for key in keys})


def test_protocols_are_those_of_the_tables():
    assert chosen(COAT_FROM_THE_SIDE.gallery) == (["nm-01"], ["090"])
    assert chosen(COAT_FROM_THE_SIDE.probes["CL"]) == (["cl-02"], ["090"])
    assert chosen(SIDE_VIEW_GALLERY.gallery) == (["nm-01"], ["090"])
    assert chosen(SIDE_VIEW_GALLERY.probes["NM"]) == (["nm-02"], [view for view in VIEWS if view != "090"])
    assert chosen(ALL_VIEWS.gallery) == (["nm-01", "nm-02", "nm-03", "nm-04"], list(VIEWS))
    middle = ["036", "054", "072", "090", "108", "126", "144"]
    assert chosen(MIDDLE_VIEWS.gallery)[1] == middle
    assert {name: chosen(one) for name, one in MIDDLE_VIEWS.probes.items()} == {
        "BG": (["bg-01", "bg-02"], middle),
        "CL": (["cl-01", "cl-02"], middle),
    }
    assert MIDDLE_VIEWS.exclude == ALL_VIEWS.exclude == {"view"}


def test_34_or_74_people_train(tmp_path):
    write_tree(tmp_path, casia_keys(subjects=("034", "035", "074", "075")), frames=1)
    assert CasiaBColor(tmp_path).subjects("train") == ["034", "035", "074"]
    assert CasiaBColor(tmp_path, train_subjects=34).subjects("test") == ["035", "074", "075"]
    assert CasiaBColor(tmp_path).read(SequenceKey("034", "nm", "01", "090")).frames.shape == (1, 3, 64, 32)
    with pytest.raises(RecipeError, match="at most 124"):
        CasiaBColor(tmp_path, train_subjects=125)

import json

import pytest

from walkprint.core.errors import ProtocolError
from walkprint.core.protocol import Protocol, Selection
from walkprint.core.sequence import SequenceKey

KEYS = [SequenceKey(s, c, t, v) for s in ("1", "2") for c in ("nm", "cl") for t in ("01", "02") for v in ("000", "090")]


def test_selection_admits_by_every_field():
    selection = Selection(subjects=("1",), conditions=("nm",), takes=("01", "02"), views=("090",))
    found = [KEYS[i] for i in selection.among(KEYS)]
    assert found == [SequenceKey("1", "nm", "01", "090"), SequenceKey("1", "nm", "02", "090")]
    assert [key for key in KEYS if key in selection] == found


def test_selection_by_listed_keys_and_of_everything():
    assert Selection(keys=(KEYS[3], KEYS[5])).among(KEYS) == [3, 5]
    assert Selection(keys=(KEYS[3], KEYS[5]), conditions=("cl",)).among(KEYS) == [
        i for i in (3, 5) if KEYS[i].condition == "cl"
    ]
    assert Selection().among(KEYS) == list(range(len(KEYS)))
    assert Selection(conditions=()).among(KEYS) == []
    assert "1/nm-01/000" not in Selection()


def test_everything_but_a_selection():
    listed = Selection(keys=(KEYS[3], KEYS[5]))
    rest = Selection(without=listed)
    assert sorted(rest.among(KEYS) + listed.among(KEYS)) == list(range(len(KEYS)))
    assert [key for key in KEYS if key in rest] == [KEYS[i] for i in rest.among(KEYS)]
    assert Selection(conditions=("nm",), without=Selection(views=("000",))).in_words() == "nm but view 000"
    plain = example(gallery=rest).to_dict()
    assert Protocol.from_dict(json.loads(json.dumps(plain))).gallery == rest


def test_a_probe_set_may_have_its_own_gallery():
    own = example(galleries={"NM": Selection(takes=("02",))})
    assert own.gallery_of("NM") == Selection(takes=("02",))
    assert own.distinct_galleries() == [Selection(takes=("02",))]
    assert example().distinct_galleries() == [example().gallery]
    assert Protocol.from_dict(json.loads(json.dumps(own.to_dict()))) == own


def test_keys_as_benchmarks_spell_them():
    listed = ["0002-camid33_videoid2-seq0", "1-nm-01-090", "1/nm-01/000"]
    gallery = Protocol.from_dict(example().to_dict() | {"gallery": {"keys": listed}}).gallery
    assert gallery.keys == (
        SequenceKey("0002", "camid33_videoid2", "", "seq0"), SequenceKey("1", "nm", "01", "090"), KEYS[0],
    )  # fmt: skip


def example(**settings):
    values = {"name": "x", "gallery": Selection(takes=("01",)), "probes": {"NM": Selection(keys=(KEYS[2],))}}
    return Protocol(**(values | settings))


def test_a_selection_in_words():
    assert Selection().in_words() == "everything"
    assert Selection(conditions=("",), takes=("01",)).in_words() == "take 01"
    several = Selection(conditions=("nm", "bg"), takes=("01", "02", "03"), views=("090",))
    assert several.in_words() == "nm and bg, takes 01, 02 and 03, view 090"
    assert Selection(keys=KEYS[:2]).in_words() == "sequences 1/nm-01/000 and 1/nm-01/090"
    assert Selection(subjects=tuple(map(str, range(9)))).in_words() == "9 subjects"


def test_plain_data_and_back():
    protocol = example(exclude=frozenset({"view", "subject"}), gallery_view="all", unmatched="miss")
    assert Protocol.from_dict(json.loads(json.dumps(protocol.to_dict()))) == protocol


@pytest.mark.parametrize(
    "settings",
    [
        {"probes": {}},
        {"exclude": {"angle"}},
        {"gallery_view": "some"},
        {"unmatched": "ignore"},
        {"exclude": {"view"}, "require": {"view"}},
        {"galleries": {"CL": Selection()}},
    ],
)
def test_protocols_that_make_no_sense(settings):
    with pytest.raises(ProtocolError, match="protocol x"):
        example(**settings)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"galery": {}}, "unknown protocol setting galery"),
        ({"gallery": {"take": ["01"]}}, "unknown selection setting take"),
        ({"gallery": {"takes": "01"}}, "expected a list"),
        ({"gallery": {"takes": [1]}}, "quotes"),
        ({"gallery": []}, "a selection is"),
        ({"probes": ["a"]}, "probes must map"),
        ({"galleries": ["a"]}, "galleries must map"),
        ({"gallery": {"without": ["a"]}}, "a selection is"),
        ({"exclude": "view"}, "expected a list of field names"),
        ({"exclude": 5}, "exclude is 5; expected a list of field names"),
        ({"exclude": [["a"]]}, "expected a list of field names"),
        ({"require": None}, "require is None; expected a list of field names"),
        ({"gallery": {"keys": [5]}}, "keys holds 5; expected 'subject/condition-take/view'"),
        ({"gallery": {"keys": [{"foo": 1}]}}, "keys holds {'foo': 1}"),
        ({"gallery": {"keys": [{"subject": 1}]}}, "keys holds {'subject': 1}"),
        ({"gallery": {"keys": ["a/b"]}}, "keys holds 'a/b'"),
        ({"name": 5}, "name is 5; expected text"),
    ],
)
def test_plain_data_with_mistakes(change, words):
    with pytest.raises(ProtocolError, match=words):
        Protocol.from_dict(example().to_dict() | change)


def test_missing_parts_are_named():
    with pytest.raises(ProtocolError, match="gallery, probes missing"):
        Protocol.from_dict({"name": "x"})

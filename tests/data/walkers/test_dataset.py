from dataclasses import asdict, fields

import numpy as np
import pytest
from tests.pipes import through_a_pipe

from walkprint.core.errors import DataError, RecipeError
from walkprint.core.sequence import SequenceKey
from walkprint.data.prepare import _further, _inputs, prepare
from walkprint.data.walkers import Variety, Walkers
from walkprint.data.walkers.body import template
from walkprint.data.walkers.frontal import FrontalWalkers
from walkprint.data.walkers.people import camera_of, person, walk
from walkprint.data.writing import StoreWriter

SMALL = {"subjects": 3, "train": 2, "views": ("000", "090"), "takes": {"nm": 2, "cl": 1}, "frames": 6}


def test_names_split_and_protocols_are_casia_bs():
    walkers = Walkers(subjects=124)
    keys = walkers.catalogue()
    assert len(keys) == 124 * 10 * 11
    assert str(keys[0]) == "001/bg-01/000"
    assert len(walkers.subjects("train")) == 74
    assert walkers.subjects("test")[0] == "075"
    protocol = next(iter(walkers.PROTOCOLS.values()))
    assert protocol.gallery.among(keys)
    assert all(selection.among(keys) for selection in protocol.probes.values())


def test_a_clip_does_not_depend_on_what_else_is_asked_for():
    key = SequenceKey("002", "cl", "01", "090")
    alone = Walkers(**SMALL).read(key)
    many = Walkers(**{**SMALL, "subjects": 9, "train": 5})
    many.read(SequenceKey("001", "nm", "01", "000"))
    np.testing.assert_array_equal(many.read(key).frames, alone.frames)
    assert alone.frames.shape[1:] == (1, 64, 64)
    assert Walkers(**{**SMALL, "seed": 1}).read(key).frames.mean() != alone.frames.mean()


def test_a_store_of_walkers_says_who_they_are(tmp_path):
    walkers = Walkers(**SMALL, variety=Variety(noise=0.5))
    stored = prepare(walkers, tmp_path / "store", workers=1)
    assert stored.keys("all") == walkers.catalogue()
    assert stored.subjects("test") == ["003"]
    assert stored.settings == walkers.settings
    key = walkers.catalogue()[3]
    np.testing.assert_array_equal(stored.store().read(key).frames, walkers.read(key).frames)
    assert through_a_pipe(stored).store().keys == stored.store().keys


def test_views_by_lot():
    walkers = Walkers(subjects=5, views_per_take=3)
    assert len(walkers.catalogue()) == 5 * 10 * 3
    assert len({key.view for key in walkers.catalogue()}) > 5


def test_scarce_takes_are_left_out_and_the_others_stay_as_they_are(tmp_path):
    usual = Walkers(**{**SMALL, "subjects": 5, "train": 4})
    scarce = Walkers(**{**SMALL, "subjects": 5, "train": 4}, scarce={"cl": 3})
    kept = [key for key in usual.catalogue() if key.condition != "cl" or key.subject in ("001", "004", "005")]
    assert scarce.catalogue() == kept
    assert len(kept) == len(usual.catalogue()) - 4
    stored = through_a_pipe(prepare(scarce, tmp_path / "store", workers=1))
    assert stored.settings["scarce"] == through_a_pipe(scarce).scarce == {"cl": 3}
    for key in kept[::5]:
        np.testing.assert_array_equal(stored.store().read(key).frames, usual.read(key).frames)


def test_scarcity_is_a_setting_of_the_store(tmp_path):
    scarce = Walkers(**SMALL, scarce={"cl": 2})
    for name, begun in (("other", Walkers(**SMALL)), ("same", scarce)):  # of the same sequences, by their digest
        with (
            pytest.raises(KeyboardInterrupt),
            StoreWriter(
                tmp_path / name,
                dataset="Walkers",
                settings=begun.settings,
                further=_further(scarce),
                inputs=_inputs(scarce),
            ),
        ):
            raise KeyboardInterrupt
    assert prepare(scarce, tmp_path / "same", workers=1).report.finished
    with pytest.raises(DataError, match="unfinished store with other settings"):
        prepare(scarce, tmp_path / "other", workers=1)


def test_settings_without_scarcity_are_those_of_before():
    assert set(Walkers(**SMALL).settings) == set(Walkers(**SMALL, scarce={}).settings) == {
        "subjects", "train", "seed", "views", "takes", "views_per_take", "one_side", "frames", "size_px", "variety"
    }  # fmt: skip


LATER = {"fresh_cameras": True, "shoes": 1.0, "neck": 1.0, "stride": 1.0, "curves": 1.0, "trousers": 0.5, "hems": 0.5}


def test_later_settings_of_variety_are_stored_only_where_they_are_set(tmp_path):
    assert set(Walkers(**SMALL).settings["variety"]) == {
        "shape", "gait", "take", "noise", "camera", "fresh_clothes", "mixed"
    }  # fmt: skip
    assert {one.name for one in fields(Variety) if one.metadata.get("omit_default")} == set(LATER)
    stored = through_a_pipe(prepare(Walkers(**SMALL, variety=Variety(**LATER)), tmp_path / "store", workers=1))
    assert Walkers(**{**SMALL, "variety": Variety(**stored.settings["variety"])}).settings == stored.settings
    assert stored.settings["variety"] | LATER == stored.settings["variety"]


@pytest.mark.parametrize("name", LATER)
def test_each_later_setting_moves_only_what_it_names(name):
    """Everything else is drawn from the random numbers of before."""
    seed, key, set_one = 3, SequenceKey("001", "cl", "02", "090"), Variety(**{name: LATER[name]})
    usual, other = (walk(seed, key, person(seed, "001", variety), variety) for variety in (Variety(), set_one))
    moved = {
        "stride": usual.gait.style != other.gait.style,
        "curves": (usual.gait.shape["hip"] != other.gait.shape["hip"]).any(),
        "trousers": usual.outfit.shin_m != other.outfit.shin_m,
        "hems": usual.outfit.hanging != other.outfit.hanging,
        "fresh_cameras": camera_of(seed, key, Variety()) != camera_of(seed, key, set_one),
    }
    at = template().vertices_of("foot", "toes")
    changed = (usual.body.vertices != other.body.vertices).any(1)
    moved |= {"shoes": changed[at].any(), "neck": np.delete(changed, at).any()}
    assert [one for one, there in moved.items() if there] == [name]
    assert (other.carried, other.start) == (usual.carried, usual.start)
    rest = {"thigh_m", "shin_m", "cuff_m", "hanging"}
    assert {one for one in asdict(usual.outfit) if getattr(usual.outfit, one) != getattr(other.outfit, one)} <= rest


def test_color_clip_and_its_mask():
    color, mask = Walkers(**SMALL).read_color(SequenceKey("001", "nm", "01", "090"))
    assert color.frames.shape[1] == 3
    assert mask.frames.shape[2:] == color.frames.shape[2:]
    person = mask.frames[:, 0] > 250
    assert 0.02 < person.mean() < 0.3
    assert ((mask.frames > 20) & (mask.frames < 235)).any()  # soft edges
    assert color.frames.transpose(0, 2, 3, 1)[person].std() > 5


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"subjects": 0}, "subjects is 0"),
        ({"train": 9}, "9 training subjects of 3"),
        ({"takes": {"zz": 1}}, "condition zz"),
        ({"views_per_take": 5}, "5 views per take"),
        ({"views": ["090", "000", "090"]}, "views are 090, 000, 090; expected different degrees"),
        ({"views": []}, "views are none"),
        ({"views": [""]}, "expected different degrees"),
        ({"views": ["left"]}, "views are left"),
        ({"takes": {"nm": 0}}, "takes are {'nm': 0}; expected"),
        ({"takes": {}}, "1 or more of one"),
        ({"takes": {"nm": 2, "cl": -1}}, "takes is {'nm': 2, 'cl': -1}, expected at least 0"),
        ({"scarce": {"bg": 2}}, "scarce is {'bg': 2}; expected only some of nm, cl"),
        ({"scarce": {"cl": 0}}, "scarce is {'cl': 0}, expected at least 1"),
        ({"scarce": {"cl": 2.5}}, "scarce is {'cl': 2.5}, expected a whole number"),
        ({"size_px": 63}, "size_px is 63; expected an even number"),
    ],
)
def test_wrong_settings_are_refused(wrong, message):
    with pytest.raises(RecipeError, match=message):
        Walkers(**{**SMALL, **wrong})


def test_an_unknown_subject_is_refused():
    with pytest.raises(DataError, match="no subject '999'"):
        Walkers(**SMALL).read(SequenceKey("999", "nm", "01", "090"))


def test_lost_frames_are_counted(tmp_path):
    walkers = Walkers(**{**SMALL, "frames": 40}, variety=Variety(noise=2.0))
    report = prepare(walkers, tmp_path / "store", workers=1).report
    stored = sum(len(walkers.read(key).frames) for key in walkers.catalogue())
    lost = sum(report.dropped.values())
    assert lost > 0
    assert stored + lost == 40 * len(walkers.catalogue())
    assert not walkers.__class__(**SMALL, variety=Variety(noise=0)).examine(walkers.catalogue()[0]).dropped


def test_later_settings_are_not_said_at_their_defaults() -> None:
    assert repr(Variety()) == (
        "Variety(shape=1.0, gait=1.0, take=1.0, noise=1.0, camera=1.0, fresh_clothes=False, mixed=0.0)"
    )
    assert repr(Variety(hems=0.5)).endswith("mixed=0.0, hems=0.5)")


def test_people_before_the_camera_of_fvg_have_no_other() -> None:
    with pytest.raises(RecipeError, match="fresh_cameras"):
        FrontalWalkers(subjects=1, variety=Variety(fresh_cameras=True))
    people = FrontalWalkers(subjects=1, train=0)
    with pytest.raises(RecipeError, match="use Walkers"):
        people.film(people.catalogue()[0])

import json

import numpy as np
import pytest
import torch
from tests.data.miniatures import casia_keys, ou_mvlp_keys, write_store
from tests.generation.miniatures import person, tiny_store
from torch import nn

from walkprint.core.errors import DataError, RecipeError
from walkprint.core.sequence import Clip, SequenceKey
from walkprint.data.packed import Packed
from walkprint.data.store import Store
from walkprint.data.walkers import Walkers
from walkprint.data.walkers.people import Variety
from walkprint.data.writing import StoreWriter
from walkprint.generation.base import GenerativeModel
from walkprint.generation.baselines import Copying, MorphologicalCoat, NoiseInjection
from walkprint.generation.cleaning import clean_frames
from walkprint.generation.expand import expand, plan, refuse_test_subjects
from walkprint.generation.expander import GeneratorExpander


class Widen(GenerativeModel):
    """Moves frames a little by lot; in a coat they are brighter, and so on: chance, labels and sources all show."""

    ordered = True

    def __init__(self, **names):
        super().__init__(**names)
        self.table = nn.Embedding(len(self.names.conditions), 1)
        nn.init.constant_(self.table.weight, 0.5)

    def stages(self):
        return ()

    def generate(self, sources, labels, generator):
        lift = self.table(labels.conditions)[:, :, None, None] * torch.rand(1, generator=generator)
        return self.to_unit(sources) + 0.1 * lift


def widen(subjects=("000", "001"), conditions=("cl", "nm"), views=("090",)):
    return Widen(subjects=subjects, conditions=conditions, views=views)


@pytest.fixture
def people(tmp_path):
    tiny_store(tmp_path / "store", subjects=3)
    return Packed(tmp_path / "store", train=2)


def test_the_new_store_opens_as_the_old_one_did(tmp_path):
    keys = dict.fromkeys(casia_keys(subjects=("001", "002", "075")), 3)
    write_store(tmp_path / "casia", keys, dataset="CasiaB", settings={"size_px": 64}, compression="zstd")
    out = expand(Packed(tmp_path / "casia"), Copying(), wanted={"cl": 6}, out=tmp_path / "casia-more")
    dataset = Packed(out)
    takes = {key.take for key in dataset.keys("train") if key.condition == "cl"}
    assert takes == {f"0{i}" for i in range(1, 7)}
    assert {key.take for key in dataset.keys("test") if key.condition == "cl"} == {"01", "02"}


def test_walkers_of_several_views_take_by_take(tmp_path):
    from walkprint.data.prepare import prepare

    walkers = Walkers(
        subjects=2, train=1, views=("000", "090", "180"), views_per_take=2, frames=2, takes={"nm": 3, "cl": 1},
        variety=Variety(noise=0),
    )  # fmt: skip
    prepare(walkers, tmp_path / "w", workers=1)
    out = expand(Packed(tmp_path / "w"), MorphologicalCoat(), wanted={"cl": 4}, out=tmp_path / "more")
    made = Packed(out).store().generated
    assert len(made) == 3 * 2  # three takes, each from the two views of its source
    assert {line["source"].split("/")[1] for line in made.values()} == {"nm-01", "nm-02", "nm-03"}  # in turn
    assert {key.subject for key in made} == {"001"}
    assert Packed(out).settings == walkers.settings


def test_the_same_seed_gives_the_same_store_and_another_another(people, tmp_path):
    stores = [
        Store.open(expand(people, GeneratorExpander(widen()), wanted={"cl": 3}, out=tmp_path / str(i), seed=seed))
        for i, seed in enumerate((0, 0, 1))
    ]
    assert (stores[0].path / "generated.jsonl").read_bytes() == (stores[1].path / "generated.jsonl").read_bytes()
    assert (stores[0].path / "shard-00000.bin").read_bytes() == (stores[1].path / "shard-00000.bin").read_bytes()
    sources = [[line["source"] for line in store.generated.values()] for store in stores]
    assert sources[0] != sources[2]


def test_what_is_drawn_for_a_take_holds_for_all_its_views(tmp_path):
    with StoreWriter(tmp_path / "store") as writer:
        for name in ("000", "001"):
            for view in ("000", "090"):
                writer.add(Clip(np.stack([person(0, "nm", 0)])[:, None], SequenceKey(name, "nm", "01", view)))
    drawn = []

    class Listening(Widen):
        def generate(self, sources, labels, generator):
            drawn.append(torch.rand(1, generator=generator).item())
            return self.to_unit(sources)

    model = Listening(subjects=("000", "001"), conditions=("cl", "nm"), views=("000", "090"))
    expand(Packed(tmp_path / "store", train=2), GeneratorExpander(model), wanted={"cl": 2}, out=tmp_path / "more")
    takes = [drawn[i : i + 2] for i in range(0, 8, 2)]
    assert all(one == other for one, other in takes)
    assert len(set(drawn)) == 4


def test_noise_differs_between_takes(people, tmp_path):
    store = Store.open(expand(people, NoiseInjection(), wanted={"cl": 3}, out=tmp_path / "more"))
    first, second = (store.read(SequenceKey("000", "cl", take, "090")).frames for take in ("01", "02"))
    assert (first != second).mean() > 0.02


def test_interrupted_it_goes_on(people, tmp_path):
    def stop(done, total):
        if done == 2:
            raise KeyboardInterrupt

    settings = {"wanted": {"cl": 4}, "out": tmp_path / "more", "seed": 1}
    with pytest.raises(KeyboardInterrupt):
        expand(people, NoiseInjection(), progress=stop, **settings)
    assert not (tmp_path / "more").exists()
    with pytest.raises(DataError, match="other settings"):
        expand(people, NoiseInjection(p=0.1), **settings)
    expand(people, NoiseInjection(), **settings)
    expand(people, NoiseInjection(), **(settings | {"out": tmp_path / "whole"}))
    for file in ("shard-00000.bin", "generated.jsonl", "meta.json"):
        assert (tmp_path / "more" / file).read_bytes() == (tmp_path / "whole" / file).read_bytes()
    assert not (tmp_path / ".more.partial").exists()


def test_an_expansion_of_another_store_does_not_go_on(people, tmp_path):
    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        expand(people, NoiseInjection(), wanted={"cl": 4}, out=tmp_path / "more", progress=stop)
    tiny_store(tmp_path / "others", subjects=4)
    others = Packed(tmp_path / "others", train=3)
    with pytest.raises(DataError, match="other settings"):
        expand(others, NoiseInjection(), wanted={"cl": 4}, out=tmp_path / "more")
    assert others.store().fingerprint != people.store().fingerprint


def test_another_precision_does_not_go_on_where_one_stopped(people, tmp_path):
    def stop(done, of):
        if done == 1:
            raise KeyboardInterrupt

    model = widen()
    with pytest.raises(KeyboardInterrupt):
        expand(people, GeneratorExpander(model), wanted={"cl": 4}, out=tmp_path / "out", progress=stop)
    with pytest.raises(DataError, match="other settings"):
        expand(people, GeneratorExpander(model, bf16=True), wanted={"cl": 4}, out=tmp_path / "out")
    made = expand(people, GeneratorExpander(model), wanted={"cl": 4}, out=tmp_path / "out")
    assert Store.open(made).meta["generated"]["bf16"] is False


class Leaky(Packed):
    """A data set whose training sequences hold a test subject's."""

    def keys(self, split):
        return super().keys("all")


def test_test_subjects_are_never_touched(people, tmp_path):
    with pytest.raises(DataError, match="002 would be generated, but belong to the test"):
        expand(Leaky(people.root, train=2), Copying(), wanted={"cl": 4}, out=tmp_path / "more")
    with pytest.raises(DataError, match="002 would be generated"):
        refuse_test_subjects(people, [SequenceKey("002", "cl", "05", "090")])
    model = widen(subjects=("000", "001", "002"))
    with pytest.raises(DataError, match=r"was trained on 002, test subjects of .*store"):
        expand(people, GeneratorExpander(model), wanted={"cl": 4}, out=tmp_path / "more")
    assert not (tmp_path / "more").exists()
    assert not (tmp_path / ".more.partial").exists()


def test_another_split_does_not_bring_generated_takes_into_the_test(people, tmp_path):
    out = expand(people, Copying(), wanted={"cl": 4}, out=tmp_path / "more")
    assert {key.subject for key in Packed(out, train=2).keys("test")} == {"002"}
    with pytest.raises(DataError, match=r"3 generated sequences are among the test sequences, e.g. 001/cl-01/090"):
        Packed(out, train=1).keys("test")


def test_subjects_without_a_coat(tmp_path):
    tiny_store(tmp_path / "store", subjects=3, without_coat=2)
    people = Packed(tmp_path / "store", train=2)
    made = Store.open(expand(people, GeneratorExpander(widen()), wanted={"cl": 3}, out=tmp_path / "gan")).generated
    assert [sum(key.subject == name for key in made) for name in ("000", "001")] == [2, 3]
    copied = Store.open(expand(people, Copying(), wanted={"cl": 3}, out=tmp_path / "copied"))
    assert {key.subject for key in copied.generated} == {"000"}
    assert copied.meta["generated"]["missing"] == ["001/cl"]


def test_unusable_frames_are_left_out_and_counted(people, tmp_path):
    class Fading(Widen):
        def generate(self, sources, labels, generator):
            frames = self.to_unit(sources)
            frames[::2] = -1
            return frames

    expander = GeneratorExpander(Fading(subjects=("000", "001"), conditions=("cl", "nm"), views=("090",)))
    store = Store.open(expand(people, expander, wanted={"cl": 2}, out=tmp_path / "more"))
    assert store.meta["dropped"] == {"generated: empty": 8}
    assert {line["dropped"] for line in store.generated.values()} == {4}


def test_covering_only_adds_to_the_source(people, tmp_path):
    class Elsewhere(Widen):
        def generate(self, sources, labels, generator):
            return self.to_unit(sources.flip(2))

    model = Elsewhere(subjects=("000", "001"), conditions=("cl", "nm"), views=("090",))
    source = people.store().read(people.store().keys[0])
    wanted = SequenceKey(source.key.subject, "cl", "09", "090")
    covered, dropped = GeneratorExpander(model, cover=True).make(source, wanted, np.random.default_rng(0))
    either = np.maximum(source.frames, source.frames[:, :, ::-1])
    expected, _ = clean_frames(either[:, 0], 64)
    assert not dropped
    assert np.array_equal(covered, expected)
    plain, _ = GeneratorExpander(model).make(source, wanted, np.random.default_rng(0))
    assert covered.sum() > plain.sum()
    store = Store.open(expand(people, GeneratorExpander(model, cover=True), wanted={"cl": 2}, out=tmp_path / "more"))
    assert store.meta["generated"]["cover"] is True


def test_what_does_not_follow_its_source_cannot_cover_it():
    model = widen()
    model.ordered = False
    with pytest.raises(RecipeError, match="frames by Widen do not follow their sources"):
        GeneratorExpander(model, cover=True)


def test_what_cannot_be_made_is_refused(people, tmp_path):
    out = tmp_path / "more"
    with pytest.raises(DataError, match=r"nothing to make: every training subject already has .* \({'cl': 1}\)"):
        expand(people, Copying(), wanted={"cl": 1}, out=out)
    with pytest.raises(DataError, match=r"nothing to make: no rain to start from for 000/cl, 001/cl; .* of cl, nm$"):
        expand(people, MorphologicalCoat(source_condition="rain"), wanted={"cl": 2}, out=out)
    with pytest.raises(DataError, match="condition 'bg' is none of"):
        expand(people, GeneratorExpander(widen()), wanted={"bg": 1}, out=out)
    with pytest.raises(RecipeError, match="at least 1 of a named"):
        expand(people, Copying(), wanted={"cl": 0}, out=out)
    with pytest.raises(RecipeError, match="seed"):
        expand(people, Copying(), wanted={"cl": 4}, out=out, seed=-1)
    expand(people, Copying(), wanted={"cl": 4}, out=out)
    with pytest.raises(DataError, match="already exists"):
        expand(people, Copying(), wanted={"cl": 4}, out=out)
    with pytest.raises(DataError, match="already holds generated takes"):
        plan(Packed(out, train=2), None, {"cl": 6})


def test_a_condition_that_nobody_was_recorded_in(tmp_path):
    with StoreWriter(tmp_path / "store") as writer:
        for condition in ("normal", "rain"):
            clip = np.stack([person(0, "nm", 0)])[:, None]
            writer.add(Clip(clip, SequenceKey("000", condition, "01", "090")))
    people, coat = Packed(tmp_path / "store", train=1), MorphologicalCoat(source_condition="normal")
    with pytest.raises(DataError, match="wanted is 'rian', expected one of normal, rain; did you mean rain"):
        expand(people, Copying(), wanted={"rian": 4}, out=tmp_path / "more")
    with pytest.raises(DataError, match="wanted is 'cl', expected one of normal, rain, the recorded conditions"):
        expand(people, NoiseInjection(), wanted={"cl": 4}, out=tmp_path / "more")
    for new, advice in (("cl", ""), ("normal-coat", r"; did you mean normal\?")):
        with pytest.warns(UserWarning, match=f"no recording in '{new}': .* made from 'normal' alone{advice}$"):
            made = Store.open(expand(people, coat, wanted={new: 2}, out=tmp_path / new)).generated
        assert {(key.condition, line["source"]) for key, line in made.items()} == {(new, "000/normal-01/090")}


def test_takes_of_a_condition_without_a_name_are_dressed_too(tmp_path):
    with StoreWriter(tmp_path / "store") as writer:
        for key in ou_mvlp_keys():
            writer.add(Clip(np.stack([person(0, "nm", 0)])[:, None], key))
    people = Packed(tmp_path / "store", train=["00001"])
    with pytest.warns(UserWarning, match="no recording in 'cl'"):
        out = expand(people, MorphologicalCoat(source_condition=""), wanted={"cl": 2}, out=tmp_path / "more")
    made = Packed(out).generated
    views = ("000", "090", "270")
    assert set(map(str, made)) == {f"00001/cl-{take}/{view}" for take in ("01", "02") for view in views}
    assert {SequenceKey.parse(line["source"]).condition for line in made.values()} == {""}


def test_generated_takes_do_not_move_the_gallery(people, tmp_path):
    out = expand(people, Copying(), wanted={"cl": 9}, out=tmp_path / "more")
    assert Packed(out, train=2).protocols["default"].gallery == people.protocols["default"].gallery


def test_a_damaged_manifest_is_one_line(people, tmp_path):
    out = expand(people, Copying(), wanted={"cl": 4}, out=tmp_path / "more")
    (out / "generated.jsonl").write_text(json.dumps({"key": "999/cl-01/090"}) + "\n")
    with pytest.raises(DataError, match="expand the data set again"):
        Store.open(out)


def test_whose_frames_have_no_order_says_so(people, tmp_path):
    class Shuffled(Widen):
        ordered = False

    model = Shuffled(subjects=("000", "001"), conditions=("cl", "nm"), views=("090",))
    store = Store.open(expand(people, GeneratorExpander(model), wanted={"cl": 2}, out=tmp_path / "more"))
    assert not store.ordered
    assert people.store().ordered


def test_wide_and_low_frames(tmp_path):
    from tests.data.miniatures import random_clip

    expander = GeneratorExpander(widen(subjects=("a",)))
    key, rng = SequenceKey("a", "cl", "01", "090"), np.random.default_rng(0)
    wide = random_clip(SequenceKey("a", "nm", "01", "090"), 3, shape=(1, 64, 80))
    wide.frames[:] = 0
    wide.frames[:, :, :, 30:50] = 255
    frames, dropped = expander.make(wide, key, rng)
    assert frames.shape == (3, 1, 64, 80)
    assert frames[..., 33:47].min() == 255
    assert not dropped
    with pytest.raises(DataError, match="expected 1 x 64 x 64"):
        expander.make(random_clip(SequenceKey("a", "nm", "01", "090"), 3), key, rng)


def test_it_does_not_go_on_from_other_recordings_of_the_same_names(tmp_path):
    def stop(done, total):
        raise KeyboardInterrupt

    stores = []
    for bright in (200, 255):
        with StoreWriter(tmp_path / str(bright)) as writer:
            for subject, condition in (("000", "nm"), ("000", "cl"), ("001", "nm")):
                frames = np.minimum(np.stack([person(0, condition, 0)])[:, None], np.uint8(bright))
                writer.add(Clip(frames, SequenceKey(subject, condition, "01", "090")))
        stores.append(Packed(tmp_path / str(bright), train=1))
    with pytest.raises(KeyboardInterrupt):
        expand(stores[0], Copying(), wanted={"cl": 4}, out=tmp_path / "more", progress=stop)
    with pytest.raises(DataError, match="other settings"):
        expand(stores[1], Copying(), wanted={"cl": 4}, out=tmp_path / "more")


@pytest.mark.parametrize("bf16", [False, True])
def test_a_generator_computes_in_bf16_only_if_asked(people, bf16):
    seen = []

    class Asking(Widen):
        def generate(self, sources, labels, generator):
            seen.append((torch.is_autocast_enabled("cpu"), torch.get_autocast_dtype("cpu")))
            return self.to_unit(sources)

    model = Asking(subjects=("000", "001"), conditions=("cl", "nm"), views=("090",))
    source = people.store().read(people.store().keys[0])
    wanted = SequenceKey(source.key.subject, "cl", "09", "090")
    GeneratorExpander(model, bf16=bf16).make(source, wanted, np.random.default_rng(0))
    assert [enabled for enabled, _ in seen] == [bf16]
    assert not bf16 or seen[0][1] == torch.bfloat16

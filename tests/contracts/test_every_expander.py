"""What every expander promises, on two rendered training subjects seen from two sides; it finds them by itself."""

import importlib
import inspect
import pkgutil
from collections import Counter
from collections.abc import Callable, Mapping

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import walkprint.generation
from walkprint.core.sequence import Clip, SequenceKey
from walkprint.data.packed import Packed
from walkprint.data.prepare import prepare
from walkprint.data.store import Store
from walkprint.data.walkers import Variety, Walkers
from walkprint.generation.base import GenerativeModel
from walkprint.generation.baselines import Copying, MorphologicalCoat, NoiseInjection
from walkprint.generation.draped_coat import DrapedCoat
from walkprint.generation.expand import expand
from walkprint.generation.expander import Alternating, Expander, GeneratorExpander
from walkprint.generation.rerendering import Rerendering

VIEWS = ("000", "090")
PERFECT = Variety(noise=0.0)


class Lifted(GenerativeModel):
    """A generator without training: frames of the source a little brighter, at random and by condition."""

    ordered = True

    def __init__(self, **names: object) -> None:
        super().__init__(**names)
        self.table = nn.Embedding(len(self.names.conditions), 1)
        nn.init.constant_(self.table.weight, 0.5)

    def stages(self) -> tuple[()]:
        return ()

    def generate(self, sources: Tensor, labels: object, generator: torch.Generator) -> Tensor:
        lift = self.table(labels.conditions)[:, :, None, None] * torch.rand(1, generator=generator)
        return self.to_unit(sources) + 0.1 * lift


MAKERS: Mapping[type[Expander], Callable[[], Expander]] = {
    Copying: Copying,
    NoiseInjection: NoiseInjection,
    MorphologicalCoat: MorphologicalCoat,
    DrapedCoat: DrapedCoat,
    Rerendering: lambda: Rerendering(variety=PERFECT),
    GeneratorExpander: lambda: GeneratorExpander(Lifted(subjects=("001", "002"), conditions=("cl", "nm"), views=VIEWS)),
    Alternating: lambda: Alternating([MAKERS[GeneratorExpander](), MorphologicalCoat()]),
}


def every_expander() -> list[type[Expander]]:
    for module in pkgutil.iter_modules(walkprint.generation.__path__, "walkprint.generation."):
        importlib.import_module(module.name)
    found, todo = set(), [Expander]
    while todo:
        for kind in todo.pop().__subclasses__():
            todo.append(kind)
            if kind.__module__.startswith("walkprint.") and not inspect.isabstract(kind):
                found.add(kind)
    return sorted(found, key=lambda kind: kind.__name__)


@pytest.fixture(params=every_expander(), ids=lambda kind: kind.__name__)
def kind(request: pytest.FixtureRequest) -> type[Expander]:
    return request.param


@pytest.fixture
def expander(kind: type[Expander]) -> Expander:
    return MAKERS.get(kind, kind)()


@pytest.fixture
def people(tmp_path) -> Packed:
    """Three subjects, the last of whom tests, with two takes of normal walking and one in a coat from two sides."""
    walkers = Walkers(subjects=3, train=2, views=VIEWS, takes={"nm": 2, "cl": 1}, frames=4, variety=PERFECT)
    return prepare(walkers, tmp_path / "store", workers=1)


def takes(expander: Expander, people: Packed, seed: int = 0) -> list[tuple[Clip, np.ndarray, Counter[str]]]:
    """One take of the first subject in a coat, made from each view: source, frames, and what was left out."""
    made = []
    for view in VIEWS:
        source = people.store().read(SequenceKey("001", expander.source_condition or "cl", "01", view))
        wanted = SequenceKey("001", "cl", "02", view)
        made.append((source, *expander.make(source, wanted, np.random.default_rng(seed))))
    return made


def test_every_expander_has_a_maker() -> None:
    without = {kind.__name__ for kind in every_expander() if kind not in MAKERS}
    assert not without, f"add to MAKERS how it is built: {', '.join(sorted(without))}"


def test_frames_are_those_of_a_clip_and_the_source_stays_as_it_was(expander, people):
    for source, frames, dropped in takes(expander, people):
        again = people.store().read(source.key)
        np.testing.assert_array_equal(source.frames, again.frames)
        assert frames.dtype == np.uint8
        assert frames.shape[1:] == source.frames.shape[1:]
        assert not np.shares_memory(frames, source.frames)
        assert isinstance(dropped, Counter)
        if expander.ordered:
            assert len(frames) + sum(dropped.values()) == len(source)
        assert frames.any()


def test_chance_comes_from_the_generator_alone(expander, people):
    for (_, first, _), (_, second, _) in zip(takes(expander, people, 1), takes(expander, people, 1), strict=True):
        np.testing.assert_array_equal(first, second)


def test_it_says_whether_frames_are_ordered_what_it_starts_from_and_what_it_is(expander, kind):
    assert isinstance(expander.ordered, bool)
    assert expander.source_condition is None or expander.source_condition
    assert expander.name
    assert expander.digest == MAKERS.get(kind, kind)().digest
    assert len(expander.digest) == 12
    int(expander.digest, 16)


def test_recordings_stay_and_training_subjects_get_takes_of_all_views(expander, people, tmp_path):
    told = []
    out = expand(
        people, expander, wanted={"cl": 3}, out=tmp_path / "more", seed=3, progress=lambda *done: told.append(done)
    )
    before, after = people.store(), Store.open(out)
    for key in before.keys:
        assert before.stored(key) == after.stored(key)
        assert before.lengths[before.index(key)] == after.lengths[after.index(key)]
    rates = (before.frame_rates_hz, after.frame_rates_hz[[after.index(key) for key in before.keys]])
    np.testing.assert_array_equal(*rates)
    assert after.verify() == []
    new = set(after.keys) - set(before.keys)
    assert new == {SequenceKey(s, "cl", t, view) for s in ("001", "002") for t in ("02", "03") for view in VIEWS}
    assert new == set(after.generated)
    assert told == [(i, 8) for i in range(1, 9)]
    for key, line in after.generated.items():
        source = SequenceKey.parse(line["source"])
        assert (source.subject, source.view) == (key.subject, key.view)
        assert source.condition == (expander.source_condition or "cl")
    assert before.meta.items() >= {"dataset": after.meta["dataset"], "settings": after.meta["settings"]}.items()
    assert after.meta["generated"]["wanted"] == {"cl": 3}
    assert after.ordered == expander.ordered


def test_it_is_documented(kind):
    assert inspect.getdoc(kind) != inspect.getdoc(Expander)

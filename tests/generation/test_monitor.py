"""The watch: 1 for frames that differ and show their labels as real ones do, 0 for a collapse or for lost labels."""

import warnings
from pathlib import Path

import pytest
import torch
from tests.generation.miniatures import person, tiny_store
from torch import Tensor

from walkprint.core.errors import RecipeError, TrainingError
from walkprint.generation.base import GenerativeModel, Stage
from walkprint.generation.batches import FrameBatches
from walkprint.generation.labels import Labels
from walkprint.generation.monitor import DiversityMonitor


class Coats(GenerativeModel):
    """Draws coats of its own at `swing` times as many different phases as there are."""

    ordered = False

    def __init__(self, batches: FrameBatches, phases: int) -> None:
        names = batches.names
        super().__init__(subjects=names.subjects, conditions=names.conditions, views=names.views)
        self.phases, self.unused = phases, torch.nn.Linear(1, 1)

    def stages(self) -> list[Stage]:
        return []

    def generate(self, sources: Tensor, labels: Labels, generator: torch.Generator) -> Tensor:
        phases = torch.randint(self.phases, (len(sources),), generator=generator).tolist()
        frames = [person(subject, "cl", phase) for subject, phase in zip(labels.subjects.tolist(), phases, strict=True)]
        return self.to_unit(torch.stack([torch.from_numpy(frame) for frame in frames]).unsqueeze(1))


class Told(Coats):
    """Draws what its sources show with a probability of `lost`, else coats; tells real coats by their width."""

    def __init__(self, batches: FrameBatches, *, lost: float = 0.0, always: int | None = None) -> None:
        super().__init__(batches, 8)
        self.lost, self.always = lost, always

    def generate(self, sources: Tensor, labels: Labels, generator: torch.Generator) -> Tensor:
        coats, keep = super().generate(sources, labels, generator), torch.rand(len(sources), generator=generator)
        return torch.where(keep.view(-1, 1, 1, 1) < self.lost, self.to_unit(sources), coats)

    def classify_conditions(self, frames: Tensor) -> Tensor:
        middle = (frames[:, 0, 31] > 127).sum(1)  # 28 pixels of a coat, 16 without
        return (middle < 22).long() if self.always is None else torch.full((len(frames),), self.always)


@pytest.fixture(scope="module")
def batches(tmp_path_factory: pytest.TempPathFactory) -> FrameBatches:
    store = tiny_store(tmp_path_factory.mktemp("people") / "store", without_coat=1)
    return FrameBatches(store, store.keys)


def test_diversity(batches: FrameBatches) -> None:
    watch = DiversityMonitor(pairs=200)
    assert watch.measure(Coats(batches, 8), batches, 0)["diversity"] == pytest.approx(1, abs=0.2)
    assert watch.measure(Coats(batches, 1), batches, 0)["diversity"] == 0
    assert watch.measure(Coats(batches, 8), batches, 3) == watch.measure(Coats(batches, 8), batches, 3)


def test_labels_that_are_kept_and_lost(batches: FrameBatches) -> None:
    watch = DiversityMonitor(pairs=200)
    assert batches.names.conditions == ("cl", "nm")
    for lost in (0.0, 0.5, 1.0):
        found = watch.measure(Told(batches, lost=lost), batches, 0)
        assert found["labels"] == pytest.approx(1 - lost, abs=0.1 * (0 < lost < 1))
    kept = watch.measure(Told(batches, lost=0.5), batches, 3)
    assert kept == watch.measure(Told(batches, lost=0.5), batches, 3)
    assert kept != watch.measure(Told(batches, lost=0.5), batches, 4)


def test_who_cannot_tell_real_coats_is_not_asked(batches: FrameBatches) -> None:
    watch = DiversityMonitor()
    silent, coats, normal = Coats(batches, 8), Told(batches, always=0), Told(batches, always=1)
    for model in (silent, coats, normal):
        assert set(watch.measure(model, batches, 0)) == {"diversity"}
    assert silent.classify_conditions(batches.batch(0).frames) is None


def test_diversity_is_the_same_whether_or_not_labels_are_measured(batches: FrameBatches) -> None:
    watch = DiversityMonitor()
    found = watch.measure(Told(batches), batches, 5)
    assert found.pop("labels") == 1
    assert found == watch.measure(Told(batches, always=1), batches, 5)


def test_judgement_of_labels() -> None:
    watch = DiversityMonitor(stop_below=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        watch.check({"diversity": 1.0, "labels": 0.75}, 7)
        DiversityMonitor(labels_below=0).check({"diversity": 1.0, "labels": 0.0}, 7)
    with pytest.warns(UserWarning, match=r"step 7: .* 0\.60 times .* at least 0\.7: labels drift; .*guard_weight"):
        watch.check({"diversity": 1.0, "labels": 0.6}, 7)
    with pytest.warns(UserWarning, match="collapses"), pytest.warns(UserWarning, match="drift"):
        watch.check({"diversity": 0.0, "labels": 0.0}, 7)


def test_judgement() -> None:
    watch = DiversityMonitor(warn_below=0.4, stop_below=0.1)
    watch.check({"diversity": 0.5}, 7)
    watch.check({}, 7)
    with pytest.warns(UserWarning, match=r"step 7: .* 0\.300 times"):
        watch.check({"diversity": 0.3}, 7)
    with pytest.raises(TrainingError, match="collapses"):
        watch.check({"diversity": 0.05}, 7)


def test_without_a_rare_condition_there_is_nothing_to_measure(batches: FrameBatches) -> None:
    normal = FrameBatches(batches.store, [key for key in batches.keys if key.condition == "nm"])
    assert DiversityMonitor().measure(Coats(normal, 1), normal, 0) == {}


def test_diversity_where_nobody_has_both_conditions(batches: FrameBatches) -> None:
    wearer = batches.names.subjects[0]
    apart = FrameBatches(
        batches.store, [key for key in batches.keys if (key.condition == "cl") == (key.subject == wearer)]
    )
    assert DiversityMonitor(pairs=200).measure(Coats(apart, 1), apart, 0)["diversity"] == 0
    assert DiversityMonitor(pairs=200).measure(Coats(apart, 8), apart, 0)["diversity"] > 0.3


def test_refusals(tmp_path: Path) -> None:
    for settings in (
        {"every": 0},
        {"pairs": 0},
        {"stop_below": 0.5, "warn_below": 0.4},
        {"stop_below": -1},
        {"labels_below": -1},
    ):
        with pytest.raises(RecipeError, match="DiversityMonitor"):
            DiversityMonitor(**settings)

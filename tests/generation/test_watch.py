"""The watch over diversity: 1 for frames as different as real ones, 0 for a collapse."""

from pathlib import Path

import pytest
import torch
from tests.generation.trees import person, tiny_store
from torch import Tensor

from walkprint.core.errors import RecipeError, TrainingError
from walkprint.generation.base import GenerativeModel, Stage
from walkprint.generation.batches import FrameBatches
from walkprint.generation.labels import Labels
from walkprint.generation.watch import DiversityMonitor


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


@pytest.fixture(scope="module")
def batches(tmp_path_factory: pytest.TempPathFactory) -> FrameBatches:
    store = tiny_store(tmp_path_factory.mktemp("people") / "store", without_coat=1)
    return FrameBatches(store, store.keys)


def test_diversity(batches: FrameBatches) -> None:
    watch = DiversityMonitor(pairs=200)
    assert watch.measure(Coats(batches, 8), batches, 0)["diversity"] == pytest.approx(1, abs=0.2)
    assert watch.measure(Coats(batches, 1), batches, 0)["diversity"] == 0
    assert watch.measure(Coats(batches, 8), batches, 3) == watch.measure(Coats(batches, 8), batches, 3)


def test_judgement() -> None:
    watch = DiversityMonitor(warn_below=0.4, stop_below=0.1)
    watch.judge({"diversity": 0.5}, 7)
    watch.judge({}, 7)
    with pytest.warns(UserWarning, match=r"step 7: .* 0\.30 times"):
        watch.judge({"diversity": 0.3}, 7)
    with pytest.raises(TrainingError, match="collapses"):
        watch.judge({"diversity": 0.05}, 7)


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
    for settings in ({"every": 0}, {"pairs": 0}, {"stop_below": 0.5, "warn_below": 0.4}, {"stop_below": -1}):
        with pytest.raises(RecipeError, match="DiversityMonitor"):
            DiversityMonitor(**settings)

"""What every generator promises, for whichever modules the package holds."""

import copy
import importlib
import inspect
import pkgutil
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from itertools import groupby, product
from pathlib import Path

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from tests.generation.miniatures import person
from torch import Tensor, nn
from torch.optim import Optimizer

import walkprint.generation
from walkprint.core.errors import DataError
from walkprint.core.sequence import Clip, SequenceKey
from walkprint.data.store import Store
from walkprint.data.writing import StoreWriter
from walkprint.generation.base import GenerativeModel, Phase, Stage
from walkprint.generation.batches import FrameBatches, GeneratorBatch
from walkprint.generation.labels import Labels
from walkprint.generation.monitor import DiversityMonitor
from walkprint.losses.base import LossValue
from walkprint.recipes.trained import load_generator
from walkprint.training.fit_generator import GeneratorResult, fit_generator
from walkprint.training.generator_learner import GeneratorLearner
from walkprint.training.loop import Loop

STEPS = 12
SMALL = {"widths": (4, 4, 8, 8), "latent": 8, "latent_size": 8, "projection": 8, "hidden": 8, "people": 3}


def every_generator() -> list[type[GenerativeModel]]:
    found = set()
    for module in pkgutil.iter_modules(walkprint.generation.__path__, "walkprint.generation."):
        for _, kind in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if issubclass(kind, GenerativeModel) and not inspect.isabstract(kind):
                found.add(kind)
    return sorted(found, key=lambda kind: kind.__name__)


def settings(kind: type[GenerativeModel]) -> dict[str, object]:
    """Sizes for a test; a setting that is no number by default is none of a size."""
    known = inspect.signature(kind).parameters
    return {name: value for name, value in SMALL.items() if name in known and not isinstance(known[name].default, str)}


def build(kind: type[GenerativeModel], batches: FrameBatches) -> GenerativeModel:
    torch.manual_seed(0)
    names = batches.names
    return kind(subjects=names.subjects, conditions=names.conditions, views=names.views, **settings(kind))


def fit(kind: type[GenerativeModel], batches: FrameBatches, run: Path, **changes: object) -> GeneratorResult:
    arguments = {"watch": DiversityMonitor(every=STEPS, pairs=2, warn_below=0, stop_below=0), **changes}
    own = {one.name: arguments.pop(one.name) for one in fields(Loop) if one.name in arguments}
    loop = Loop(**{"steps": STEPS, "seed": 1, "accelerator": "cpu", "ema_decay": 0.999, "log_every": 1, **own})
    return fit_generator(build(kind, batches), batches, loop, run, **arguments)


def entered(model: GenerativeModel, batches: FrameBatches) -> Iterator[Stage]:
    """The stages one after another, each begun when it is given."""
    for stage in model.stages():
        if stage.begin is not None:
            model.eval()
            with torch.no_grad():
                stage.begin(batches)
        model.train()
        yield stage


@pytest.fixture(scope="module", params=every_generator(), ids=lambda kind: kind.__name__)
def kind(request) -> type[GenerativeModel]:
    return request.param


@pytest.fixture(scope="module")
def batches(tmp_path_factory) -> FrameBatches:
    """Three subjects, the last of whom was never seen in a coat, from two sides."""
    folder = tmp_path_factory.mktemp("people") / "store"
    with StoreWriter(folder) as writer:
        for subject, take, view in product(range(3), range(4), range(2)):
            condition = "cl" if take == 3 and subject < 2 else "nm"
            clip = np.stack([np.roll(person(subject, condition, i + take), 5 * view, 1) for i in range(8)])
            writer.add(Clip(clip[:, None], SequenceKey(f"{subject:03d}", condition, str(take), f"{90 * view:03d}")))
    store = Store.open(folder)
    return FrameBatches(store, store.keys, batch_size=6)


@pytest.fixture(scope="module")
def trained(kind, batches, tmp_path_factory) -> GeneratorResult:
    return fit(kind, batches, tmp_path_factory.mktemp(kind.__name__) / "run")


def every_label(batches: FrameBatches, condition: int | None = None) -> Labels:
    """Every subject in every condition, or in one, from every view."""
    sizes = (len(batches.names.subjects), len(batches.names.conditions), len(batches.names.views))
    found = torch.cartesian_prod(*(torch.arange(size) for size in sizes))
    if condition is not None:
        found[:, 1] = condition
    return Labels(*found.T)


def sources(labels: Labels, batches: FrameBatches, step: int = 0) -> Tensor:
    rows = torch.arange(len(labels)) % len(batches.batch(step))
    return batches.batch(step).sources[rows]


@torch.no_grad()
def made(model: GenerativeModel, taken: Tensor, labels: Labels, seed: int = 0) -> Tensor:
    return model.eval().generate(taken, labels, torch.Generator().manual_seed(seed))


def test_there_are_some():
    names = {"AEGuidedGAN", "ACGAN", "ReACGAN", "BAGAN", "BAGANGP", "LatentFlow", "SDEdit", "Draper"}
    assert names <= {kind.__name__ for kind in every_generator()}


def test_stages_share_the_steps(kind, batches):
    stages = build(kind, batches).stages()
    assert sum(stage.share for stage in stages) == pytest.approx(1)
    assert all(stage.share > 0 and stage.phases for stage in stages)
    for names in ([stage.name for stage in stages], *([phase.name for phase in stage.phases] for stage in stages)):
        assert len(set(names)) == len(names)


def learner(model: GenerativeModel, batches: FrameBatches, steps: int, **settings: object) -> GeneratorLearner:
    return GeneratorLearner(Fabric(accelerator="cpu", devices=1), model, batches, Loop(steps=steps, **settings))


class Watched:
    """A model whose phases look after themselves; `moved` lists stage and phase, and what moved, of every one."""

    def __init__(self, model: GenerativeModel) -> None:
        self.model, self.moved = model, []
        stages = [
            replace(stage, phases=tuple(self._watched(stage, phase) for phase in stage.phases))
            for stage in model.stages()
        ]
        model.stages = lambda: stages

    def _watched(self, stage: Stage, phase: Phase) -> Phase:
        def loss(batch: GeneratorBatch, generator: torch.Generator) -> LossValue:
            own = {id(one) for one in phase.parameters()}
            for name, one in self.model.named_parameters():
                assert one.requires_grad == (id(one) in own), f"{name} in {phase.name}"
                assert one.grad is None, f"{name} brings a gradient to {phase.name}"
            return phase.loss(batch, generator)

        def optimizer(parameters: Sequence[nn.Parameter]) -> Optimizer:
            assert {id(one) for one in parameters} == {id(one) for one in phase.parameters()}
            made, before = phase.optimizer(parameters), {}

            def look(*_: object) -> None:
                before.update({name: one.detach().clone() for name, one in self.model.named_parameters()})

            def compare(*_: object) -> None:
                names = {name for name, one in self.model.named_parameters() if not torch.equal(one, before[name])}
                self.moved.append(((stage.name, phase.name), names))

            made.register_step_pre_hook(look)
            made.register_step_post_hook(compare)
            return made

        return replace(phase, loss=loss, optimizer=optimizer)


def test_training_moves_in_each_phase_exactly_its_parameters(kind, batches):
    model, ever = build(kind, batches), set()
    stages, watched = model.stages(), Watched(model)
    trained, steps = learner(model, batches, STEPS), []
    for step in range(1, STEPS + 1):
        before = len(watched.moved)
        trained.learn(step)
        steps.append([place for place, _ in watched.moved[before:]])
    orders = [[(stage.name, phase.name) for phase in stage.phases for _ in range(phase.repeats)] for stage in stages]
    assert [order for order, _ in groupby(steps)] == orders
    names = {id(one): name for name, one in model.named_parameters()}
    for stage in stages:
        seen: set[str] = set()
        for phase in stage.phases:
            own = {names[id(one)] for one in phase.parameters()}
            assert own
            assert not seen & own, "two phases of a stage share parameters"
            seen |= own
            found = [moved for place, moved in watched.moved if place == (stage.name, phase.name)]
            assert all(moved <= own for moved in found)
            # A bias may stand still at first: in a hinge that all frames are within, real and generated ones cancel.
            assert all({name for name in own if model.get_parameter(name).ndim > 1} <= moved for moved in found)
        ever |= seen
    assert ever == set(names.values()), "parameters that no phase trains"


def test_the_average_follows_the_weights(kind, batches):
    trained = learner(build(kind, batches), batches, 50, ema_decay=0.3)
    average = {name: value.clone() for name, value in trained.model.state_dict().items()}
    for step, decay in ((1, 2 / 11), (2, 3 / 12), (3, 0.3), (4, 0.3)):  # (1 + step) / (10 + step), while below
        trained.learn(step)
        for name, value in trained.model.state_dict().items():
            kept = decay * average[name] + (1 - decay) * value if value.is_floating_point() else value
            average[name] = kept.clone()
            torch.testing.assert_close(trained.best.state_dict()[name], kept, msg=name)


@pytest.mark.parametrize("half", [False, True])
def test_losses_are_finite_in_float32_and_draw_from_their_generator_alone(kind, batches, half):
    model = build(kind, batches)
    for number, stage in enumerate(entered(model, batches)):
        for place in range(len(stage.phases)):
            values = []
            for seed in (0, 1):  # a copy each: forward passes move running statistics
                phase = copy.deepcopy(model).stages()[number].phases[place]
                torch.manual_seed(seed)
                with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
                    judged = phase.loss(batches.batch(1), torch.Generator().manual_seed(0))
                assert judged.value.shape == ()
                assert judged.value.dtype == torch.float32
                assert all(not one.requires_grad and one.isfinite() for one in judged.numbers.values())
                values.append(judged.value.item())
            assert values[0] == values[1]
            assert torch.tensor(values).isfinite().all()


def test_samples_are_gray_frames_of_every_label(trained, batches):
    labels = every_label(batches)
    taken = sources(labels, batches)
    trained.model.train()
    frames = trained.model.sample(taken, labels, torch.Generator())
    assert trained.model.training, "sampling left the model in another mode"
    assert frames.shape == (len(labels), 1, 64, 64)
    assert frames.dtype == torch.uint8
    assert not frames.requires_grad
    inside = made(trained.model, taken, labels)
    assert inside.isfinite().all()
    assert inside.min() >= -1
    assert inside.max() <= 1
    assert inside.flatten(1).std(1).min() > 0, "an empty frame"


def test_samples_of_wrong_frames_are_refused_and_of_none_are_none(trained, batches):
    labels = every_label(batches)
    taken = sources(labels, batches)
    for wrong in (taken.float(), taken[..., :44], taken[:-1], taken[:, 0]):
        with pytest.raises(DataError, match=f"{type(trained.model).__name__}: sources are .*expected"):
            trained.model.sample(wrong, labels, torch.Generator())
    none = trained.model.sample(taken[:0], labels[:0], torch.Generator())
    assert (none.shape, none.dtype) == ((0, 1, 64, 64), torch.uint8)


def test_seeded_samples_repeat(trained, batches):
    labels = every_label(batches)
    taken, (first, second) = sources(labels, batches), (torch.Generator().manual_seed(4) for _ in "ab")
    for _ in range(2):  # the second time from where the generators stand then
        torch.testing.assert_close(
            trained.model.sample(taken, labels, first), trained.model.sample(taken, labels, second), rtol=0, atol=0
        )


def test_labels_steer(trained, batches):
    normal, coat = (every_label(batches, condition) for condition in (0, 1))
    taken = sources(normal, batches)
    assert not torch.equal(made(trained.model, taken, normal), made(trained.model, taken, coat))


def test_order_is_honest(trained, batches):
    labels = every_label(batches)
    one, other = (sources(labels, batches, step) for step in (0, 1))
    steered = not torch.equal(made(trained.model, one, labels), made(trained.model, other, labels))
    assert trained.model.ordered == steered, "ordered means that frames follow their sources, and unordered that not"
    if not trained.model.ordered:
        assert not torch.equal(made(trained.model, one, labels, seed=1), made(trained.model, one, labels, seed=2))


def test_a_finished_generator_survives_its_files(trained, batches):
    labels = every_label(batches)
    taken, again = sources(labels, batches), load_generator(trained.run.path)
    assert again.names == trained.model.names
    torch.testing.assert_close(made(again, taken, labels), made(trained.model.cpu(), taken, labels), rtol=0, atol=0)


class _Kill(Exception):
    pass


def _killed_after(step: int):
    def listen(now: int, numbers: object) -> None:
        if now == step + 1:  # before the checkpoint of this step is written
            raise _Kill

    return listen


@pytest.mark.parametrize("deaths", [(1, 6), (3, 8)])
def test_killed_and_resumed_is_as_if_never_killed(kind, batches, trained, tmp_path, deaths: Sequence[int]):
    for step in deaths:
        with pytest.raises(_Kill):
            fit(kind, batches, tmp_path / "run", checkpoint_every=1, listeners=[_killed_after(step)])
    resumed = fit(kind, batches, tmp_path / "run", checkpoint_every=1).model.state_dict()
    for name, value in trained.model.state_dict().items():
        torch.testing.assert_close(resumed[name], value, rtol=0, atol=0, msg=name)


def test_one_condition_is_enough(kind, batches, tmp_path):
    keys = [key for key in batches.keys if key.condition == "nm"]
    alone = FrameBatches(batches.store, keys, batch_size=4)
    model = fit(kind, alone, tmp_path / "run").model
    labels = every_label(alone)
    assert made(model, sources(labels, alone), labels).isfinite().all()


def test_settings_are_keyword_only_with_defaults_and_unknown_ones_refused(kind, batches):
    for name, parameter in inspect.signature(kind).parameters.items():
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:  # the names, which the base class takes
            continue
        assert parameter.kind is inspect.Parameter.KEYWORD_ONLY
        has_default = parameter.default is not inspect.Parameter.empty
        assert has_default == (name not in {"subjects", "conditions", "views"})
    with pytest.raises(TypeError):
        kind(subjects=["a"], conditions=["nm"], views=[""], no_such_setting=1)


def test_says_where_it_comes_from(kind):
    text = inspect.getmodule(kind).__doc__
    assert "Source:" in text
    assert "Deviations:" in text

"""What every loss promises, for whichever modules the package holds."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
import pytest
import torch

import walkprint.losses
from walkprint.core.batch import DisentangledCodes, GaitOutput
from walkprint.core.errors import DataError
from walkprint.losses.base import Loss, LossValue

SIZES = {"num_subjects": 3, "parts": 4, "features": 8}  # of what `output` makes
SUBJECTS = torch.tensor([0, 0, 1, 1, 2, 2, 2])
RECORDINGS = torch.tensor([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 0, 1], [1, 0, 0], [0, 1, 0], [1, 1, 1]])
"""Two subjects show both conditions from view 0, one shows only the second."""


def every_loss() -> list[type[Loss]]:
    found = set()
    for module in pkgutil.iter_modules(walkprint.losses.__path__, "walkprint.losses."):
        for _, kind in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if issubclass(kind, Loss) and not inspect.isabstract(kind) and not kind.__name__.startswith("_"):
                found.add(kind)
    return sorted(found, key=lambda kind: kind.__name__)


def build(kind: type[Loss], sizes: Mapping[str, int] = MappingProxyType(SIZES)) -> Loss:
    torch.manual_seed(0)
    settings = inspect.signature(kind).parameters
    return kind(**{name: size for name, size in sizes.items() if name in settings})


@pytest.fixture(params=every_loss(), ids=lambda kind: kind.__name__)
def kind(request) -> type[Loss]:
    return request.param


@pytest.fixture
def loss(kind) -> Loss:
    return build(kind)


def output(
    count: int = 7,
    *,
    dtype: torch.dtype = torch.float32,
    seed: int = 0,
    sizes: Mapping[str, int] = MappingProxyType(SIZES),
) -> GaitOutput:
    generator = torch.Generator().manual_seed(seed)
    parts, features, subjects = sizes["parts"], sizes["features"], sizes["num_subjects"]
    embeddings = torch.randn(count, parts, features, generator=generator).to(dtype).requires_grad_()
    logits = torch.randn(count, parts, subjects, generator=generator).to(dtype).requires_grad_()
    every = {"appearance": 5, "pose": 5, "canonical": 5, "frames": (1, 4, 2), "reconstruction": (1, 4, 2)}
    codes = {
        name: torch.randn((count, 6, *np.atleast_1d(shape)), generator=generator).to(dtype).requires_grad_()
        for name, shape in {**every, "gait_logits": subjects, "canonical_logits": subjects}.items()
    }
    return GaitOutput(embeddings, logits, DisentangledCodes(**codes))


def judge(loss: Loss, judged: GaitOutput, subjects: torch.Tensor, recordings: torch.Tensor = RECORDINGS) -> LossValue:
    """The loss with recordings where it needs them."""
    return loss(judged, subjects, *([recordings[: len(subjects)]] if loss.recordings_for else []))


def changed(judged: GaitOutput, change: Callable[[torch.Tensor], torch.Tensor]) -> GaitOutput:
    return GaitOutput.from_tensors({name: change(tensor) for name, tensor in judged.tensors().items()})


def gradient(value: torch.Tensor, judged: GaitOutput) -> torch.Tensor:
    grads = torch.autograd.grad(value, list(judged.tensors().values()), allow_unused=True)
    return torch.cat([grad.flatten() for grad in grads if grad is not None])


def test_there_are_some():
    assert {"TripletLoss", "CrossEntropyLoss", "ArcFaceLoss", "CenterLoss"} <= {kind.__name__ for kind in every_loss()}


def test_every_loss_builds_from_the_sizes_of_a_network():
    needs = {
        kind.__name__: [name for name, one in inspect.signature(kind).parameters.items() if one.default is one.empty]
        for kind in every_loss()
    }
    without = {name: settings for name, settings in needs.items() if set(settings) - set(SIZES)}
    assert not without, f"give these settings defaults, or `build` cannot make the loss: {without}"


def test_value_is_a_finite_scalar_and_numbers_are_detached(loss):
    judged = output()
    result = judge(loss, judged, SUBJECTS)
    assert result.value.shape == ()
    assert result.value.dtype == torch.float32
    assert result.value.isfinite()
    assert gradient(result.value, judged).abs().sum() > 0
    assert result.numbers
    for number in result.numbers.values():
        assert number.shape == ()
        assert not number.requires_grad
        assert number.isfinite()


def test_order_of_the_batch_does_not_matter(loss):
    judged = output()
    order = torch.tensor([3, 0, 6, 2, 5, 1, 4])
    shuffled = changed(judged, lambda tensor: tensor[order])
    found = judge(loss, shuffled, SUBJECTS[order], RECORDINGS[order])
    torch.testing.assert_close(judge(loss, judged, SUBJECTS).value, found.value)


def test_half_precision_is_judged_in_float32(loss):
    judged = output(dtype=torch.bfloat16)
    wide = changed(judged, torch.Tensor.float)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        result = judge(loss, judged, SUBJECTS)
    assert result.value.dtype == torch.float32
    torch.testing.assert_close(result.value, judge(loss, wide, SUBJECTS).value)


def test_gradients_are_the_same_again_with_several_threads(kind):
    sizes, draws = {"num_subjects": 8, "parts": 31, "features": 128}, torch.Generator().manual_seed(0)
    subjects = torch.arange(128) // 16
    recordings = torch.stack([torch.randint(0, high, (128,), generator=draws) for high in (2, 1, 3)], 1)
    loss, judged, before = build(kind, sizes), output(128, sizes=sizes), torch.get_num_threads()
    torch.set_num_threads(4)
    try:
        inputs = [*judged.tensors().values(), *loss.parameters()]
        found = [
            torch.autograd.grad(judge(loss, judged, subjects, recordings).value, inputs, allow_unused=True)
            for _ in range(4)
        ]
    finally:
        torch.set_num_threads(before)
    for one in found[1:]:
        assert all(a is b is None or torch.equal(a, b) for a, b in zip(found[0], one, strict=True))


@pytest.mark.parametrize("subjects", [[1], [1, 1, 1], [0, 1, 2], []])
def test_degenerate_batches_give_a_finite_value_on_the_graph(loss, subjects):
    judged = output(len(subjects))
    value = judge(loss, judged, torch.tensor(subjects, dtype=torch.int64)).value
    assert value.isfinite()
    assert gradient(value, judged).isfinite().all()


@pytest.mark.parametrize("subjects", [SUBJECTS[:-1], SUBJECTS.float(), SUBJECTS[:, None]], ids=["few", "float", "2D"])
def test_subjects_that_do_not_fit_are_refused(loss, subjects):
    with pytest.raises(DataError, match=f"{type(loss).__name__}: .*subjects.*expected"):
        loss(output(), subjects)


@pytest.mark.parametrize(
    "loss", [one for one in map(build, every_loss()) if one.recordings_for], ids=lambda one: type(one).__name__
)
def test_a_loss_that_needs_recordings_says_so(loss):
    for given in ([], [RECORDINGS[:3]], [RECORDINGS[:, :2]]):
        with pytest.raises(DataError, match=f"{type(loss).__name__}: {loss.recordings_for}, but recordings are"):
            loss(output(), SUBJECTS, *given)


def test_settings_are_keyword_only_and_all_but_sizes_have_defaults(loss):
    for parameter in inspect.signature(type(loss)).parameters.values():
        assert parameter.kind is inspect.Parameter.KEYWORD_ONLY
        assert parameter.default is not inspect.Parameter.empty or parameter.name in SIZES
    with pytest.raises(TypeError):
        type(loss)(no_such_setting=1, **{name: 1 for name in SIZES if name in inspect.signature(type(loss)).parameters})


def test_says_where_it_comes_from(loss):
    text = inspect.getmodule(type(loss)).__doc__
    assert "Source:" in text
    assert "Deviations:" in text

import pytest
import torch
import torch.nn.functional as F
from tests.oracles import adversarial as slow
from torch import Tensor

from walkprint.generation import adversarial as ours

RNG = torch.Generator().manual_seed(0)
REAL, FAKE = (torch.randn(count, 1, generator=RNG, dtype=torch.float64) * 2 for count in (5, 3))


def test_non_saturating_equals_the_slow_twin():
    told, made = slow.non_saturating(REAL.flatten().tolist(), FAKE.flatten().tolist())
    assert ours.non_saturating_discriminator(REAL, FAKE).item() == pytest.approx(told)
    assert ours.non_saturating_generator(FAKE).item() == pytest.approx(made)


def test_hinge_equals_the_slow_twin():
    told, made = slow.hinge(REAL.flatten().tolist(), FAKE.flatten().tolist())
    assert ours.hinge_discriminator(REAL, FAKE).item() == pytest.approx(told)
    assert ours.hinge_generator(FAKE).item() == pytest.approx(made)


@pytest.mark.parametrize("name", ["non_saturating", "hinge"])
def test_extreme_logits_stay_finite_and_learn(name):
    real, fake = torch.full((2,), -1e4, requires_grad=True), torch.full((2,), 1e4, requires_grad=True)
    value = getattr(ours, f"{name}_discriminator")(real, fake)
    slopes = torch.autograd.grad(value, [real, fake])
    assert value.isfinite()
    torch.testing.assert_close(slopes, [torch.full((2,), -0.5), torch.full((2,), 0.5)])


def _score(frames: Tensor) -> Tensor:
    flat = frames.flatten(1)
    return (flat * torch.linspace(0, 1, flat.shape[1], dtype=flat.dtype)).sum(1, keepdim=True) + flat.square().sum(1)[
        :, None
    ].sin()


def test_gradient_penalty_equals_the_slow_twin_and_mixes_uniformly():
    real, fake = (torch.randn(4, 1, 3, 2, generator=RNG, dtype=torch.float64) for _ in "ab")
    shares = torch.rand(4, generator=torch.Generator().manual_seed(7)).tolist()
    found = ours.gradient_penalty(_score, real, fake, torch.Generator().manual_seed(7)).item()
    assert found == pytest.approx(slow.gradient_penalty(_score, real, fake, shares), rel=1e-5)


def test_gradient_penalty_teaches_the_scorer_and_not_the_frames():
    weight = torch.full((6,), 0.1, requires_grad=True)
    real, fake = torch.randn(4, 1, 3, 2), torch.randn(4, 1, 3, 2, requires_grad=True)
    value = ours.gradient_penalty(lambda frames: frames.flatten(1) @ weight, real, fake, torch.Generator())
    slope, of_frames = torch.autograd.grad(value, [weight, fake], allow_unused=True)
    assert value.item() == pytest.approx((0.1 * 6**0.5 - 1) ** 2)
    assert (slope < 0).all()  # a steeper scorer has less of a penalty
    assert of_frames is None


def _units(count: int) -> Tensor:
    return F.normalize(torch.randn(count, 4, generator=RNG, dtype=torch.float64), dim=1)


@pytest.mark.parametrize("classes", [[0, 1, 0, 2, 2, 1], [0, 1, 2, 3, 4, 5], [3, 3, 3, 3, 3, 1]])
def test_data_to_data_equals_the_slow_twin(classes):
    features, table = _units(6), _units(6)
    proxies = table[torch.tensor(classes)]
    for temperature, margin in ((0.5, 0.98), (0.25, 0.7)):
        found = ours.data_to_data_cross_entropy(
            features, proxies, torch.tensor(classes), temperature=temperature, positive_margin=margin
        )
        expected = slow.data_to_data(features, proxies, classes, temperature, margin)
        assert found.item() == pytest.approx(expected)


@pytest.mark.parametrize("count", [1, 4])
def test_data_to_data_without_negatives_is_zero_on_the_graph(count):
    features = _units(count).requires_grad_()
    value = ours.data_to_data_cross_entropy(
        features, _units(count), torch.zeros(count, dtype=torch.int64), temperature=0.5, positive_margin=0.98
    )
    (slope,) = torch.autograd.grad(value, features)
    assert value.item() == pytest.approx(0, abs=1e-12)
    assert slope.abs().max().item() == pytest.approx(0, abs=1e-12)


def test_data_to_data_survives_a_temperature_that_overflows_exponentials():
    features, classes = torch.eye(2)[[0, 0]], torch.tensor([0, 1])  # both alike, of two classes
    value = ours.data_to_data_cross_entropy(features, -features, classes, temperature=1e-3, positive_margin=0.98)
    # The positive is at -1 - 0.98 and the one negative at 1 - 0.02, in thousandths.
    assert value.item() == pytest.approx(1980 + 980, rel=1e-5)


def test_data_to_data_in_half_precision_is_judged_in_float32():
    features, classes = _units(6).bfloat16(), torch.tensor([0, 1, 0, 1, 2, 2])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = ours.data_to_data_cross_entropy(features, features, classes, temperature=0.5, positive_margin=0.98)
    wide = ours.data_to_data_cross_entropy(
        features.float(), features.float(), classes, temperature=0.5, positive_margin=0.98
    )
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, wide)


@pytest.mark.parametrize("classes", [1, 3])
def test_balancing_equals_the_slow_twin(classes):
    real, fake = (torch.randn(count, classes + 1, generator=RNG, dtype=torch.float64) for count in (6, 2))
    of_real, asked = ([i % classes for i in range(count)] for count in (6, 2))
    told, made = slow.balancing(real, of_real, fake, asked)
    assert ours.balancing_discriminator(real, torch.tensor(of_real), fake).item() == pytest.approx(told)
    assert ours.balancing_generator(fake, torch.tensor(asked)).item() == pytest.approx(made)

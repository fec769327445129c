import numpy as np
import pytest
import torch
from tests.oracles.inter_class import class_uniformity, pairwise_softmax, weighted_triplet

from walkprint.core.batch import GaitOutput
from walkprint.core.errors import RecipeError
from walkprint.losses.cross_entropy import CrossEntropyLoss
from walkprint.losses.inter_class import (
    ClassUniformityLoss,
    GeneralizedInterClassLoss,
    PairwiseSoftmaxLoss,
    WeightedTripletLoss,
)

REFERENCE = {"weighted_triplet": WeightedTripletLoss(), "pairwise_infonce": PairwiseSoftmaxLoss(similarity="dot")}
SUBJECTS = torch.tensor([2, 0, 0, 1, 2, 2])


@pytest.fixture
def output() -> GaitOutput:
    generator = torch.Generator().manual_seed(0)
    shape = (6, 3, 5)
    return GaitOutput(*(torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_() for _ in "ab"))


@pytest.mark.parametrize("case", ["random", "clustered"])
@pytest.mark.parametrize("term", REFERENCE)
def test_equals_the_reference(shared, term, case):
    with np.load(shared / "parity" / "inter_class.npz") as file:
        found = {
            name: file[f"{term}_{case}/{name}"] for name in ("embeddings", "labels", "loss", "grad", "loss_per_part")
        }
    embeddings, labels = torch.from_numpy(found["embeddings"]).requires_grad_(), torch.from_numpy(found["labels"])
    value = REFERENCE[term](GaitOutput(embeddings), labels).value
    (gradient,) = torch.autograd.grad(value, embeddings)
    assert value.item() == pytest.approx(float(found["loss"]), rel=1e-5)
    np.testing.assert_allclose(gradient, found["grad"], rtol=0, atol=1e-5 * abs(found["grad"]).max())
    if term == "pairwise_infonce":  # its parts do not share a largest weight
        for part, expected in enumerate(found["loss_per_part"]):
            alone = REFERENCE[term](GaitOutput(embeddings[:, part : part + 1]), labels).value
            assert alone.item() == pytest.approx(float(expected), rel=1e-5)


def test_weighted_triplet_equals_the_slow_twin(output):
    judged = WeightedTripletLoss(margin=0.3)(output, SUBJECTS)
    expected, margin = weighted_triplet(output.embeddings, SUBJECTS, 0.3)
    torch.testing.assert_close(judged.value, expected, rtol=0, atol=1e-6)
    assert judged.numbers["automatic_margin"].item() == pytest.approx(margin, abs=1e-6)
    ours, slow = (torch.autograd.grad(value, output.embeddings)[0] for value in (judged.value, expected))
    torch.testing.assert_close(ours, slow.nan_to_num(), rtol=0, atol=1e-6)


@pytest.mark.parametrize("similarity", ["cosine", "dot"])
def test_pairwise_softmax_equals_the_slow_twin(output, similarity):
    value = PairwiseSoftmaxLoss(temperature=0.4, similarity=similarity)(output, SUBJECTS).value
    slow = pairwise_softmax(output.embeddings, SUBJECTS, 0.4, cosine=similarity == "cosine")
    torch.testing.assert_close(value, slow)
    ours, theirs = (torch.autograd.grad(one, output.embeddings)[0] for one in (value, slow))
    torch.testing.assert_close(ours, theirs)


def test_noisy_triplets_are_those_whose_negative_is_nearer():
    embeddings = torch.randn(6, 1, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    judged = PairwiseSoftmaxLoss(temperature=0.4, noisy_weight=0.3)(GaitOutput(embeddings), SUBJECTS)
    torch.testing.assert_close(judged.value, pairwise_softmax(embeddings, SUBJECTS, 0.4, noisy_weight=0.3))


def test_noisy_pairs_count_less_by_the_asked_weight():
    output = GaitOutput(torch.randn(6, 1, 5))  # one part, so that the drawn part is known
    usual = PairwiseSoftmaxLoss()(output, SUBJECTS).value
    none, half = (PairwiseSoftmaxLoss(noisy_weight=weight)(output, SUBJECTS).value for weight in (0.0, 0.5))
    assert none < usual
    torch.testing.assert_close(half, (usual + none) / 2)


def test_the_judging_part_follows_from_the_number_of_batches_alone():
    output = GaitOutput(torch.randn(6, 16, 5))
    loss, resumed = PairwiseSoftmaxLoss(noisy_weight=0.0), PairwiseSoftmaxLoss(noisy_weight=0.0)
    values = [loss(output, SUBJECTS).value.item() for _ in range(4)]
    assert len(set(values)) > 1
    torch.manual_seed(7)
    first = [resumed(output, SUBJECTS).value.item() for _ in range(2)]
    again = PairwiseSoftmaxLoss(noisy_weight=0.0)
    again.load_state_dict(resumed.state_dict())
    assert first + [again(output, SUBJECTS).value.item() for _ in range(2)] == values


def test_large_embeddings_do_not_overflow():
    value = PairwiseSoftmaxLoss(similarity="dot")(GaitOutput(1e4 * torch.randn(6, 2, 8)), SUBJECTS).value
    assert value.isfinite()


def test_uniformity_equals_the_slow_twin_and_prefers_spread_classes(output):
    value = ClassUniformityLoss(sharpness=1.5)(output, SUBJECTS).value
    assert value.item() == pytest.approx(class_uniformity(output.embeddings, SUBJECTS, 1.5))
    corners = torch.eye(3)[SUBJECTS].unsqueeze(1)
    spread = ClassUniformityLoss()(GaitOutput(corners), SUBJECTS).value
    assert spread < ClassUniformityLoss()(GaitOutput(corners + 1), SUBJECTS).value


@pytest.mark.parametrize(("length", "share"), [(5.0, 1.0), (0.02, 0.02)])
def test_the_gradient_of_uniformity_is_bounded_where_embeddings_are_short(output, length, share):
    directions = torch.nn.functional.normalize(output.embeddings.detach(), dim=-1)
    literal, bounded = ((length * directions).requires_grad_() for _ in range(2))
    value = ClassUniformityLoss(bounded=False)(GaitOutput(literal), SUBJECTS).value
    value.backward()
    same = ClassUniformityLoss()(GaitOutput(bounded), SUBJECTS).value
    same.backward()
    assert same.item() == pytest.approx(value.item())
    torch.testing.assert_close(bounded.grad, share * literal.grad)


def test_settings_reach_the_terms(output):
    whole = GeneralizedInterClassLoss(
        form="softmax", margin=0.3, temperature=0.4, uniformity=0.6, bounded=False, scale=7, smoothing=0.2
    )
    embeddings = (0.1 * output.embeddings).detach().requires_grad_()  # short, which bounded gradients heed
    short = GaitOutput(embeddings, output.logits)
    terms = {
        WeightedTripletLoss(margin=0.3): 1,
        ClassUniformityLoss(bounded=False): 0.6,
        PairwiseSoftmaxLoss(temperature=0.4): 1,
        CrossEntropyLoss(scale=7, smoothing=0.2): 1,
    }
    values = whole(short, SUBJECTS).value, sum(weight * one(short, SUBJECTS).value for one, weight in terms.items())
    torch.testing.assert_close(*values)
    torch.testing.assert_close(*(torch.autograd.grad(one, embeddings)[0] for one in values))


def test_forms_are_the_sums_of_their_terms(output):
    parts = [
        WeightedTripletLoss(),
        ClassUniformityLoss(),
        PairwiseSoftmaxLoss(),
        CrossEntropyLoss(scale=1, smoothing=0),
    ]
    values = [one(output, SUBJECTS).value for one in parts]
    margin = GeneralizedInterClassLoss(uniformity=0.3)(output, SUBJECTS)
    torch.testing.assert_close(margin.value, values[0] + 0.3 * values[1])
    softmax = GeneralizedInterClassLoss(form="softmax", uniformity=0.3)(output, SUBJECTS)
    torch.testing.assert_close(softmax.value, margin.value + values[2] + values[3])
    assert {"triplet", "triplet_automatic_margin", "softmax", "identity_accuracy"} <= set(softmax.numbers)


@pytest.mark.parametrize(
    ("kind", "setting"),
    [
        (WeightedTripletLoss, {"margin": -1}),
        (PairwiseSoftmaxLoss, {"temperature": 0}),
        (PairwiseSoftmaxLoss, {"noisy_weight": 2}),
        (ClassUniformityLoss, {"sharpness": 0}),
        (GeneralizedInterClassLoss, {"form": "both"}),
    ],
)
def test_wrong_settings_are_refused(kind, setting):
    with pytest.raises(RecipeError, match=next(iter(setting))):
        kind(**setting)

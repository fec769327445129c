import pytest
import torch
from tests.oracles.disentanglement import (
    canonical_consistency,
    cross_reconstruction,
    incremental_identity,
    pose_similarity,
)

from walkprint.core.batch import DisentangledCodes, GaitOutput
from walkprint.core.errors import RecipeError
from walkprint.losses.disentanglement import (
    CanonicalConsistencyLoss,
    CrossReconstructionLoss,
    IncrementalIdentityLoss,
    PoseSimilarityLoss,
)

SUBJECTS = torch.tensor([0, 2, 0, 1, 2, 2])


def output(batch: int = 6, time: int = 4) -> GaitOutput:
    generator = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(batch, time, *shape, generator=generator, dtype=torch.float64)

    codes = DisentangledCodes(
        draw(3), draw(2), draw(5), frames=draw(1, 4, 2), reconstruction=draw(1, 4, 2), gait_logits=draw(3),
        canonical_logits=draw(3),
    )  # fmt: skip
    return GaitOutput(draw(2), None, codes)


def test_cross_reconstruction_equals_its_twin():
    judged = output()
    result = CrossReconstructionLoss()(judged, SUBJECTS)
    wanted = cross_reconstruction(judged.codes.frames, judged.codes.reconstruction)
    assert result.value.item() == pytest.approx(wanted)
    assert result.numbers["error"].item() == pytest.approx((wanted / 4) ** 0.5)


@pytest.mark.parametrize("subjects", [SUBJECTS, torch.arange(6), torch.zeros(6, dtype=torch.int64)])
def test_pose_similarity_equals_its_twin(subjects):
    judged = output()
    value = PoseSimilarityLoss()(judged, subjects).value
    assert value.item() == pytest.approx(pose_similarity(judged.codes.pose, subjects))


@pytest.mark.parametrize(("weights", "power"), [("square", 2), ("even", 0)])
@pytest.mark.parametrize("time", [1, 4])
def test_incremental_identity_equals_its_twin(weights, power, time):
    judged = output(time=time)
    value = IncrementalIdentityLoss(weights=weights)(judged, SUBJECTS).value
    assert value.item() == pytest.approx(incremental_identity(judged.codes.gait_logits, SUBJECTS, power=power))


def test_accuracy_is_that_of_whole_clips():
    judged = output()
    judged.codes.gait_logits[:, -1] = torch.nn.functional.one_hot(torch.tensor([0, 2, 0, 1, 1, 1]))
    assert IncrementalIdentityLoss()(judged, SUBJECTS).numbers["accuracy"].item() == pytest.approx(4 / 6)


@pytest.mark.parametrize("subjects", [SUBJECTS, torch.tensor([0, 1, 2, 0, 1, 2]).sort().values[[0, 2, 4]]])
def test_canonical_consistency_equals_its_twin(subjects):
    judged = output(batch=len(subjects))
    result = CanonicalConsistencyLoss()(judged, subjects)
    terms = canonical_consistency(judged.codes.canonical, judged.codes.canonical_logits, subjects)
    assert [float(one) for one in result.numbers.values()] == pytest.approx(terms)
    assert result.value.item() == pytest.approx(sum(terms))


def test_networks_without_the_codes_are_named():
    bare = GaitOutput(torch.zeros(2, 1, 3))
    some = GaitOutput(torch.zeros(2, 1, 3), None, DisentangledCodes(torch.zeros(2, 1, 3), torch.zeros(2, 1, 3)))
    for kind in (CrossReconstructionLoss, PoseSimilarityLoss, IncrementalIdentityLoss, CanonicalConsistencyLoss):
        with pytest.raises(RecipeError, match="GaitNet"):
            kind()(bare, torch.zeros(2, dtype=torch.int64))
        if kind is not PoseSimilarityLoss:
            with pytest.raises(RecipeError, match="only some"):
                kind()(some, torch.zeros(2, dtype=torch.int64))
    with pytest.raises(RecipeError, match="square or even"):
        IncrementalIdentityLoss(weights="cubic")

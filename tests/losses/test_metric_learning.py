"""The library's losses per part, against the library itself and against the papers' formulas."""

import math

import pytest
import torch
import torch.nn.functional as F
from pytorch_metric_learning import losses as library

from walkprint.core.batch import GaitOutput
from walkprint.core.errors import DataError, RecipeError
from walkprint.losses import ArcFaceLoss, CircleLoss, CosFaceLoss, SupervisedContrastiveLoss

SUBJECTS = torch.tensor([0, 0, 1, 1, 2, 0])
SIZES = {"num_subjects": 4, "parts": 3, "features": 5}


def embeddings() -> torch.Tensor:
    return torch.randn(6, 3, 5, generator=torch.Generator().manual_seed(1)).requires_grad_()


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (ArcFaceLoss(**SIZES), library.ArcFaceLoss(4, 5)),
        (CosFaceLoss(**SIZES, margin=0.2, scale=30), library.CosFaceLoss(4, 5, margin=0.2, scale=30)),
        (CircleLoss(margin=0.3, scale=50), library.CircleLoss(m=0.3, gamma=50)),
        (SupervisedContrastiveLoss(temperature=0.2), library.SupConLoss(temperature=0.2)),
    ],
    ids=lambda loss: type(loss).__name__,
)
def test_equals_the_library_on_each_part(ours, theirs):
    found, expected = embeddings(), embeddings()
    value = ours(GaitOutput(found), SUBJECTS).value
    terms = []
    for part in range(3):
        if hasattr(theirs, "W"):
            theirs.W.data = ours.by_part[part].W.data.clone()
        terms.append(theirs(expected[:, part], SUBJECTS))
    mean = sum(terms) / 3
    torch.testing.assert_close(value, mean)
    torch.testing.assert_close(
        torch.autograd.grad(value, found)[0], torch.autograd.grad(mean, expected)[0], rtol=1e-4, atol=1e-6
    )


@pytest.mark.parametrize("kind", [ArcFaceLoss, CosFaceLoss])
def test_margins_of_angle_and_cosine_as_the_papers_have_them(kind):
    loss, judged = kind(**SIZES), embeddings()
    expected = []
    for part, one in enumerate(loss.by_part):
        for clip, subject in zip(judged[:, part], SUBJECTS, strict=True):
            cosines = F.normalize(clip, dim=0) @ F.normalize(one.W, dim=0)
            angle = math.acos(cosines[subject].item())
            handicapped = cosines.clone()
            if kind is CosFaceLoss:
                handicapped[subject] = cosines[subject] - 0.35
            elif angle <= math.pi - math.radians(28.6):
                handicapped[subject] = math.cos(angle + math.radians(28.6))
            else:
                handicapped[subject] = math.cos(angle) - math.radians(28.6) * math.sin(math.radians(28.6))
            expected.append(F.cross_entropy(64 * handicapped, subject))
    result = loss(GaitOutput(judged), SUBJECTS)
    torch.testing.assert_close(result.value, torch.stack(expected).mean())


@pytest.mark.parametrize("build", [CircleLoss, SupervisedContrastiveLoss])
def test_the_mean_cosine_is_that_of_all_pairs_of_all_parts(build):
    judged = embeddings()
    pairs = [F.cosine_similarity(one, other, dim=1) for one in judged for other in judged]
    found = build()(GaitOutput(judged), SUBJECTS).numbers["mean_cosine"].item()
    assert found == pytest.approx(torch.stack(pairs).mean().item(), abs=1e-6)


def test_directions_are_learned_and_a_right_answer_is_counted():
    loss = ArcFaceLoss(**SIZES)
    judged = torch.stack([one.W[:, SUBJECTS].T for one in loss.by_part], dim=1).detach()
    result = loss(GaitOutput(judged), SUBJECTS)
    assert result.numbers["accuracy"] == 1
    loss(GaitOutput(embeddings()), SUBJECTS).value.backward()
    assert all(one.W.grad.abs().sum() > 0 for one in loss.by_part)
    assert len(list(loss.parameters())) == 3


def test_wrong_sizes_and_settings_are_refused():
    with pytest.raises(RecipeError, match="set parts and features"):
        ArcFaceLoss(num_subjects=4, parts=2, features=5)(GaitOutput(embeddings()), SUBJECTS)
    with pytest.raises(DataError, match="set num_subjects"):
        ArcFaceLoss(num_subjects=2, parts=3, features=5)(GaitOutput(embeddings()), SUBJECTS)
    for build in (
        lambda: ArcFaceLoss(num_subjects=0, parts=3, features=5),
        lambda: CosFaceLoss(**SIZES, margin=-1),
        lambda: CircleLoss(margin=1),
        lambda: SupervisedContrastiveLoss(temperature=0),
    ):
        with pytest.raises(RecipeError, match="expected"):
            build()


@pytest.mark.parametrize("build", [lambda: ArcFaceLoss(**SIZES), CircleLoss, SupervisedContrastiveLoss])
def test_without_the_library_one_line_says_what_to_install(build, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pytorch_metric_learning.losses", None)
    with pytest.raises(RecipeError, match=r"install 'walkprint\[metric-learning\]'") as caught:
        build()
    assert "\n" not in str(caught.value)

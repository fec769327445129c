"""Settings of generators that cannot work are refused when the generator is made, in one line."""

from typing import Any

import pytest
import torch

from walkprint.core.errors import RecipeError
from walkprint.generation.acgan import ACGAN
from walkprint.generation.ae_guided import AEGuidedGAN
from walkprint.generation.bagan import BAGAN
from walkprint.generation.bagan_gp import BAGANGP
from walkprint.generation.base import GenerativeModel
from walkprint.generation.draper import Draper
from walkprint.generation.labels import Labels
from walkprint.generation.latent_flow import LatentFlow
from walkprint.generation.reacgan import ReACGAN
from walkprint.generation.sdedit import SDEdit
from walkprint.studies.ablation import WithoutTransport

NAMES: dict[str, Any] = {"subjects": ["a", "b"], "conditions": ["cl", "nm"], "views": ["090"], "widths": (2, 2, 4, 4)}
NAN, INF = float("nan"), float("inf")

WRONG: list[tuple[type[GenerativeModel], str, list[Any]]] = [
    (AEGuidedGAN, "shares", [(0.1, 0.9), (0.1, 0.4, -0.5), (0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0), (1, NAN, 1)]),
    (AEGuidedGAN, "learning_rates", [(1e-3,), (1e-3,) * 4, (0.0, 1e-3, 1e-3), (1e-3, -1e-4, 0.0), (0.1, 0.1, INF)]),
    (AEGuidedGAN, "latent_size", [0, -3]),
    (AEGuidedGAN, "reconstruction_weight", [-1.0, INF]),
    (AEGuidedGAN, "guard_weight", [-0.1, NAN]),
    (AEGuidedGAN, "noise", [-0.1, NAN]),
    (AEGuidedGAN, "borrow", [1.5, NAN]),
    *((kind, "latent", [0]) for kind in (ACGAN, ReACGAN, BAGAN, BAGANGP)),
    *((kind, "learning_rate", [0.0, -1e-3, NAN, INF]) for kind in (ACGAN, ReACGAN, BAGAN, BAGANGP)),
    *((kind, "autoencoder_share", [0.0, 1.0, NAN]) for kind in (BAGAN, BAGANGP)),
    *((kind, "discriminator_steps", [0]) for kind in (ReACGAN, BAGANGP)),
    (ReACGAN, "projection", [0]),
    (ReACGAN, "class_weight", [-1.0, NAN]),
    (ReACGAN, "temperature", [0.0, NAN]),
    (ReACGAN, "positive_margin", [0.4, 1.1, NAN]),
    (BAGANGP, "penalty", [-1.0, NAN]),
    *((kind, "learning_rate", [0.0, NAN]) for kind in (LatentFlow, SDEdit, Draper)),
    (LatentFlow, "noise", [-0.1]),
    (LatentFlow, "autoencoder_share", [0.0, 1.0]),
    (SDEdit, "strength", [0.0, 1.0, NAN]),
    *((kind, "sampling_steps", [0]) for kind in (LatentFlow, SDEdit)),
    *((Draper, name, [0]) for name in ("people", "people_per_batch")),
]


@pytest.mark.parametrize(
    ("kind", "name", "value"), [(kind, name, value) for kind, name, values in WRONG for value in values]
)
def test_refused(kind: type[GenerativeModel], name: str, value: Any) -> None:
    with pytest.raises(RecipeError, match=rf"{name}.*expected") as error:
        kind(**{**NAMES, name: value})
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "settings",
    [
        {"reconstruction_weight": 0.0, "guard_weight": 0.0, "noise": 0.0, "borrow": 1.0},
        {"learning_rates": [1e-3, 0, 0.0]},
        {"shares": [1, 4, 5], "learning_rates": [1e-3, 1e-3, 2e-4], "latent_size": 1},
    ],
)
def test_taken(settings: dict[str, Any]) -> None:
    assert AEGuidedGAN(**{**NAMES, **settings}).stages()


def test_borrowing_without_transport_is_without_effect() -> None:
    found = []
    for borrow in (0.0, 1.0):
        torch.manual_seed(0)
        model = WithoutTransport(**NAMES, borrow=borrow, latent_size=4)
        model.shifts.normal_(generator=torch.Generator().manual_seed(0))
        coats = Labels(torch.tensor([0, 1]), torch.tensor([0, 0]), torch.tensor([0, 0]))
        sources = torch.arange(2, dtype=torch.uint8).view(2, 1, 1, 1).expand(2, 1, 64, 64) * 200
        found.append(model.sample(sources, coats, torch.Generator().manual_seed(0)))
    assert torch.equal(*found)

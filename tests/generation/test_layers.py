"""Encoder, decoder, label embedding."""

from typing import Any

import pytest
import torch
from torch import nn

from walkprint.core.errors import RecipeError
from walkprint.generation.labels import LabelNames, Labels
from walkprint.generation.layers import Decoder, Encoder, LabelEmbedding

NAMES = LabelNames(("a", "b", "c"), ("cl", "nm"), ("090",))
LABELS = Labels(torch.tensor([0, 2]), torch.tensor([1, 0]), torch.tensor([0, 0]))


def test_there_and_back() -> None:
    features, latent = Encoder(6, (2, 3, 4, 5))(torch.zeros(2, 1, 64, 64))
    assert features.shape == (2, 5, 4, 4)
    assert latent.shape == (2, 6)
    frames = Decoder(6, (2, 3, 4, 5))(latent)
    assert frames.shape == (2, 1, 64, 64)
    assert frames.abs().max() <= 1


def test_the_embedding_is_the_product_of_its_rows() -> None:
    embedding = LabelEmbedding(NAMES, 4, ("subject", "condition"))
    tables = dict(embedding.tables.items())
    subject, condition = tables["subject"].weight, tables["condition"].weight
    expected = torch.stack([subject[0] * condition[1], subject[2] * condition[0]])
    assert torch.allclose(embedding(LABELS), expected)
    assert set(tables) == {"subject", "condition"}
    assert torch.equal(LabelEmbedding(NAMES, 4, ("view",))(LABELS).diff(dim=0), torch.zeros(1, 4))


def test_refusals() -> None:
    with pytest.raises(RecipeError, match="widths"):
        Encoder(6, (2, 3, 4))
    with pytest.raises(RecipeError, match="factors"):
        LabelEmbedding(NAMES, 4, ())


@pytest.mark.parametrize(("bf16", "tolerance"), [(False, 1e-5), (True, 0.02)], ids=["float", "bf16, channels last"])
def test_the_last_layer_draws_the_same_in_evaluation(
    monkeypatch: pytest.MonkeyPatch, bf16: bool, tolerance: float
) -> None:
    transposed, widths = nn.functional.conv_transpose2d, list[int]()

    def seen(features: torch.Tensor, *words: Any) -> torch.Tensor:
        widths.append(features.shape[-1])
        return transposed(features, *words)

    monkeypatch.setattr(nn.functional, "conv_transpose2d", seen)
    torch.manual_seed(0)
    decoder, latent = Decoder(6, (2, 3, 4, 5)), torch.randn(2, 6)
    for weights in decoder.parameters():
        nn.init.normal_(weights, std=0.2)
    decoder.eval()
    if bf16:
        decoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
        fast = decoder(latent)
        decoder.last.train()  # batch norm stays as it was
        plain = decoder(latent)
    assert widths == [4, 8, 16, 4, 8, 16, 32], "in evaluation the last layer takes the slow way"
    assert plain.std() > 0.1
    assert torch.allclose(fast.float(), plain.float(), rtol=0, atol=tolerance)
    assert {name for name, _ in decoder.last.named_parameters()} == {"weight", "bias"}, "as in stored generators"

"""Encoder, decoder, label embedding."""

import pytest
import torch

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


def test_the_last_layer_draws_the_same_in_evaluation() -> None:
    torch.manual_seed(0)
    decoder, latent = Decoder(6, (2, 3, 4, 5)), torch.randn(2, 6)
    for weights in decoder.parameters():
        torch.nn.init.normal_(weights, std=0.2)
    decoder.eval()
    fast = decoder(latent)
    decoder.last.train()  # batch norm stays as it was
    plain = decoder(latent)
    assert plain.std() > 0.1
    assert torch.allclose(fast, plain, atol=1e-5)

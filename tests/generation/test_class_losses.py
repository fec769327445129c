"""Which frames each method's discriminator and generator are told classes of, and where they begin."""

import pytest
import torch
from tests.generation.miniatures import tiny_store
from torch import Tensor

from walkprint.generation.acgan import ACGAN
from walkprint.generation.bagan import BAGAN
from walkprint.generation.base import GenerativeModel
from walkprint.generation.batches import FrameBatches, GeneratorBatch
from walkprint.generation.labels import FACTORS, Labels
from walkprint.generation.reacgan import ReACGAN
from walkprint.losses.base import LossValue


@pytest.fixture
def batches(tmp_path) -> FrameBatches:
    store = tiny_store(tmp_path / "store")
    return FrameBatches(store, store.keys, batch_size=6)


def small(kind: type[GenerativeModel], batches: FrameBatches, **settings: object) -> GenerativeModel:
    torch.manual_seed(0)
    names = batches.names
    return kind(
        subjects=names.subjects,
        conditions=names.conditions,
        views=names.views,
        widths=(4, 4, 8, 8),
        latent=8,
        **settings,
    )


def judged(model: GenerativeModel, batch: GeneratorBatch, stage: int = -1) -> dict[str, LossValue]:
    found = {}
    for phase in model.stages()[stage].phases:
        found[phase.name] = phase.loss(batch, torch.Generator().manual_seed(0))
    return found


def shifted(labels: Labels) -> Labels:
    """Wrong subjects; the same conditions and views."""
    return Labels((labels.subjects + 1) % 3, labels.conditions, labels.views)


def with_wrong(batch: GeneratorBatch, name: str) -> GeneratorBatch:
    parts = {one: getattr(batch, one) for one in ("frames", "labels", "sources", "targets")}
    return GeneratorBatch(**{**parts, name: shifted(parts[name])})


def test_acgan_tells_classes_of_real_and_of_generated_frames(batches):
    model, batch = small(ACGAN, batches), batches.batch(0)
    usual, wrong = (judged(model, one)["discriminator"] for one in (batch, with_wrong(batch, "labels")))
    assert usual.numbers["classes_of_real"] != wrong.numbers["classes_of_real"]
    assert usual.numbers["classes_of_generated"] == wrong.numbers["classes_of_generated"]
    torch.testing.assert_close(usual.value, torch.stack(list(usual.numbers.values())).sum())


def test_reacgan_compares_real_frames_for_the_discriminator_and_generated_ones_for_the_generator(batches, monkeypatch):
    model, batch, told = small(ReACGAN, batches, projection=8), batches.batch(0), []
    plain = model._compare
    monkeypatch.setattr(model, "_compare", lambda features, labels: told.append(labels) or plain(features, labels))
    for value in judged(model, batch).values():
        torch.testing.assert_close(value.value, value.numbers["hinge"] + 0.5 * value.numbers["classes"])
    assert told[0] is batch.labels
    assert told[1] is batch.targets
    assert len(told) == 2


def test_reacgan_scores_no_steeper_than_its_spectral_norms_allow(batches):
    model = small(ReACGAN, batches, projection=8).train()
    for _ in range(30):  # the norms are found by power iteration, one for each forward pass
        model._discriminate(model.to_unit(batches.batch(0).frames))
    for factor in FACTORS:
        weight: Tensor = model.discriminator["projections"][factor].weight
        assert torch.linalg.matrix_norm(weight, 2).item() < 1.1


def test_bagan_begins_with_the_encoder_and_its_gaussians_and_shows_few_generated_frames(batches, monkeypatch):
    model, batch = small(BAGAN, batches).eval(), batches.batch(0)
    begin = model.stages()[1].begin
    with torch.no_grad():
        begin(batches)
    for ours, encoders in zip(model.discriminator[0].parameters(), model.encoder.trunk.parameters(), strict=True):
        assert torch.equal(ours, encoders)
        assert ours is not encoders
    assert model.gaussians.means.any()
    seen = []
    model.discriminator.register_forward_pre_hook(lambda _, given: seen.append(len(given[0])))
    judged(model, batch)
    assert seen == [6 + 3, 6]  # two conditions from one view are two classes

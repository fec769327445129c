"""The three ideas of the autoencoder-guided GAN, and that labels keep their meaning."""

from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.generation.miniatures import person, tiny_store

from walkprint.core.errors import RecipeError
from walkprint.core.sequence import Clip, SequenceKey
from walkprint.data.store import Store
from walkprint.data.writing import StoreWriter
from walkprint.generation.ae_guided import AEGuidedGAN
from walkprint.generation.batches import FrameBatches
from walkprint.generation.classifier import label_cross_entropy
from walkprint.generation.labels import Labels
from walkprint.generation.monitor import DiversityMonitor
from walkprint.losses.base import LossValue
from walkprint.recipes.trained import load_generator
from walkprint.studies.ablation import TrueClassification, WithoutAutoencoderWeights, WithoutEncoderWeights
from walkprint.training.checkpoint import CheckpointFolder
from walkprint.training.fit_generator import fit_generator
from walkprint.training.generator_learner import GeneratorLearner
from walkprint.training.loop import Loop


@pytest.fixture(scope="module")
def batches(tmp_path_factory: pytest.TempPathFactory) -> FrameBatches:
    """Three subjects, the last without a coat."""
    store = tiny_store(tmp_path_factory.mktemp("people") / "store", without_coat=1)
    return FrameBatches(store, store.keys, batch_size=16)


def build(batches: FrameBatches, kind: type[AEGuidedGAN] = AEGuidedGAN, **settings: Any) -> AEGuidedGAN:
    torch.manual_seed(0)
    names = batches.names
    settings = {"widths": (4, 8, 8, 8), "latent_size": 8, **settings}
    return kind(subjects=names.subjects, conditions=names.conditions, views=names.views, **settings).eval()


def begun(batches: FrameBatches, kind: type[AEGuidedGAN] = AEGuidedGAN, **settings: Any) -> AEGuidedGAN:
    """At step 0 of its adversarial stage."""
    model = build(batches, kind, **settings)
    with torch.no_grad():
        for stage in model.stages():
            if stage.begin is not None:
                stage.begin(batches)
    return model


class _Stop(Exception):
    pass


def at_its_start(
    batches: FrameBatches, run: Path, monkeypatch: pytest.MonkeyPatch, kind: type[AEGuidedGAN] = AEGuidedGAN
) -> GeneratorLearner:
    """What `fit_generator` trains, halted before the first loss of the GAN."""
    model, learners = build(batches, kind), list[GeneratorLearner]()

    class Seen(GeneratorLearner):
        def __init__(self, *words: Any, **named: Any) -> None:
            super().__init__(*words, **named)
            learners.append(self)

    def halt(batch: object, generator: object) -> LossValue:
        raise _Stop

    *before, gan = model.stages()
    halted = replace(gan, phases=(replace(gan.phases[0], loss=halt), *gan.phases[1:]))
    monkeypatch.setattr(model, "stages", lambda: [*before, halted])
    monkeypatch.setattr("walkprint.training.fit_generator.GeneratorLearner", Seen)
    with pytest.raises(_Stop):
        fit_generator(model, batches, Loop(steps=20, accelerator="cpu", ema_decay=0.9, checkpoint_every=1), run)
    return learners[0]


def test_at_first_the_generator_is_the_autoencoder_bit_for_bit(
    batches: FrameBatches, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = batches.batch(0)
    for kind in (AEGuidedGAN, WithoutAutoencoderWeights):
        learner = at_its_start(batches, tmp_path / kind.__name__, monkeypatch, kind)
        assert learner.model is not learner.best
        for model in (learner.model, learner.best):
            assert isinstance(model, AEGuidedGAN)
            model.eval()
            with torch.no_grad():
                _, latents = model.encoder(model.to_unit(batch.frames))
                restored, made = model.restorer(latents, batch.labels), model.generator(latents, batch.labels)
            assert torch.equal(restored, made) == (kind is AEGuidedGAN)


def test_what_begins_the_generator_is_the_average_of_the_trained_autoencoder(
    batches: FrameBatches, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learner = at_its_start(batches, tmp_path, monkeypatch)
    trained = CheckpointFolder(tmp_path / "checkpoints").load_newest()
    assert trained is not None
    assert trained["step"] == 10
    for model in (learner.model, learner.best):
        assert isinstance(model, AEGuidedGAN)
        for name, value in model.generator.state_dict().items():
            assert torch.equal(value, trained["average"][f"restorer.{name}"]), name
    kernel = "restorer.decoder.last.weight"
    assert not torch.equal(trained["average"][kernel], trained["model"][kernel])
    assert not torch.equal(trained["average"][kernel], build(batches).state_dict()[kernel])


@pytest.mark.parametrize("still", ["discriminator", "generator"])
def test_with_a_learning_rate_of_0_a_network_stays_as_it_begins(
    batches: FrameBatches, tmp_path: Path, still: str
) -> None:
    rates = (1e-3, 0.0, 1e-3) if still == "discriminator" else (1e-3, 1e-3, 0.0)
    settings: dict[str, Any] = {"learning_rates": rates}
    settings |= {"widths": (4, 8, 8, 8), "latent_size": 8}
    model, watch = build(batches, **settings), DiversityMonitor(warn_below=0, stop_below=0, labels_below=0)
    fit_generator(model, batches, Loop(steps=20, accelerator="cpu", ema_decay=0.999), tmp_path, watch=watch)
    made = load_generator(tmp_path)
    assert isinstance(made, AEGuidedGAN)
    of_trunk = zip(made.encoder.trunk.parameters(), made.discriminator.trunk.parameters(), strict=True)
    of_decoder = zip(made.restorer.parameters(), made.generator.parameters(), strict=True)
    assert all(torch.equal(*pair) for pair in of_trunk) == (still == "discriminator")
    assert all(torch.equal(*pair) for pair in of_decoder) == (still == "generator")


def test_at_first_the_discriminators_trunk_is_the_encoders(batches: FrameBatches) -> None:
    frames = batches.batch(0).frames
    for kind in (AEGuidedGAN, WithoutEncoderWeights):
        model = begun(batches, kind)
        unit = model.to_unit(frames)
        assert torch.equal(model.encoder.trunk(unit), model.discriminator.trunk(unit)) == (kind is AEGuidedGAN)


def test_real_frames_give_the_class_heads_exactly_no_gradient(batches: FrameBatches) -> None:
    batch = batches.batch(0)
    for kind in (TrueClassification, AEGuidedGAN):
        model = begun(batches, kind)
        heads, real = list(model.discriminator.heads.parameters()), model.to_unit(batch.frames)
        made = real.flip(3).contiguous()
        gradients = [
            torch.autograd.grad(model.discriminator_loss(one, batch.labels, made, batch.targets).value, heads)
            for one in (real, -real)
        ]
        untouched = all(torch.equal(one, other) for one, other in zip(*gradients, strict=True))
        assert untouched == (kind is AEGuidedGAN)
    alone = begun(batches).discriminator.score(real, unclassified=len(real))[1]
    gone = torch.autograd.grad([one.sum() for one in alone.values()], heads, allow_unused=True)
    assert not any(one is not None and one.any() for one in gone)


def test_real_labels_do_not_matter_to_the_discriminator(batches: FrameBatches) -> None:
    batch = batches.batch(0)
    others = Labels(2 - batch.labels.subjects, 1 - batch.labels.conditions, batch.labels.views)
    for kind in (TrueClassification, AEGuidedGAN):
        model = begun(batches, kind)
        real = model.to_unit(batch.frames)
        loss, flipped = model.discriminator_loss, real.flip(0)
        values = [loss(real, one, flipped, batch.targets).value for one in (batch.labels, others)]
        assert torch.equal(*values) == (kind is AEGuidedGAN)


def test_true_classification_only_adds_the_cross_entropy_of_real_frames(batches: FrameBatches) -> None:
    batch = batches.batch(0)
    values = {}
    for kind in (AEGuidedGAN, TrueClassification):
        model = begun(batches, kind)
        real = model.to_unit(batch.frames)
        values[kind] = model.discriminator_loss(real, batch.labels, real.flip(3).contiguous(), batch.targets).value
    of_real = label_cross_entropy(model.discriminator.score(real)[1], batch.labels)
    assert torch.allclose(values[TrueClassification] - values[AEGuidedGAN], of_real, rtol=1e-4)


def test_encodings_move_by_the_difference_of_mean_encodings(batches: FrameBatches) -> None:
    model = begun(batches, noise=0.0)
    means, shifts = model.gaussians.means, model.shifts
    assert batches.names.conditions == ("cl", "nm")
    assert torch.allclose(shifts[:2, 0], means[:2, 0] - means[:2, 1])
    assert torch.allclose(shifts[2, 0], shifts[:2, 0].mean(0)), "who has no coat gets the others' mean"
    assert not shifts[:, 1].any()


def test_borrowed_coats_are_those_of_subjects_who_have_one(batches: FrameBatches) -> None:
    model = begun(batches, borrow=1.0)
    labels = Labels(torch.zeros(200, dtype=torch.int64), torch.zeros(200, dtype=torch.int64), torch.zeros(200).long())
    found = model._lenders(labels, torch.rand(200, generator=torch.Generator().manual_seed(0)))
    assert sorted(set(found.tolist())) == [0, 1]
    assert model._lenders(labels[:2], torch.tensor([0.0, 1 - 2**-24])).tolist() == [0, 1]


def test_a_view_that_nobody_wears_a_coat_in_is_generated_too(tmp_path: Path) -> None:
    with StoreWriter(tmp_path / "store") as writer:
        for subject, view in product(range(2), ("000", "090")):
            for condition in ("nm", "cl") if view == "000" else ("nm",):
                clip = np.stack([person(subject, condition, i) for i in range(4)])[:, None]
                writer.add(Clip(clip, SequenceKey(f"{subject:03d}", condition, "01", view)))
    store = Store.open(tmp_path / "store")
    batches = FrameBatches(store, store.keys, batch_size=16)
    model, batch = begun(batches, borrow=1.0), batches.batch(0)
    alone = Labels(batch.targets.subjects, torch.zeros(16, dtype=torch.int64), torch.ones(16, dtype=torch.int64))
    assert torch.equal(model._lenders(alone, torch.rand(16)), alone.subjects)
    assert model.sample(batch.sources, alone, torch.Generator()).shape == batch.sources.shape


def test_a_take_is_one_draw(batches: FrameBatches) -> None:
    model = begun(batches, borrow=0.5, noise=1.0)
    batch = batches.batch(0)
    same = batch.sources[:1].expand(4, -1, -1, -1)
    labels = Labels(
        *(one[:1].expand(4) for one in (batch.targets.subjects, batch.targets.conditions * 0, batch.targets.views))
    )
    with torch.no_grad():
        frames, others = (model.generate(same, labels, torch.Generator().manual_seed(seed)) for seed in (0, 1))
    assert torch.allclose(frames, frames[:1], rtol=1e-3, atol=0), "frames of a take must not flicker"
    assert not torch.allclose(frames, others, rtol=1e-3, atol=0)


def test_refusals(batches: FrameBatches) -> None:
    for settings in ({"borrow": -0.1}, {"noise": -1.0}):
        with pytest.raises(RecipeError, match="AEGuidedGAN"):
            build(batches, **settings)


def test_labels_keep_their_meaning(batches: FrameBatches, tmp_path: Path) -> None:
    """The frozen classifier of real frames finds the condition that was asked for, also where no coat was ever seen."""
    model = build(batches, widths=(8, 8, 16, 16), latent_size=16, learning_rates=(2e-3, 5e-4, 2e-4))
    loop = Loop(steps=300, seed=1, accelerator="cpu", ema_decay=0.99, log_every=50)
    result = fit_generator(model, batches, loop, tmp_path)
    assert result.numbers["generator/guard_condition"] > 0.9
    assert result.numbers["diversity"] > 0.4
    assert result.numbers["labels"] > 0.9
    sources = torch.cat([batches.batch(i).sources for i in range(900, 904)])
    subjects = torch.cat([batches.batch(i).targets.subjects for i in range(900, 904)])
    zeros = torch.zeros_like(subjects)
    wide = model.sample(sources, Labels(subjects, zeros, zeros), torch.Generator())
    narrow = model.sample(sources, Labels(subjects, zeros + 1, zeros), torch.Generator())
    area = [[(one[subjects == who] > 127).float().mean() for one in (wide, narrow)] for who in range(3)]
    assert all(coat > 1.2 * without for coat, without in area), "a coat makes everybody wider"
    with torch.no_grad():  # conditions change places in the embedding, and encodings move the other way
        table = model.generator.embedding.tables["condition"].weight
        assert isinstance(table, torch.Tensor)
        table.copy_(table.flip(0))
        model.shifts.neg_()
    drifted = DiversityMonitor().measure(model, batches, 300)
    assert drifted["labels"] < 0.3
    with pytest.warns(UserWarning, match="labels drift"):
        DiversityMonitor(stop_below=0).check(drifted, 300)

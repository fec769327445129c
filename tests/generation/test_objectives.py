"""What each phase of each generator minimizes, and where to: beside a slow twin in float64, with random weights."""

import copy
from collections.abc import Callable

import pytest
import torch
from tests.oracles import objectives as slow
from torch import Tensor, nn

from walkprint.generation.acgan import ACGAN
from walkprint.generation.ae_guided import AEGuidedGAN
from walkprint.generation.bagan import BAGAN
from walkprint.generation.bagan_gp import BAGANGP, mislabeled
from walkprint.generation.base import GenerativeModel
from walkprint.generation.batches import GeneratorBatch
from walkprint.generation.labels import FACTORS, Labels
from walkprint.generation.reacgan import ReACGAN
from walkprint.studies.ablation import GaussianLatent, TrueClassification, WithoutTransport

VARIANTS = (TrueClassification, GaussianLatent, WithoutTransport)
COUNT, LATENT, WIDTHS = 6, 5, (3, 4, 4, 5)
NAMES = {"subjects": ("a", "b", "c"), "conditions": ("cl", "nm"), "views": ("000", "090")}
Twin = Callable[[GenerativeModel, GeneratorBatch, torch.Generator], Tensor]


@pytest.fixture
def batch() -> GeneratorBatch:
    """Frames and sources differ, and so do labels and targets, in every factor of some frame."""
    rng = torch.Generator().manual_seed(1)
    frames, sources = torch.randint(0, 256, (2, COUNT, 1, 64, 64), generator=rng, dtype=torch.uint8)
    labels = torch.tensor([[0, 1, 2, 0, 1, 2], [0, 1, 1, 0, 1, 0], [1, 0, 1, 1, 0, 0]])
    targets = torch.tensor([[2, 2, 0, 1, 0, 2], [1, 0, 0, 0, 1, 0], [0, 1, 1, 0, 1, 1]])
    return GeneratorBatch(frames, Labels(*labels), sources, Labels(*targets))


def build(kind: type[GenerativeModel], **settings: object) -> GenerativeModel:
    """Weights and buffers so large that every frame is judged otherwise than the next."""
    torch.manual_seed(2)
    model = kind(**NAMES, widths=WIDTHS, **settings)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                nn.init.kaiming_normal_(parameter)
            else:
                parameter.add_(0.3 * torch.randn_like(parameter))
        for name, buffer in model.named_buffers():
            if name in ("gaussians.means", "shifts"):
                buffer.normal_()
            elif name == "gaussians.spreads":
                buffer.add_(torch.randn_like(buffer).tril(-1))
            elif name == "spread":
                buffer.uniform_(0.5, 2)
            elif name == "known":  # nobody is known so, one, two, all
                buffer.copy_(torch.tensor([[[0, 1], [1, 1]], [[0, 0], [1, 0]], [[0, 1], [1, 0]]]))
    return model.train()


def assert_agrees(model: GenerativeModel, stage: str, name: str, batch: GeneratorBatch, twin: Twin) -> None:
    """The phase's loss, and its gradient in the phase's parameters, are those of the twin."""
    (phase,) = (one for its in model.stages() if its.name == stage for one in its.phases if one.name == name)
    own, wide = {id(one) for one in phase.parameters()}, copy.deepcopy(model).double()
    names = [name for name, one in model.named_parameters() if id(one) in own]
    assert len(names) == len(own)
    found = phase.loss(batch, torch.Generator().manual_seed(3)).value
    expected = twin(wide, batch, torch.Generator().manual_seed(3))
    torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=0)
    slopes, wanted = (
        torch.autograd.grad(value, [its.get_parameter(one) for one in names], allow_unused=True, materialize_grads=True)
        for value, its in ((found, model), (expected, wide))
    )
    largest = max(one.abs().max().item() for one in wanted)
    assert largest > 1e-3
    for one, slope, its in zip(names, slopes, wanted, strict=True):
        torch.testing.assert_close(
            slope.double(), its, rtol=1e-3, atol=1e-4 * largest, msg=lambda text, n=one: n + text
        )


def unit(frames: Tensor) -> Tensor:
    """Background is -1, a person 1."""
    return frames.double() / 255 * 2 - 1


def shown(labels: Labels) -> dict[str, list[int]]:
    return {factor: labels.of(factor).tolist() for factor in FACTORS}


def noise(generator: torch.Generator) -> Tensor:
    return torch.randn(COUNT, LATENT, generator=generator).double()


def from_noise(model: GenerativeModel, labels: Labels, generator: torch.Generator) -> Tensor:
    """Noise beside a 1 for each of subject, condition and view."""
    rows = []
    for vector, *its in zip(noise(generator), *shown(labels).values(), strict=True):
        ones = [torch.eye(len(names), dtype=torch.float64)[i] for i, names in zip(its, NAMES.values(), strict=True)]
        rows.append(torch.cat([vector, *ones]))
    return model.generator.decoder(torch.stack(rows))


def from_gaussians(model: GenerativeModel, labels: Labels, generator: torch.Generator) -> Tensor:
    """Encodings: a label's mean, and noise as wide as its condition and view."""
    rows = []
    for vector, who, how, where in zip(noise(generator), *shown(labels).values(), strict=True):
        rows.append(model.gaussians.means[who, how, where] + model.gaussians.spreads[how, where] @ vector)
    return torch.stack(rows)


# ACGAN


def acgan_judges(model: GenerativeModel, frames: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    classes = model.discriminator["classes"]
    return model.discriminator["real"](classes.trunk(frames).flatten(1))[:, 0], classes(frames)


def test_acgan_discriminator(batch: GeneratorBatch) -> None:
    def twin(model: GenerativeModel, batch: GeneratorBatch, generator: torch.Generator) -> Tensor:
        real, of_real = acgan_judges(model, unit(batch.frames))
        fake, of_fake = acgan_judges(model, from_noise(model, batch.targets, generator))
        return slow.acgan(real, of_real, shown(batch.labels), fake, of_fake, shown(batch.targets))

    assert_agrees(build(ACGAN, latent=LATENT), "adversarial", "discriminator", batch, twin)


def test_acgan_generator(batch: GeneratorBatch) -> None:
    def twin(model: GenerativeModel, batch: GeneratorBatch, generator: torch.Generator) -> Tensor:
        fake, of_fake = acgan_judges(model, from_noise(model, batch.targets, generator))
        return slow.acgan_generator(fake, of_fake, shown(batch.targets))

    assert_agrees(build(ACGAN, latent=LATENT), "adversarial", "generator", batch, twin)


# ReACGAN

CONTRAST = {"temperature": 0.4, "positive_margin": 0.9}


def reacgan() -> GenerativeModel:
    model = build(ReACGAN, latent=LATENT, projection=4, class_weight=0.7, **CONTRAST)
    model.discriminator.eval()  # each forward pass in training would move the spectral norms
    return model


def reacgan_judges(model: GenerativeModel, frames: Tensor, labels: Labels) -> tuple[Tensor, Tensor]:
    """Scores, and how well frames point to their classes."""
    parts = model.discriminator
    features = parts["trunk"](frames).flatten(2).sum(2)
    directions = {factor: parts["projections"][factor](features) for factor in FACTORS}
    proxies = {factor: parts["proxies"][factor].weight for factor in FACTORS}
    told = slow.pointed(directions, proxies, shown(labels), CONTRAST["temperature"], CONTRAST["positive_margin"])
    return parts["real"](features)[:, 0], told


def test_reacgan_discriminator(batch: GeneratorBatch) -> None:
    def twin(model: GenerativeModel, batch: GeneratorBatch, generator: torch.Generator) -> Tensor:
        real, of_real = reacgan_judges(model, unit(batch.frames), batch.labels)
        fake, _ = reacgan_judges(model, from_noise(model, batch.targets, generator), batch.targets)
        return slow.reacgan(real, fake, of_real, 0.7)

    assert_agrees(reacgan(), "adversarial", "discriminator", batch, twin)


def test_reacgan_generator(batch: GeneratorBatch) -> None:
    def twin(model: GenerativeModel, batch: GeneratorBatch, generator: torch.Generator) -> Tensor:
        return slow.reacgan_generator(
            *reacgan_judges(model, from_noise(model, batch.targets, generator), batch.targets), 0.7
        )

    assert_agrees(reacgan(), "adversarial", "generator", batch, twin)


# BAGAN


def kinds(labels: Labels) -> list[int]:
    """Each condition from each view is a class: cl from 000, cl from 090, nm from 000, nm from 090."""
    order = [(0, 0), (0, 1), (1, 0), (1, 1)]
    return [order.index(one) for one in zip(labels.conditions.tolist(), labels.views.tolist(), strict=True)]


def test_bagan_autoencoder(batch: GeneratorBatch) -> None:
    def twin(model: GenerativeModel, batch: GeneratorBatch, generator: torch.Generator) -> Tensor:
        return slow.square(model.generator(model.encoder(unit(batch.frames))[1]), unit(batch.frames))

    assert_agrees(build(BAGAN, latent=LATENT), "autoencoder", "autoencoder", batch, twin)


def test_bagan_discriminator(batch: GeneratorBatch) -> None:
    def twin(model: GenerativeModel, batch: GeneratorBatch, generator: torch.Generator) -> Tensor:
        made = model.generator(from_gaussians(model, batch.targets, generator))
        fake = model.discriminator(made[:2])  # of 6 real frames 1.5 are of each of the four classes
        return slow.bagan(model.discriminator(unit(batch.frames)), kinds(batch.labels), fake)

    assert_agrees(build(BAGAN, latent=LATENT), "adversarial", "discriminator", batch, twin)


def test_bagan_generator(batch: GeneratorBatch) -> None:
    def twin(model: GenerativeModel, batch: GeneratorBatch, generator: torch.Generator) -> Tensor:
        made = model.generator(from_gaussians(model, batch.targets, generator))
        return slow.bagan_generator(model.discriminator(made), kinds(batch.targets))

    assert_agrees(build(BAGAN, latent=LATENT), "adversarial", "generator", batch, twin)


# BAGAN-GP


def marked(embedding: nn.Module, latents: Tensor, labels: Labels) -> Tensor:
    """Encodings times a row for each of subject, condition and view."""
    rows = []
    for vector, *its in zip(latents, *shown(labels).values(), strict=True):
        who, how, where = (embedding.tables[factor].weight[i] for factor, i in zip(FACTORS, its, strict=True))
        rows.append(vector * who * how * where)
    return torch.stack(rows)


def test_bagan_gp_autoencoder(batch: GeneratorBatch) -> None:
    def twin(model: GenerativeModel, batch: GeneratorBatch, generator: torch.Generator) -> Tensor:
        latents = model.encoder(unit(batch.frames))[1]
        return slow.absolute(model.decoder(marked(model.embedding, latents, batch.labels)), unit(batch.frames))

    assert_agrees(build(BAGANGP, latent=LATENT), "autoencoder", "autoencoder", batch, twin)


@pytest.mark.parametrize("weight", [10.0, 0.5])
def test_bagan_gp_discriminator(batch: GeneratorBatch, weight: float) -> None:
    def twin(model: GenerativeModel, batch: GeneratorBatch, generator: torch.Generator) -> Tensor:
        made, real = model.decoder(marked(model.embedding, noise(generator), batch.targets)), unit(batch.frames)
        wrong = mislabeled(batch.labels, model.names, generator)
        shares = torch.rand(COUNT, generator=generator).tolist()
        penalty = slow.steepness(
            lambda frame, i: model.discriminator(frame, batch.labels[i : i + 1])[0, 0], real, made, shares
        )
        of = [
            model.discriminator(frames, labels)[:, 0]
            for frames, labels in ((real, batch.labels), (real, wrong), (made, batch.targets))
        ]
        return slow.bagan_gp(*of, penalty, weight)

    assert_agrees(build(BAGANGP, latent=LATENT, penalty=weight), "adversarial", "discriminator", batch, twin)


def test_bagan_gp_generator(batch: GeneratorBatch) -> None:
    def twin(model: GenerativeModel, batch: GeneratorBatch, generator: torch.Generator) -> Tensor:
        made = model.decoder(marked(model.embedding, noise(generator), batch.targets))
        return slow.called_real(model.discriminator(made, batch.targets)[:, 0])

    assert_agrees(build(BAGANGP, latent=LATENT), "adversarial", "generator", batch, twin)


# The autoencoder-guided GAN


def ae_guided(kind: type[AEGuidedGAN] = AEGuidedGAN, **settings: object) -> GenerativeModel:
    usual = {"latent_size": LATENT, "reconstruction_weight": 3.0, "noise": 0.5, "borrow": 0.6}
    return build(kind, **{**usual, **settings})


def last_stage(reconstruction_weight: float) -> str:
    return "anchored" if reconstruction_weight else "adversarial"


def sourced(model: GenerativeModel, batch: GeneratorBatch, generator: torch.Generator) -> Tensor:
    """Encodings of the sources, each with noise and moved to the condition as one who is known in it wears it."""
    encoded, rows = model.encoder(unit(batch.sources))[1].detach(), []
    lots, vectors = torch.rand(2, COUNT, generator=generator).tolist(), noise(generator)
    for i, (who, how, where) in enumerate(zip(*shown(batch.targets).values(), strict=True)):
        known = [one for one in range(3) if model.known[one, how, where]]
        wearer = known[int(lots[1][i] * len(known))] if known and lots[0][i] < 0.6 else who
        shift = 0 if isinstance(model, WithoutTransport) else model.shifts[wearer, how, where]
        rows.append(encoded[i] + 0.5 * model.spread * vectors[i] + shift)
    return torch.stack(rows)


def latents_of(model: GenerativeModel, batch: GeneratorBatch, generator: torch.Generator) -> Tensor:
    """What the decoder gets: the latents with their labels."""
    draws = sourced(model, batch, generator) if model.ordered else from_gaussians(model, batch.targets, generator)
    return marked(model.generator.embedding, draws, batch.targets)


def ae_guided_judges(model: GenerativeModel, frames: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    features = model.discriminator.trunk(frames).flatten(1)
    return model.discriminator.source(features)[:, 0], model.discriminator(frames)


def test_ae_guided_guard(batch: GeneratorBatch) -> None:
    def twin(model: GenerativeModel, batch: GeneratorBatch, generator: torch.Generator) -> Tensor:
        blurred = unit(batch.frames) + 0.2 * torch.randn(batch.frames.shape, generator=generator).double()
        return slow.named(model.guard(blurred), shown(batch.labels))

    assert_agrees(ae_guided(), "guard", "guard", batch, twin)


def test_ae_guided_autoencoder(batch: GeneratorBatch) -> None:
    def twin(model: GenerativeModel, batch: GeneratorBatch, generator: torch.Generator) -> Tensor:
        latents = marked(model.restorer.embedding, model.encoder(unit(batch.frames))[1], batch.labels)
        return slow.absolute(model.restorer.decoder(latents), unit(batch.frames))

    assert_agrees(ae_guided(), "autoencoder", "autoencoder", batch, twin)


@pytest.mark.parametrize("weight", [0.0, 3.0])
@pytest.mark.parametrize("kind", [AEGuidedGAN, *VARIANTS])
def test_ae_guided_discriminator(batch: GeneratorBatch, kind: type[AEGuidedGAN], weight: float) -> None:
    def twin(model: GenerativeModel, batch: GeneratorBatch, generator: torch.Generator) -> Tensor:
        real, of_real = ae_guided_judges(model, unit(batch.frames))
        fake, of_fake = ae_guided_judges(model, model.generator.decoder(latents_of(model, batch, generator)))
        assert set(of_fake) == set(FACTORS)
        shown_to_heads = of_real if kind is TrueClassification else {}
        return slow.ae_guided(real, fake, of_fake, shown(batch.targets), 1.0, shown_to_heads, shown(batch.labels))

    model = ae_guided(kind, reconstruction_weight=weight)
    assert_agrees(model, last_stage(weight), "discriminator", batch, twin)


@pytest.mark.parametrize("weight", [0.0, 3.0])
@pytest.mark.parametrize("guard_weight", [0.0, 0.6])
@pytest.mark.parametrize("kind", [AEGuidedGAN, *VARIANTS])
def test_ae_guided_generator(
    batch: GeneratorBatch, kind: type[AEGuidedGAN], guard_weight: float, weight: float
) -> None:
    def twin(model: GenerativeModel, batch: GeneratorBatch, generator: torch.Generator) -> Tensor:
        latents = latents_of(model, batch, generator)
        if weight:  # one batch norm for both kinds
            encoded = model.encoder(unit(batch.frames))[1].detach()
            latents = torch.cat([latents, marked(model.generator.embedding, encoded, batch.labels)])
        frames = model.generator.decoder(latents)
        fake, of_fake = ae_guided_judges(model, frames[:COUNT])
        value = slow.called_real(fake) + slow.named(of_fake, shown(batch.targets))
        if weight:
            value = value + weight * slow.absolute(frames[COUNT:], unit(batch.frames))
        if guard_weight:
            of_condition = {"condition": model.guard(frames[:COUNT])["condition"]}
            value = value + guard_weight * slow.named(of_condition, shown(batch.targets))
        return value

    model = ae_guided(kind, guard_weight=guard_weight, reconstruction_weight=weight)
    assert_agrees(model, last_stage(weight), "generator", batch, twin)


@pytest.mark.parametrize("weight", [0.0, 10.0])
def test_ae_guided_is_anchored_where_the_reconstruction_has_a_weight(weight: float) -> None:
    names = [stage.name for stage in ae_guided(reconstruction_weight=weight).stages()]
    assert names == ["guard", "autoencoder", last_stage(weight)]

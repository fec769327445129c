"""The autoencoder-guided GAN: an autoencoder of all conditions initializes a GAN that generates the rare one.

Source: Jian Xu, Hai Li, Shujuan Hou, "Autoencoder-guided GAN for minority-class cloth-changing gait data generation",
Digital Signal Processing 2022. Its authors published no code, and the paper states only three ideas of the method: an
autoencoder with an embedding of the labels learns all data, and its labeled latent vector is the GAN's input; generator
and discriminator have the autoencoder's topology and start with its weights; the discriminator classifies generated
frames only.
Deviations: everything else is our completion, after Mariani et al., "BAGAN", 2018, and Huang and Jafari, "Enhanced
balancing GAN", 2021. Layers and Adam's momenta are the latter's. The learning rates are ours: 1e-3 for the guard, 5e-4
for the autoencoder, 2e-4 for the discriminator, 1e-4 for the generator; the latter has 2e-4 and the former 5e-5
throughout. The embedding has tables of subject, condition and view, which multiply, and the discriminator has a class
head for each. Latent vectors come from frames of normal walking, so that generated sequences keep phase and order.
Before the embedding they are shifted by the difference of the mean encodings of both conditions (`transport`): an
autoencoder that sees the coat in its input does not need to learn it from the label. Half of the takes are shifted by
another subject's difference (`borrow`); they do not show a person's own coat. A little noise is added to the latent
vectors (`noise`). The reconstruction of real frames stays a term of the generator's loss, as an anchor. All conditions
are equally frequent in real batches. Frames are generated with averaged weights (see `fit_generator`). The class heads
see generated frames only and could drift with the generator, so a classifier of real frames, trained first and then
frozen, is the guard: it shows whether labels keep their meaning (see `monitor`).
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar, cast

import torch
from torch import Tensor, nn

from walkprint.core.bounds import Fraction, NonNegative, Positive, Width
from walkprint.core.errors import RecipeError
from walkprint.generation.adversarial import non_saturating_discriminator, non_saturating_generator
from walkprint.generation.base import GenerativeModel, Phase, Stage
from walkprint.generation.batches import FrameBatches, GeneratorBatch
from walkprint.generation.classifier import FrameClassifier, accuracies, label_cross_entropy
from walkprint.generation.gaussians import LabelGaussians
from walkprint.generation.labels import FACTORS, Factor, LabelNames, Labels
from walkprint.generation.layers import WIDTHS, Decoder, Encoder, LabelEmbedding, initialize
from walkprint.losses.base import LossValue

_GUARD_NOISE = 0.2


class LabeledDecoder(nn.Module):
    """Label embedding and decoder, as both the autoencoder and the generator have them."""

    def __init__(self, names: LabelNames, latent: int, widths: Sequence[int], factors: Sequence[Factor]) -> None:
        super().__init__()
        self.embedding = LabelEmbedding(names, latent, factors)
        self.decoder = Decoder(latent, widths)

    def forward(self, latent: Tensor, labels: Labels) -> Tensor:
        """From encodings (batch, latent) to frames (batch, 1, 64, 64), -1 to 1, that show `labels`."""
        frames: Tensor = self.decoder(latent * self.embedding(labels))
        return frames


class Discriminator(FrameClassifier):
    """An encoder's trunk with a head for real or generated, which ACGAN calls the source, and one for each factor."""

    def __init__(self, names: LabelNames, widths: Sequence[int]) -> None:
        super().__init__(names, widths)
        self.source = nn.Linear(self.trunk.features, 1)
        initialize(self.source)

    def score(self, frames: Tensor, unclassified: int = 0) -> tuple[Tensor, dict[Factor, Tensor]]:
        """Logits of being real (batch, 1), and class logits by factor of all but the first `unclassified` frames."""
        features = self.trunk(frames).flatten(1)
        return self.source(features), self.classify(features[unclassified:])


class AEGuidedGAN(GenerativeModel):
    """See the module.

    `walkprint.studies.ablation` has variants without each of its parts.

    Args:
        borrow: share of the generated takes, 0 to 1, that are shifted towards the condition as another subject shows
            it, e.g. in that subject's coat. A recognizer learns to ignore coats from one person in many.
        reconstruction_weight: of the reconstruction of real frames in the generator's loss; 0 leaves it out.
        guard_weight: of the guard's cross entropy of the condition in the generator's loss; 0 only logs it.
        noise: added to encodings, as a share of their standard deviations.
        latent_size: length of an encoding.
        widths: channels at 32, 16, 8 and 4 pixels.
        learning_rates: of the autoencoder (the guard's is twice that), the discriminator and the generator. With 0, one
            of the last two keeps its initial weights.
        shares: of all steps, for guard, autoencoder and GAN, each more than 0; only their proportions matter.
        names: see `GenerativeModel`.

    Raises:
        RecipeError: a setting is out of range.
    """

    ordered = True
    embedding_factors: ClassVar[tuple[Factor, ...]] = FACTORS

    def __init__(
        self,
        *,
        borrow: Fraction = 0.5,
        reconstruction_weight: NonNegative = 10.0,
        guard_weight: NonNegative = 0.0,
        noise: NonNegative = 0.1,
        latent_size: Width = 128,
        widths: Sequence[Width] = WIDTHS,
        learning_rates: tuple[Positive, NonNegative, NonNegative] = (5e-4, 2e-4, 1e-4),
        shares: tuple[Positive, Positive, Positive] = (0.1, 0.4, 0.5),
        **names: Any,
    ) -> None:
        super().__init__(**names)
        for name, numbers in (("learning_rates", learning_rates), ("shares", shares)):
            if len(numbers) != 3:
                raise RecipeError(f"{type(self).__name__}: {name} are {list(numbers)}; expected three numbers")
        self.borrow, self.noise = borrow, noise
        self.reconstruction_weight, self.guard_weight = reconstruction_weight, guard_weight
        self.learning_rates, self.shares = tuple(learning_rates), tuple(shares)
        self.guard = FrameClassifier(self.names)
        self.encoder = Encoder(latent_size, widths)
        self.restorer = LabeledDecoder(self.names, latent_size, widths, self.embedding_factors)
        self.generator = LabeledDecoder(self.names, latent_size, widths, self.embedding_factors)
        self.discriminator = Discriminator(self.names, widths)
        self.gaussians = LabelGaussians(self.names, latent_size)
        sizes = (len(self.names.subjects), len(self.names.conditions), len(self.names.views), latent_size)
        self.register_buffer("shifts", torch.zeros(sizes))
        self.register_buffer("known", torch.ones(sizes[:3]))
        self.register_buffer("spread", torch.ones(latent_size))

    shifts: Tensor
    known: Tensor
    spread: Tensor

    def stages(self) -> Sequence[Stage]:
        """See `GenerativeModel`."""
        adam = partial(torch.optim.Adam, betas=(0.5, 0.9))
        first, second, third = self.learning_rates
        guard = Phase("guard", self.guard.parameters, self._guard_loss, partial(adam, lr=2 * first))
        autoencoder = Phase("autoencoder", self._halves, self._autoencoder_loss, partial(adam, lr=first))
        gan = (
            Phase("discriminator", self.discriminator.parameters, self._discriminator_loss, partial(adam, lr=second)),
            Phase("generator", self.generator.parameters, self._generator_loss, partial(adam, lr=third)),
        )
        last = "anchored" if self.reconstruction_weight > 0 else "adversarial"
        return [
            Stage("guard", self.shares[0], (guard,)),
            Stage("autoencoder", self.shares[1], (autoencoder,)),
            Stage(last, self.shares[2], gan, self._begin),
        ]

    def generate(self, sources: Tensor, labels: Labels, generator: torch.Generator) -> Tensor:
        """See `GenerativeModel`; all frames of a call are one take, with one draw of noise and borrowing."""
        return cast(Tensor, self.generator(self.latents(sources, labels, generator, one_take=True), labels))

    @torch.no_grad()
    def classify_conditions(self, frames: Tensor) -> Tensor:
        """See `GenerativeModel`; by the guard."""
        logits: Tensor = self.guard(self.to_unit(frames.to(self.spread.device)))["condition"]
        return logits.argmax(1).cpu()

    def latents(self, sources: Tensor, labels: Labels, generator: torch.Generator, *, one_take: bool) -> Tensor:
        """The generator's inputs, (batch, latent).

        Args:
            sources: see `generate`.
            labels: what the frames should show.
            generator: on the CPU; the only source of randomness.
            one_take: draw once for each subject instead of once for each frame.
        """
        with torch.no_grad():
            _, latents = self.encoder(self.to_unit(sources))
        rows = labels.subjects.cpu() if one_take else torch.arange(len(labels))
        count = len(self.names.subjects) if one_take else len(labels)
        draws = torch.rand(2, count, generator=generator)
        noise = torch.randn(count, len(self.spread), generator=generator)
        latents = latents + self.noise * self.spread * noise[rows].to(latents)
        return self.transport(latents, labels, draws[:, rows])

    def transport(self, latents: Tensor, labels: Labels, draws: Tensor) -> Tensor:
        """Shift encodings of the source condition to the condition of the labels.

        Args:
            latents: (batch, latent).
            labels: what the frames should show.
            draws: (2, batch), 0 to 1, on the CPU: whether another subject's shift is borrowed, and whose.
        """
        own = labels.subjects.cpu()
        lenders = torch.where(draws[0] < self.borrow, self._lenders(labels, draws[1]), own)
        return latents + self.shifts[lenders.to(labels.subjects.device), labels.conditions, labels.views]

    def _lenders(self, labels: Labels, draws: Tensor) -> Tensor:
        """A random subject with real frames of that condition and view, all equally likely; else the label's own."""
        known = self.known[:, labels.conditions, labels.views].T.cpu().cumsum(1)
        found = torch.searchsorted(known, (draws * known[:, -1]).unsqueeze(1), right=True).squeeze(1)
        return torch.where(known[:, -1] > 0, found, labels.subjects.cpu())

    def init_generator(self) -> None:
        """Start the generator with the autoencoder's weights."""
        self.generator.load_state_dict(self.restorer.state_dict())

    def init_discriminator(self) -> None:
        """Start the discriminator's trunk with the encoder's weights."""
        self.discriminator.trunk.load_state_dict(self.encoder.trunk.state_dict())

    def _begin(self, batches: FrameBatches) -> None:
        """Hand the autoencoder's weights over, and measure its encodings."""
        self.init_generator()
        self.init_discriminator()
        device = self.spread.device
        found = [(self.encoder(self.to_unit(frames.to(device)))[1], labels) for frames, labels in batches.takes()]
        self.gaussians.fit(found)
        self.spread.copy_(torch.cat([latents for latents, _ in found]).std(0))
        labels = Labels.cat([one for _, one in found])
        self.known.zero_()[labels.subjects, labels.conditions, labels.views] = 1
        means, source = self.gaussians.means, self.names.conditions.index(self.source_condition)
        shifts = means - means[:, source, None]
        both = (self.known * self.known[:, source, None]).unsqueeze(-1)
        usual = (both * shifts).sum(0) / both.sum(0).clamp_min(1)
        self.shifts.copy_(torch.where(both > 0, shifts, usual))

    def _halves(self) -> list[nn.Parameter]:
        return [*self.encoder.parameters(), *self.restorer.parameters()]

    def _guard_loss(self, batch: GeneratorBatch, generator: torch.Generator) -> LossValue:
        frames = self.to_unit(batch.frames)
        noise = torch.randn(frames.shape, generator=generator).to(frames)
        logits = self.guard(frames + _GUARD_NOISE * noise)  # gray edges must not mislead it
        numbers = {f"real_{factor}": one for factor, one in accuracies(logits, batch.labels).items()}
        return LossValue(label_cross_entropy(logits, batch.labels), numbers)

    def _autoencoder_loss(self, batch: GeneratorBatch, generator: torch.Generator) -> LossValue:
        frames = self.to_unit(batch.frames)
        _, latents = self.encoder(frames)
        return LossValue((self.restorer(latents, batch.labels).float() - frames).abs().mean())

    def _discriminator_loss(self, batch: GeneratorBatch, generator: torch.Generator) -> LossValue:
        with torch.no_grad():
            latents = self.latents(batch.sources, batch.targets, generator, one_take=False)
            generated = self.generator(latents, batch.targets)
        return self.discriminator_loss(self.to_unit(batch.frames), batch.labels, generated, batch.targets)

    def discriminator_loss(self, real: Tensor, labels: Labels, generated: Tensor, targets: Labels) -> LossValue:
        """The discriminator's loss; the class heads see generated frames only.

        Args:
            real, generated: frames (batch, 1, 64, 64), -1 to 1.
            labels, targets: what they show.
        """
        logits, classes = self.discriminator.score(torch.cat([real, generated.to(real)]), unclassified=len(real))
        return self.adversarial_loss(logits[: len(real)], logits[len(real) :], label_cross_entropy(classes, targets))

    @staticmethod
    def adversarial_loss(real: Tensor, generated: Tensor, classes: Tensor) -> LossValue:
        """The adversarial loss of logits (batch, 1), plus that of the classes."""
        adversarial = non_saturating_discriminator(real, generated)
        real_right, generated_right = (real > 0).float().mean(), (generated < 0).float().mean()
        numbers = {"adversarial": adversarial.detach(), "real": real_right, "generated": generated_right}
        return LossValue(adversarial + classes, numbers)

    def _generator_loss(self, batch: GeneratorBatch, generator: torch.Generator) -> LossValue:
        """Real frames to reconstruct pass the decoder in one batch with those to generate."""
        latents = self.latents(batch.sources, batch.targets, generator, one_take=False)
        labels, anchored = batch.targets, self.reconstruction_weight > 0
        if anchored:
            with torch.no_grad():
                _, known = self.encoder(self.to_unit(batch.frames))
            latents, labels = torch.cat([latents, known]), Labels.cat([labels, batch.labels])
        frames = self.generator(latents, labels)
        generated, restored = frames[: len(batch)], frames[len(batch) :]
        logits, classes = self.discriminator.score(generated)
        adversarial = non_saturating_generator(logits)
        value = adversarial + label_cross_entropy(classes, batch.targets)
        numbers = {"adversarial": adversarial.detach()}
        if anchored:
            distance = (restored.float() - self.to_unit(batch.frames)).abs().mean()
            value = value + self.reconstruction_weight * distance
            numbers["reconstruction"] = distance.detach()
        with torch.set_grad_enabled(self.guard_weight > 0):
            guarded = self.guard(generated)
            if self.guard_weight > 0:
                of_condition = label_cross_entropy({"condition": guarded["condition"]}, batch.targets)
                value = value + self.guard_weight * of_condition
        numbers |= {f"guard_{factor}": one for factor, one in accuracies(guarded, batch.targets).items()}
        return LossValue(value, numbers)

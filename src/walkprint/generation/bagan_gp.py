"""BAGAN-GP: a supervised autoencoder initializes the generator; the discriminator sees frame and label together.

Source: Huang, Jafari, "Enhanced balancing GAN: minority-class image generation", Neural Computing and Applications
2021, and its released code.
Deviations: a label is subject, condition and view, each with its own embedding table; the tables multiply. So a wrong
label is wrong in one random factor: the easiest factor would give away a label that is wrong in all three. The penalty
mixes real and generated frames uniformly, as the article says; the released code draws the shares from a normal
distribution. Widths of the discriminator's dense layers follow those of its convolutions. Batch size and steps are set
by the recipe; published are 128 frames and 30 epochs of the autoencoder before 100 of the GAN, and the autoencoder's
share is kept. All conditions are equally frequent in real batches, and frames are generated with averaged weights (see
`fit_generator`).
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from walkprint.core.bounds import NonNegative, OpenFraction, Positive, Width
from walkprint.core.errors import RecipeError
from walkprint.generation.adversarial import gradient_penalty, non_saturating_generator
from walkprint.generation.base import GenerativeModel, Phase, Stage
from walkprint.generation.batches import GeneratorBatch
from walkprint.generation.labels import FACTORS, LabelNames, Labels
from walkprint.generation.layers import WIDTHS, Decoder, Encoder, LabelEmbedding, Trunk, draw_noise, initialize
from walkprint.losses.base import LossValue


class LabeledDiscriminator(nn.Module):
    """One logit for "this frame is real and shows this".

    Args:
        names: the classes.
        widths: channels at 32, 16, 8 and 4 pixels.
    """

    def __init__(self, names: LabelNames, widths: Sequence[int] = WIDTHS) -> None:
        super().__init__()
        self.trunk = Trunk(widths)
        features = self.trunk.features
        self.labels = nn.Sequential(nn.Linear(features // 8, features), nn.LeakyReLU(0.2))
        self.judge = nn.Sequential(nn.Linear(features, features // 8), nn.LeakyReLU(0.2), nn.Linear(features // 8, 1))
        initialize(self)
        self.embedding = LabelEmbedding(names, features // 8)

    def forward(self, frames: Tensor, labels: Labels) -> Tensor:
        """Frames (batch, 1, 64, 64), -1 to 1, and labels to logits (batch, 1)."""
        return cast(Tensor, self.judge(self.trunk(frames).flatten(1) * self.labels(self.embedding(labels))))


class BAGANGP(GenerativeModel):
    """Generates frames from noise times the embedding of the label; it ignores the source frames.

    Args:
        latent: length of the noise and of encodings.
        widths: channels at 32, 16, 8 and 4 pixels, of all networks.
        autoencoder_share: share of all steps that trains the autoencoder.
        penalty: weight of the gradient penalty.
        discriminator_steps: per generator step.
        learning_rate: of Adam.
        names: see `GenerativeModel`.

    Raises:
        RecipeError: a setting is out of range, or there is only one label, so that none can be wrong.
    """

    ordered = False

    def __init__(
        self,
        *,
        latent: Width = 128,
        widths: Sequence[Width] = WIDTHS,
        autoencoder_share: OpenFraction = 0.23,
        penalty: NonNegative = 10.0,
        discriminator_steps: Width = 5,
        learning_rate: Positive = 2e-4,
        **names: Any,
    ) -> None:
        super().__init__(**names)
        if max(len(self.names.names(factor)) for factor in FACTORS) < 2:
            raise RecipeError(
                f"{type(self).__name__}: one subject, condition and view; expected two or more of one of them"
            )
        self.autoencoder_share, self.penalty, self.discriminator_steps = autoencoder_share, penalty, discriminator_steps
        self.latent = latent
        self.optimizer = partial(torch.optim.Adam, lr=learning_rate, betas=(0.5, 0.9))
        self.encoder, self.decoder = Encoder(latent, widths), Decoder(latent, widths)
        self.embedding = LabelEmbedding(self.names, latent)
        self.discriminator = LabeledDiscriminator(self.names, widths)

    def stages(self) -> Sequence[Stage]:
        """The supervised autoencoder; then discriminator and generator alternate."""

        def generator() -> Iterator[nn.Parameter]:
            yield from self.embedding.parameters()
            yield from self.decoder.parameters()

        def autoencoder() -> Iterator[nn.Parameter]:
            yield from self.encoder.parameters()
            yield from generator()

        discriminator, repeats = self.discriminator.parameters, self.discriminator_steps
        adversarial = (
            Phase("discriminator", discriminator, self._discriminator_loss, self.optimizer, repeats),
            Phase("generator", generator, self._generator_loss, self.optimizer),
        )
        share = self.autoencoder_share
        return (
            Stage("autoencoder", share, (Phase("autoencoder", autoencoder, self._autoencoder_loss, self.optimizer),)),
            Stage("adversarial", 1 - share, adversarial),
        )

    def generate(self, sources: Tensor, labels: Labels, generator: torch.Generator) -> Tensor:
        """See `GenerativeModel`; the sources are ignored."""
        noise = draw_noise(labels, self.latent, generator)
        return cast(Tensor, self.decoder(noise * self.embedding(labels)))

    def _autoencoder_loss(self, batch: GeneratorBatch, generator: torch.Generator) -> LossValue:
        frames = self.to_unit(batch.frames)
        _, latents = self.encoder(frames)
        return LossValue(F.l1_loss(self.decoder(latents * self.embedding(batch.labels)).float(), frames))

    def _discriminator_loss(self, batch: GeneratorBatch, generator: torch.Generator) -> LossValue:
        with torch.no_grad():
            generated = self.generate(batch.sources, batch.targets, generator)
        frames, labels = self.to_unit(batch.frames), batch.labels
        wrong = mislabeled(labels, self.names, generator)
        terms = {
            "real": F.softplus(-self.discriminator(frames, labels).float()).mean(),
            "generated": F.softplus(self.discriminator(generated, batch.targets).float()).mean(),
            "mislabeled": F.softplus(self.discriminator(frames, wrong).float()).mean(),
            "penalty": self.penalty
            * gradient_penalty(lambda mixed: self.discriminator(mixed, labels), frames, generated, generator),
        }
        return LossValue(torch.stack(list(terms.values())).sum(), {name: one.detach() for name, one in terms.items()})

    def _generator_loss(self, batch: GeneratorBatch, generator: torch.Generator) -> LossValue:
        generated = self.generate(batch.sources, batch.targets, generator)
        return LossValue(non_saturating_generator(self.discriminator(generated, batch.targets)))


def mislabeled(labels: Labels, names: LabelNames, generator: torch.Generator) -> Labels:
    """Labels that are wrong in one factor, drawn at random for each frame among those with more than one class.

    Args:
        labels: the right ones.
        names: the classes.
        generator: on the CPU; the source of randomness.
    """
    sizes = [len(names.names(factor)) for factor in FACTORS]
    chosen = torch.multinomial(torch.tensor(sizes).gt(1).float(), len(labels), replacement=True, generator=generator)
    wrong = []
    for i, (factor, size) in enumerate(zip(FACTORS, sizes, strict=True)):
        steps = torch.randint(1, max(size, 2), (len(labels),), generator=generator) * (chosen == i)
        wrong.append((labels.of(factor) + steps.to(labels.subjects.device)) % size)
    return Labels(*wrong)

"""BAGAN-GP: a supervised autoencoder starts the generator; the discriminator judges frame and label together.

Source: Huang, Jafari, "Enhanced balancing GAN: minority-class image generation", Neural Computing and Applications
2021, and its released code.
Deviations: a label is subject, condition and view, each with a table of its own, which multiply. So a wrong label is
wrong in one of them, drawn by lot: one wrong in all three would be told by the easiest. The penalty mixes real and
generated frames uniformly, as the article says; the released code draws the shares from a normal distribution. Widths
of the discriminator's dense layers follow those of its convolutions. Batch size and steps are the recipe's, where 128
frames and 30 epochs of the autoencoder before 100 of the GAN are published; what the autoencoder has of them is alike.
Real batches hold every condition alike often, and frames are generated with averaged weights (see `fit_generator`).
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

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
    """Noise times label embedding to frames; subject, condition and view all steer, the source frames do not.

    Args:
        latent: length of the noise and of encodings.
        widths: channels at 32, 16, 8 and 4 pixels, of all networks.
        autoencoder_share: of all steps, for the autoencoder.
        penalty: weight of the gradient penalty.
        discriminator_steps: for each step of the generator.
        learning_rate: of Adam.

    Raises:
        RecipeError: a setting is out of range, or there is but one label, so that none can be wrong.
    """

    ordered = False

    def __init__(
        self,
        *,
        subjects: Sequence[str],
        conditions: Sequence[str],
        views: Sequence[str],
        source: str = "nm",
        latent: int = 128,
        widths: Sequence[int] = WIDTHS,
        autoencoder_share: float = 0.23,
        penalty: float = 10.0,
        discriminator_steps: int = 5,
        learning_rate: float = 2e-4,
    ) -> None:
        super().__init__(subjects=subjects, conditions=conditions, views=views, source=source)
        self.refuse_unless("at least 0", penalty=penalty)
        self.refuse_unless("at least 1", latent=latent, discriminator_steps=discriminator_steps)
        self.refuse_unless("more than 0", learning_rate=learning_rate)
        if not 0 < autoencoder_share < 1:
            raise RecipeError(f"BAGANGP: autoencoder_share is {autoencoder_share}; expected between 0 and 1")
        if max(len(self.names.names(factor)) for factor in FACTORS) < 2:
            raise RecipeError(
                "BAGANGP: one subject, condition and view; expected two of one of them, to tell wrong ones"
            )
        self.autoencoder_share, self.penalty, self.discriminator_steps = autoencoder_share, penalty, discriminator_steps
        self.latent = latent
        self.optimizer = partial(torch.optim.Adam, lr=learning_rate, betas=(0.5, 0.9))
        self.encoder, self.decoder = Encoder(latent, widths), Decoder(latent, widths)
        self.embedding = LabelEmbedding(self.names, latent)
        self.discriminator = LabeledDiscriminator(self.names, widths)

    def stages(self) -> Sequence[Stage]:
        """The supervised autoencoder, then discriminator and generator in turns."""

        def generator() -> Iterator[nn.Parameter]:
            yield from self.embedding.parameters()
            yield from self.decoder.parameters()

        def autoencoder() -> Iterator[nn.Parameter]:
            yield from self.encoder.parameters()
            yield from generator()

        tell = Phase(
            "discriminator", self.discriminator.parameters, self._tell, self.optimizer, self.discriminator_steps
        )
        adversarial = (tell, Phase("generator", generator, self._make, self.optimizer))
        share = self.autoencoder_share
        return (
            Stage("autoencoder", share, (Phase("autoencoder", autoencoder, self._restore, self.optimizer),)),
            Stage("adversarial", 1 - share, adversarial),
        )

    def generate(self, sources: Tensor, labels: Labels, generator: torch.Generator) -> Tensor:
        """See `GenerativeModel`; the sources are not looked at."""
        noise = draw_noise(labels, self.latent, generator)
        return cast(Tensor, self.decoder(noise * self.embedding(labels)))

    def _restore(self, batch: GeneratorBatch, generator: torch.Generator) -> LossValue:
        frames = self.to_unit(batch.frames)
        _, latents = self.encoder(frames)
        return LossValue(F.l1_loss(self.decoder(latents * self.embedding(batch.labels)).float(), frames))

    def _tell(self, batch: GeneratorBatch, generator: torch.Generator) -> LossValue:
        with torch.no_grad():
            made = self.generate(batch.sources, batch.targets, generator)
        frames, labels = self.to_unit(batch.frames), batch.labels
        wrong = mislabeled(labels, self.names, generator)
        terms = {
            "real": F.softplus(-self.discriminator(frames, labels).float()).mean(),
            "generated": F.softplus(self.discriminator(made, batch.targets).float()).mean(),
            "mislabeled": F.softplus(self.discriminator(frames, wrong).float()).mean(),
            "penalty": self.penalty
            * gradient_penalty(lambda mixed: self.discriminator(mixed, labels), frames, made, generator),
        }
        return LossValue(torch.stack(list(terms.values())).sum(), {name: one.detach() for name, one in terms.items()})

    def _make(self, batch: GeneratorBatch, generator: torch.Generator) -> LossValue:
        made = self.generate(batch.sources, batch.targets, generator)
        return LossValue(non_saturating_generator(self.discriminator(made, batch.targets)))


def mislabeled(labels: Labels, names: LabelNames, generator: torch.Generator) -> Labels:
    """Labels that are wrong in one factor, drawn by lot for each frame among those with more than one class.

    Args:
        labels: the right ones.
        names: the classes.
        generator: on the CPU, of the lots.
    """
    sizes = [len(names.names(factor)) for factor in FACTORS]
    lots = torch.multinomial(torch.tensor(sizes).gt(1).float(), len(labels), replacement=True, generator=generator)
    wrong = []
    for i, (factor, size) in enumerate(zip(FACTORS, sizes, strict=True)):
        steps = torch.randint(1, max(size, 2), (len(labels),), generator=generator) * (lots == i)
        wrong.append((labels.of(factor) + steps.to(labels.subjects.device)) % size)
    return Labels(*wrong)

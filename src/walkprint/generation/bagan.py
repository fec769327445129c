"""BAGAN: an autoencoder initializes both networks, Gaussians of its encodings are the classes, "generated" is one more.

Source: Mariani, Scheidegger, Istrate, Bekas, Malossi, "BAGAN: data augmentation with balancing GAN", 2018, and its
released code.
Deviations: encoder and decoder are those of all generators here, hence without dropout. The learning rate is theirs,
2e-4: at the published 5e-5 the autoencoder is far from converged when the others have learned their classes. All
conditions are equally frequent in real batches, as for all generators here; the published autoencoder and discriminator
see classes at their own frequencies, and only the generated frames are balanced. Frames are generated with averaged
weights (see `fit_generator`). The discriminator classifies condition and view, which have few classes. The subject
comes in only by its Gaussian (see `gaussians`): with a class for each subject, the share of generated frames in the
discriminator's batches, one in classes plus one, would round to none.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from walkprint.core.bounds import OpenFraction, Positive, Width
from walkprint.generation.adversarial import balancing_discriminator, balancing_generator
from walkprint.generation.base import GenerativeModel, Phase, Stage
from walkprint.generation.batches import FrameBatches, GeneratorBatch
from walkprint.generation.gaussians import LabelGaussians
from walkprint.generation.labels import Labels
from walkprint.generation.layers import WIDTHS, Decoder, Encoder, Trunk, initialize
from walkprint.losses.base import LossValue


class BAGAN(GenerativeModel):
    """Generates frames from encodings drawn from the Gaussian of their label; it ignores the source frames.

    Args:
        autoencoder_share: share of all steps that trains the autoencoder.
        latent: length of an encoding.
        widths: channels at 32, 16, 8 and 4 pixels, of all networks.
        learning_rate: of Adam.
        names: see `GenerativeModel`.

    Raises:
        RecipeError: a setting is out of range.
    """

    ordered = False

    def __init__(
        self,
        *,
        autoencoder_share: OpenFraction = 0.5,
        latent: Width = 100,
        widths: Sequence[Width] = WIDTHS,
        learning_rate: Positive = 2e-4,
        **names: Any,
    ) -> None:
        super().__init__(**names)
        self.autoencoder_share = autoencoder_share
        self.optimizer = partial(torch.optim.Adam, lr=learning_rate, betas=(0.5, 0.999))
        self.classes = len(self.names.conditions) * len(self.names.views)
        self.encoder, self.generator = Encoder(latent, widths), Decoder(latent, widths)
        self.gaussians = LabelGaussians(self.names, latent)
        trunk = Trunk(widths)
        self.discriminator = nn.Sequential(trunk, nn.Flatten(), nn.Linear(trunk.features, self.classes + 1))
        initialize(self.discriminator)

    def stages(self) -> Sequence[Stage]:
        """The autoencoder; then discriminator and generator alternate, which start as its halves."""
        adversarial = (
            Phase("discriminator", self.discriminator.parameters, self._discriminator_loss, self.optimizer),
            Phase("generator", self.generator.parameters, self._generator_loss, self.optimizer),
        )
        share = self.autoencoder_share
        return (
            Stage("autoencoder", share, (Phase("autoencoder", self._halves, self._autoencoder_loss, self.optimizer),)),
            Stage("adversarial", 1 - share, adversarial, self._begin),
        )

    def generate(self, sources: Tensor, labels: Labels, generator: torch.Generator) -> Tensor:
        """See `GenerativeModel`; the sources are ignored."""
        return cast(Tensor, self.generator(self.gaussians.draw(labels, generator)))

    def _class_of(self, labels: Labels) -> Tensor:
        return labels.conditions * len(self.names.views) + labels.views

    def _begin(self, batches: FrameBatches) -> None:
        self.discriminator[0].load_state_dict(self.encoder.trunk.state_dict())
        device = next(self.parameters()).device
        takes = ((self.to_unit(frames.to(device)), labels) for frames, labels in batches.takes())
        self.gaussians.fit((self.encoder(frames)[1], labels) for frames, labels in takes)

    def _halves(self) -> list[nn.Parameter]:
        return [*self.encoder.parameters(), *self.generator.parameters()]

    def _autoencoder_loss(self, batch: GeneratorBatch, generator: torch.Generator) -> LossValue:
        frames = self.to_unit(batch.frames)
        _, latents = self.encoder(frames)
        return LossValue(F.mse_loss(self.generator(latents).float(), frames))

    def _discriminator_loss(self, batch: GeneratorBatch, generator: torch.Generator) -> LossValue:
        with torch.no_grad():  # few are needed, but batch norm sees the whole batch
            generated = self.generator(self.gaussians.draw(batch.targets, generator))[: -(-len(batch) // self.classes)]
        logits = self.discriminator(torch.cat([self.to_unit(batch.frames), generated]))
        real, fake = logits[: len(batch)], logits[len(batch) :]
        return LossValue(balancing_discriminator(real, self._class_of(batch.labels), fake))

    def _generator_loss(self, batch: GeneratorBatch, generator: torch.Generator) -> LossValue:
        generated = self.generator(self.gaussians.draw(batch.targets, generator))
        return LossValue(balancing_generator(self.discriminator(generated), self._class_of(batch.targets)))

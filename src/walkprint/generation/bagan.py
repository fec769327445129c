"""BAGAN: an autoencoder starts both networks, Gaussians of its encodings are the classes, "generated" is one more.

Source: Mariani, Scheidegger, Istrate, Bekas, Malossi, "BAGAN: data augmentation with balancing GAN", 2018, and its
released code.
Deviations: encoder and decoder are those of all generators here, so without dropout, and the learning rate is theirs,
2e-4: at the published 5e-5 the autoencoder is far from ready when the others have learned their classes. Real batches
hold every condition alike often, as for all generators here, where the published autoencoder and discriminator see
classes as rare as they are: what balances there are the generated frames alone. Frames are generated with averaged
weights (see `fit_generator`). What is told apart is condition and view, of which there are few; the subject comes in by
its Gaussian alone (see `gaussians`), since with a class for each subject, too, not one generated frame would be left in
the discriminator's batches, of which they are one part in classes plus one.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from walkprint.core.errors import RecipeError
from walkprint.generation.adversarial import balancing_discriminator, balancing_generator
from walkprint.generation.base import GenerativeModel, Phase, Stage
from walkprint.generation.batches import FrameBatches, GeneratorBatch
from walkprint.generation.gaussians import LabelGaussians
from walkprint.generation.labels import Labels
from walkprint.generation.layers import WIDTHS, Decoder, Encoder, Trunk, initialize
from walkprint.losses.base import LossValue


class BAGAN(GenerativeModel):
    """Encodings drawn from the Gaussian of a subject, condition and view to frames; the source frames do not steer.

    Args:
        latent: length of an encoding.
        widths: channels at 32, 16, 8 and 4 pixels, of all networks.
        autoencoder_share: of all steps, for the autoencoder.
        learning_rate: of Adam.

    Raises:
        RecipeError: a setting is out of range.
    """

    ordered = False

    def __init__(
        self,
        *,
        subjects: Sequence[str],
        conditions: Sequence[str],
        views: Sequence[str],
        source: str = "nm",
        latent: int = 100,
        widths: Sequence[int] = WIDTHS,
        autoencoder_share: float = 0.5,
        learning_rate: float = 2e-4,
    ) -> None:
        super().__init__(subjects=subjects, conditions=conditions, views=views, source=source)
        self.refuse_unless("at least 1", latent=latent)
        self.refuse_unless("more than 0", learning_rate=learning_rate)
        if not 0 < autoencoder_share < 1:
            raise RecipeError(f"BAGAN: autoencoder_share is {autoencoder_share}; expected between 0 and 1")
        self.autoencoder_share = autoencoder_share
        self.optimizer = partial(torch.optim.Adam, lr=learning_rate, betas=(0.5, 0.999))
        self.classes = len(conditions) * len(views)
        self.encoder, self.generator = Encoder(latent, widths), Decoder(latent, widths)
        self.gaussians = LabelGaussians(self.names, latent)
        trunk = Trunk(widths)
        self.discriminator = nn.Sequential(trunk, nn.Flatten(), nn.Linear(trunk.features, self.classes + 1))
        initialize(self.discriminator)

    def stages(self) -> Sequence[Stage]:
        """The autoencoder, then discriminator and generator in turns, which begin as its halves."""

        def autoencoder() -> Iterator[nn.Parameter]:
            yield from self.encoder.parameters()
            yield from self.generator.parameters()

        adversarial = (
            Phase("discriminator", self.discriminator.parameters, self._tell, self.optimizer),
            Phase("generator", self.generator.parameters, self._make, self.optimizer),
        )
        share = self.autoencoder_share
        return (
            Stage("autoencoder", share, (Phase("autoencoder", autoencoder, self._restore, self.optimizer),)),
            Stage("adversarial", 1 - share, adversarial, self._begin),
        )

    def generate(self, sources: Tensor, labels: Labels, generator: torch.Generator) -> Tensor:
        """See `GenerativeModel`; the sources are not looked at."""
        return cast(Tensor, self.generator(self.gaussians.draw(labels, generator)))

    def _class_of(self, labels: Labels) -> Tensor:
        return labels.conditions * len(self.names.views) + labels.views

    def _begin(self, batches: FrameBatches) -> None:
        self.discriminator[0].load_state_dict(self.encoder.trunk.state_dict())
        device = next(self.parameters()).device
        takes = ((self.to_unit(frames.to(device)), labels) for frames, labels in batches.takes())
        self.gaussians.fit((self.encoder(frames)[1], labels) for frames, labels in takes)

    def _restore(self, batch: GeneratorBatch, generator: torch.Generator) -> LossValue:
        frames = self.to_unit(batch.frames)
        _, latents = self.encoder(frames)
        return LossValue(F.mse_loss(self.generator(latents).float(), frames))

    def _tell(self, batch: GeneratorBatch, generator: torch.Generator) -> LossValue:
        with torch.no_grad():  # all of the batch, for the sake of batch norm, although few are needed
            made = self.generator(self.gaussians.draw(batch.targets, generator))[: -(-len(batch) // self.classes)]
        logits = self.discriminator(torch.cat([self.to_unit(batch.frames), made]))
        real, fake = logits[: len(batch)], logits[len(batch) :]
        return LossValue(balancing_discriminator(real, self._class_of(batch.labels), fake))

    def _make(self, batch: GeneratorBatch, generator: torch.Generator) -> LossValue:
        made = self.generator(self.gaussians.draw(batch.targets, generator))
        return LossValue(balancing_generator(self.discriminator(made), self._class_of(batch.targets)))

"""ACGAN: the discriminator also classifies real and generated frames.

Source: Odena, Olah, Shlens, "Conditional image synthesis with auxiliary classifier GANs", ICML 2017.
Deviations: decoder and trunk are those of all generators here, so that methods are compared and not their sizes; hence
there is no dropout in the discriminator. Subject, condition and view have a class head each, and their log-likelihoods
add. The generator's adversarial loss is the non-saturating one. All conditions are equally frequent in real batches,
and frames are generated with averaged weights (see `fit_generator`); the paper mentions neither.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn

from walkprint.core.bounds import Positive, Width
from walkprint.generation.adversarial import non_saturating_discriminator, non_saturating_generator
from walkprint.generation.base import GenerativeModel, Phase, Stage
from walkprint.generation.batches import GeneratorBatch
from walkprint.generation.classifier import FrameClassifier, label_cross_entropy
from walkprint.generation.labels import Labels
from walkprint.generation.layers import WIDTHS, NoiseDecoder, initialize
from walkprint.losses.base import LossValue


class ACGAN(GenerativeModel):
    """Generates frames from noise and labels of subject, condition and view; it ignores the source frames.

    Args:
        latent: length of the noise.
        widths: channels at 32, 16, 8 and 4 pixels, of generator and discriminator.
        learning_rate: of Adam.
        names: see `GenerativeModel`.

    Raises:
        RecipeError: a setting is out of range.
    """

    ordered = False

    def __init__(
        self, *, latent: Width = 128, widths: Sequence[Width] = WIDTHS, learning_rate: Positive = 2e-4, **names: Any
    ) -> None:
        super().__init__(**names)
        self.optimizer = partial(torch.optim.Adam, lr=learning_rate, betas=(0.5, 0.999))
        self.generator = NoiseDecoder(self.names, latent, widths)
        classes = FrameClassifier(self.names, widths)
        self.discriminator = nn.ModuleDict({"classes": classes, "real": nn.Linear(classes.trunk.features, 1)})
        initialize(self.discriminator)

    def stages(self) -> Sequence[Stage]:
        """One stage in which discriminator and generator alternate."""
        phases = (
            Phase("discriminator", self.discriminator.parameters, self._discriminator_loss, self.optimizer),
            Phase("generator", self.generator.parameters, self._generator_loss, self.optimizer),
        )
        return (Stage("adversarial", 1.0, phases),)

    def generate(self, sources: Tensor, labels: Labels, generator: torch.Generator) -> Tensor:
        """See `GenerativeModel`; the sources are ignored."""
        return cast(Tensor, self.generator(labels, generator))

    def _discriminate(self, frames: Tensor, labels: Labels) -> tuple[Tensor, Tensor]:
        """Logits of being real, and the cross entropy of the labels."""
        classes = cast(FrameClassifier, self.discriminator["classes"])
        features = classes.trunk(frames).flatten(1)
        return self.discriminator["real"](features), label_cross_entropy(classes.classify(features), labels)

    def _discriminator_loss(self, batch: GeneratorBatch, generator: torch.Generator) -> LossValue:
        with torch.no_grad():
            generated = self.generator(batch.targets, generator)
        real, classes_of_real = self._discriminate(self.to_unit(batch.frames), batch.labels)
        fake, classes_of_fake = self._discriminate(generated, batch.targets)
        adversarial = non_saturating_discriminator(real, fake)
        numbers = {
            "adversarial": adversarial,
            "classes_of_real": classes_of_real,
            "classes_of_generated": classes_of_fake,
        }
        value = adversarial + classes_of_real + classes_of_fake
        return LossValue(value, {name: one.detach() for name, one in numbers.items()})

    def _generator_loss(self, batch: GeneratorBatch, generator: torch.Generator) -> LossValue:
        fake, classes = self._discriminate(self.generator(batch.targets, generator), batch.targets)
        adversarial = non_saturating_generator(fake)
        return LossValue(adversarial + classes, {"adversarial": adversarial.detach(), "classes": classes.detach()})

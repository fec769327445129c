"""ACGAN: a discriminator that also names the class, of real and of generated frames.

Source: Odena, Olah, Shlens, "Conditional image synthesis with auxiliary classifier GANs", ICML 2017.
Deviations: decoder and trunk are those of all generators here, so that methods are compared and not their sizes;
hence no dropout in the discriminator. A class is three: subject, condition and view have a head each, and their
log-likelihoods add. The source loss of the generator is the non-saturating one. Real batches hold every condition alike
often, however rare it is, and frames are generated with averaged weights (see `fit_generator`); the paper speaks of
neither.
"""

from collections.abc import Sequence
from functools import partial
from typing import cast

import torch
from torch import Tensor, nn

from walkprint.generation.adversarial import non_saturating_discriminator, non_saturating_generator
from walkprint.generation.base import GenerativeModel, Phase, Stage
from walkprint.generation.batches import GeneratorBatch
from walkprint.generation.classifier import FrameClassifier, surprise
from walkprint.generation.labels import Labels
from walkprint.generation.layers import WIDTHS, NoiseDecoder, initialize
from walkprint.losses.base import LossValue


class ACGAN(GenerativeModel):
    """Noise and labels to frames; subject, condition and view all steer, the source frames do not.

    Args:
        latent: length of the noise.
        widths: channels at 32, 16, 8 and 4 pixels, of generator and discriminator.
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
        latent: int = 128,
        widths: Sequence[int] = WIDTHS,
        learning_rate: float = 2e-4,
    ) -> None:
        super().__init__(subjects=subjects, conditions=conditions, views=views, source=source)
        self.refuse_unless("at least 1", latent=latent)
        self.refuse_unless("more than 0", learning_rate=learning_rate)
        self.optimizer = partial(torch.optim.Adam, lr=learning_rate, betas=(0.5, 0.999))
        self.generator = NoiseDecoder(self.names, latent, widths)
        classes = FrameClassifier(self.names, widths)
        self.discriminator = nn.ModuleDict({"classes": classes, "real": nn.Linear(classes.trunk.features, 1)})
        initialize(self.discriminator)

    def stages(self) -> Sequence[Stage]:
        """One stage, in which discriminator and generator take turns."""
        phases = (
            Phase("discriminator", self.discriminator.parameters, self._tell, self.optimizer),
            Phase("generator", self.generator.parameters, self._make, self.optimizer),
        )
        return (Stage("adversarial", 1.0, phases),)

    def generate(self, sources: Tensor, labels: Labels, generator: torch.Generator) -> Tensor:
        """See `GenerativeModel`; the sources are not looked at."""
        return cast(Tensor, self.generator(labels, generator))

    def _judge(self, frames: Tensor, labels: Labels) -> tuple[Tensor, Tensor]:
        """Logits of being real, and how surprising the labels are."""
        classes = cast(FrameClassifier, self.discriminator["classes"])
        features = classes.trunk(frames).flatten(1)
        return self.discriminator["real"](features), surprise(classes.tell(features), labels)

    def _tell(self, batch: GeneratorBatch, generator: torch.Generator) -> LossValue:
        with torch.no_grad():
            made = self.generator(batch.targets, generator)
        real, of_real = self._judge(self.to_unit(batch.frames), batch.labels)
        fake, of_fake = self._judge(made, batch.targets)
        source = non_saturating_discriminator(real, fake)
        numbers = {"source": source, "classes_of_real": of_real, "classes_of_generated": of_fake}
        return LossValue(source + of_real + of_fake, {name: one.detach() for name, one in numbers.items()})

    def _make(self, batch: GeneratorBatch, generator: torch.Generator) -> LossValue:
        fake, classes = self._judge(self.generator(batch.targets, generator), batch.targets)
        source = non_saturating_generator(fake)
        return LossValue(source + classes, {"source": source.detach(), "classes": classes.detach()})

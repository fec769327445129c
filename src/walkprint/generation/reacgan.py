"""ReACGAN: classes are directions, and frames are compared with each other.

Source: Kang, Shim, Cho, Park, "Rebooting ACGAN: auxiliary classifier GANs with stable training", NeurIPS 2021, and its
released settings for CIFAR-10.
Deviations: decoder and trunk are those of all generators here, with the published spectral norms in the discriminator
but none in the generator, without attention and without conditional batch norm: labels are concatenated to the noise.
Weights are averaged with a decay of 0.999 from the first step on (see `fit_generator`) instead of 0.9999 from step
1000, because trainings here are shorter. All conditions are equally frequent in real batches. Subject, condition and
view have a projection and proxies each, and their terms are averaged, so that the published weight keeps its meaning;
with a sum and one discriminator step, coats of the walkers fell apart. There are two discriminator steps per generator
step; the released settings have 1 to 5.
"""

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from walkprint.core.bounds import NonNegative, Positive, Range, Width
from walkprint.generation.adversarial import data_to_data_cross_entropy, hinge_discriminator, hinge_generator
from walkprint.generation.base import GenerativeModel, Phase, Stage
from walkprint.generation.batches import GeneratorBatch
from walkprint.generation.labels import FACTORS, Labels
from walkprint.generation.layers import WIDTHS, NoiseDecoder, Trunk
from walkprint.losses.base import LossValue


class ReACGAN(GenerativeModel):
    """Generates frames from noise and labels of subject, condition and view; it ignores the source frames.

    Args:
        latent: length of the noise.
        widths: channels at 32, 16, 8 and 4 pixels, of generator and discriminator.
        projection: length of the directions that represent classes.
        class_weight: of the data-to-data cross entropy, relative to the hinge.
        temperature: divides its cosines.
        positive_margin: cosine above which a frame is close enough to its class.
        discriminator_steps: per generator step.
        learning_rate: of Adam.
        names: see `GenerativeModel`.

    Raises:
        RecipeError: a setting is out of range.
    """

    ordered = False

    def __init__(
        self,
        *,
        latent: Width = 128,
        widths: Sequence[Width] = WIDTHS,
        projection: Width = 512,
        class_weight: NonNegative = 0.5,
        temperature: Positive = 0.5,
        positive_margin: Annotated[float, Range(0.5, 1)] = 0.98,
        discriminator_steps: Width = 2,
        learning_rate: Positive = 2.828e-4,
        **names: Any,
    ) -> None:
        super().__init__(**names)
        self.optimizer = partial(torch.optim.Adam, lr=learning_rate, betas=(0.5, 0.999))
        self.class_weight, self.discriminator_steps = class_weight, discriminator_steps
        self.compare = partial(data_to_data_cross_entropy, temperature=temperature, positive_margin=positive_margin)
        self.generator = NoiseDecoder(self.names, latent, widths)
        sizes = {factor: len(self.names.names(factor)) for factor in FACTORS}
        self.discriminator = nn.ModuleDict(
            {
                "trunk": Trunk(widths),
                "real": nn.Linear(widths[-1], 1),
                "projections": nn.ModuleDict({factor: nn.Linear(widths[-1], projection) for factor in FACTORS}),
                "proxies": nn.ModuleDict({factor: nn.Embedding(size, projection) for factor, size in sizes.items()}),
            }
        )
        for layer in list(self.discriminator.modules()):
            if isinstance(layer, nn.Conv2d | nn.Linear):
                nn.init.orthogonal_(layer.weight)
                spectral_norm(layer)

    def stages(self) -> Sequence[Stage]:
        """One stage in which discriminator and generator alternate."""
        discriminator = self.discriminator.parameters
        phases = (
            Phase("discriminator", discriminator, self._discriminator_loss, self.optimizer, self.discriminator_steps),
            Phase("generator", self.generator.parameters, self._generator_loss, self.optimizer),
        )
        return (Stage("adversarial", 1.0, phases),)

    def generate(self, sources: Tensor, labels: Labels, generator: torch.Generator) -> Tensor:
        """See `GenerativeModel`; the sources are ignored."""
        return cast(Tensor, self.generator(labels, generator))

    def _discriminate(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Scores of being real, and features (batch, feature) to compare by."""
        features = self.discriminator["trunk"](frames).sum((2, 3))
        return self.discriminator["real"](features), features

    def _compare(self, features: Tensor, labels: Labels) -> Tensor:
        projections, proxies = (cast(nn.ModuleDict, self.discriminator[name]) for name in ("projections", "proxies"))
        terms = []
        for factor in FACTORS:
            directions = F.normalize(projections[factor](features).float(), dim=1)
            own = F.normalize(proxies[factor](labels.of(factor)).float(), dim=1)
            terms.append(self.compare(directions, own, labels.of(factor)))
        return torch.stack(terms).mean()

    def _discriminator_loss(self, batch: GeneratorBatch, generator: torch.Generator) -> LossValue:
        with torch.no_grad():
            generated = self.generator(batch.targets, generator)
        real, features = self._discriminate(self.to_unit(batch.frames))
        fake, _ = self._discriminate(generated)
        hinge, classes = hinge_discriminator(real, fake), self._compare(features, batch.labels)
        return LossValue(hinge + self.class_weight * classes, {"hinge": hinge.detach(), "classes": classes.detach()})

    def _generator_loss(self, batch: GeneratorBatch, generator: torch.Generator) -> LossValue:
        fake, features = self._discriminate(self.generator(batch.targets, generator))
        hinge, classes = hinge_generator(fake), self._compare(features, batch.targets)
        return LossValue(hinge + self.class_weight * classes, {"hinge": hinge.detach(), "classes": classes.detach()})

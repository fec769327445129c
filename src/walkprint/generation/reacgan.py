"""ReACGAN: classes by directions, and frames compared with each other.

Source: Kang, Shim, Cho, Park, "Rebooting ACGAN: auxiliary classifier GANs with stable training", NeurIPS 2021, and its
released settings for CIFAR-10.
Deviations: decoder and trunk are those of all generators here, with the published spectral norms in the discriminator
but none in the generator, without attention and without conditional batch norm: labels stand beside the noise. Weights
are averaged by a decay of 0.999 from the first step on (see `fit_generator`), where 0.9999 from step 1000 is published:
trainings here are shorter. Real batches hold every condition alike often. A class is three: subject, condition and view
have a projection and proxies each, and their terms are averaged, so that the published weight keeps its meaning; where
they were added and the discriminator learned but once, coats of the walkers fell apart. The discriminator learns twice
for each generator step; the released settings say 1 to 5.
"""

from collections.abc import Sequence
from functools import partial
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from walkprint.core.errors import RecipeError
from walkprint.generation.adversarial import data_to_data_cross_entropy, hinge_discriminator, hinge_generator
from walkprint.generation.base import GenerativeModel, Phase, Stage
from walkprint.generation.batches import GeneratorBatch
from walkprint.generation.labels import FACTORS, Labels
from walkprint.generation.layers import WIDTHS, NoiseDecoder, Trunk
from walkprint.losses.base import LossValue


class ReACGAN(GenerativeModel):
    """Noise and labels to frames; subject, condition and view all steer, the source frames do not.

    Args:
        latent: length of the noise.
        widths: channels at 32, 16, 8 and 4 pixels, of generator and discriminator.
        projection: length of the directions that classes are told by.
        class_weight: of the data-to-data cross entropy beside the hinge.
        temperature: divides its cosines.
        positive_margin: cosine from which a frame is near enough to its class.
        discriminator_steps: for each step of the generator.
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
        projection: int = 512,
        class_weight: float = 0.5,
        temperature: float = 0.5,
        positive_margin: float = 0.98,
        discriminator_steps: int = 2,
        learning_rate: float = 2.828e-4,
    ) -> None:
        super().__init__(subjects=subjects, conditions=conditions, views=views, source=source)
        self.refuse_unless("at least 0", class_weight=class_weight)
        self.refuse_unless("at least 1", latent=latent, projection=projection, discriminator_steps=discriminator_steps)
        self.refuse_unless("more than 0", temperature=temperature, learning_rate=learning_rate)
        if not 0.5 <= positive_margin <= 1:
            raise RecipeError(f"ReACGAN: positive_margin is {positive_margin}; expected 0.5 to 1")
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
        """One stage, in which discriminator and generator take turns."""
        phases = (
            Phase("discriminator", self.discriminator.parameters, self._tell, self.optimizer, self.discriminator_steps),
            Phase("generator", self.generator.parameters, self._make, self.optimizer),
        )
        return (Stage("adversarial", 1.0, phases),)

    def generate(self, sources: Tensor, labels: Labels, generator: torch.Generator) -> Tensor:
        """See `GenerativeModel`; the sources are not looked at."""
        return cast(Tensor, self.generator(labels, generator))

    def _judge(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Scores of being real, and features (batch, feature) to tell classes by."""
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

    def _tell(self, batch: GeneratorBatch, generator: torch.Generator) -> LossValue:
        with torch.no_grad():
            made = self.generator(batch.targets, generator)
        real, features = self._judge(self.to_unit(batch.frames))
        fake, _ = self._judge(made)
        hinge, classes = hinge_discriminator(real, fake), self._compare(features, batch.labels)
        return LossValue(hinge + self.class_weight * classes, {"hinge": hinge.detach(), "classes": classes.detach()})

    def _make(self, batch: GeneratorBatch, generator: torch.Generator) -> LossValue:
        fake, features = self._judge(self.generator(batch.targets, generator))
        hinge, classes = hinge_generator(fake), self._compare(features, batch.targets)
        return LossValue(hinge + self.class_weight * classes, {"hinge": hinge.detach(), "classes": classes.detach()})

"""Variants of the autoencoder-guided GAN for its ablation: each lacks one of its parts, or does it another way."""

import torch
from torch import Tensor

from walkprint.generation.ae_guided import AEGuidedGAN
from walkprint.generation.classifier import label_cross_entropy
from walkprint.generation.labels import Labels
from walkprint.losses.base import LossValue


class WithoutAutoencoderWeights(AEGuidedGAN):
    """The generator starts with random weights."""

    def init_generator(self) -> None:
        """See `AEGuidedGAN`; nothing."""


class WithoutEncoderWeights(AEGuidedGAN):
    """The discriminator's trunk starts with random weights."""

    def init_discriminator(self) -> None:
        """See `AEGuidedGAN`; nothing."""


class WithoutTransport(AEGuidedGAN):
    """Encodings keep their place; only the label says what to show. `borrow` has no effect."""

    def transport(self, latents: Tensor, labels: Labels, draws: Tensor) -> Tensor:
        """See `AEGuidedGAN`; the latents unchanged."""
        return latents


class ConditionTableOnly(AEGuidedGAN):
    """The label embedding has a table of conditions only."""

    embedding_factors = ("condition",)


class GaussianLatent(AEGuidedGAN):
    """Latents come from one Gaussian for each label, fitted to encodings, so sequences have no order."""

    ordered = False

    def latents(self, sources: Tensor, labels: Labels, generator: torch.Generator, *, one_take: bool) -> Tensor:
        """See `AEGuidedGAN`; the sources are ignored."""
        return self.gaussians.draw(labels, generator)


class TrueClassification(AEGuidedGAN):
    """The class heads also learn from real frames."""

    def discriminator_loss(self, real: Tensor, labels: Labels, generated: Tensor, targets: Labels) -> LossValue:
        """See `AEGuidedGAN`."""
        count = len(real)
        logits, classes = self.discriminator.score(torch.cat([real, generated.to(real)]))
        of_generated = label_cross_entropy({factor: one[count:] for factor, one in classes.items()}, targets)
        of_real = label_cross_entropy({factor: one[:count] for factor, one in classes.items()}, labels)
        return self.adversarial_loss(logits[:count], logits[count:], of_generated + of_real)

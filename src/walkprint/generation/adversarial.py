"""Adversarial losses of discriminators and generators, the gradient penalty and class terms.

Source: non-saturating after Goodfellow et al., "Generative adversarial nets", NeurIPS 2014; hinge after Lim, Ye,
"Geometric GAN", 2017; gradient penalty after Gulrajani et al., "Improved training of Wasserstein GANs", NeurIPS 2017;
data-to-data cross entropy after Kang et al., "Rebooting ACGAN", NeurIPS 2021; balanced classes after Mariani et al.,
"BAGAN: data augmentation with balancing GAN", 2018.
Deviations: the data-to-data cross entropy is a true log-sum-exp over the positive and the negatives; the released code
takes its stabilizing maximum from the negatives only, which is another function.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from walkprint.losses.base import widened


def non_saturating_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """High logits for real frames, low ones for generated: `-log D(real) - log(1 - D(fake))`.

    Args:
        real, fake: logits of any shape.

    Returns:
        Scalar, float32 or wider, as all losses here.
    """
    return F.softplus(-widened(real)).mean() + F.softplus(widened(fake)).mean()


def non_saturating_generator(fake: Tensor) -> Tensor:
    """High logits for generated frames: `-log D(fake)`."""
    return F.softplus(-widened(fake)).mean()


def hinge_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """Scores above 1 for real frames, below -1 for generated ones."""
    return F.relu(1 - widened(real)).mean() + F.relu(1 + widened(fake)).mean()


def hinge_generator(fake: Tensor) -> Tensor:
    """High scores for generated frames, without bound."""
    return -widened(fake).mean()


def gradient_penalty(
    score: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, generator: torch.Generator
) -> Tensor:
    """Squared deviation of the gradient norm of the scores from 1, at a random mix of each real and generated frame.

    Args:
        score: from frames (batch, channel, height, width) to scores (batch,) or (batch, 1); a frame's score may not
            depend on other frames.
        real, fake: frames (batch, channel, height, width).
        generator: draws the mix, uniform from 0 to 1.
    """
    shares = torch.rand(len(real), generator=generator, device=generator.device).to(real).view(-1, 1, 1, 1)
    mixed = torch.lerp(fake.detach().to(real), real, shares).requires_grad_()
    (slopes,) = torch.autograd.grad(score(mixed).sum(), mixed, create_graph=True)
    norms: Tensor = torch.linalg.vector_norm(widened(slopes).flatten(1), dim=1)
    return (norms - 1).square().mean()


def data_to_data_cross_entropy(
    features: Tensor, proxies: Tensor, classes: Tensor, *, temperature: float, positive_margin: float
) -> Tensor:
    """Features point to the proxy of their class, and away from frames of other classes.

    Similarity to the proxy counts only below the positive margin, similarity to others only above the negative margin,
    which is one minus the positive: easy pairs do not count.

    Args:
        features: (batch, feature), of unit length.
        proxies: (batch, feature), the direction of each frame's own class, of unit length.
        classes: int64 (batch,).
        temperature: divides the similarities.
        positive_margin: cosine above which a frame is close enough to its proxy.

    Returns:
        Scalar; 0 if all frames are of one class.
    """
    features, proxies = widened(features), widened(proxies)
    with torch.autocast(features.device.type, enabled=False):
        positive = ((features * proxies).sum(1, keepdim=True) - positive_margin).clamp_max(0) / temperature
        negative = (features @ features.T - (1 - positive_margin)).clamp_min(0) / temperature
    same = classes.unsqueeze(0) == classes.unsqueeze(1)
    every = torch.cat([positive, negative.masked_fill(same, -torch.inf)], dim=1)
    return (every.logsumexp(dim=1) - positive.squeeze(1)).mean()


def balancing_discriminator(real: Tensor, classes: Tensor, fake: Tensor) -> Tensor:
    """Cross entropy: real frames belong to their class, generated ones to an additional last class.

    One mean over all frames, so few generated frames weigh little.

    Args:
        real: logits (batch, class + 1).
        classes: int64 (batch,), of the real frames.
        fake: logits (generated, class + 1).
    """
    additional = classes.new_full((len(fake),), fake.shape[1] - 1)
    return F.cross_entropy(widened(torch.cat([real, fake])), torch.cat([classes, additional]))


def balancing_generator(fake: Tensor, classes: Tensor) -> Tensor:
    """Cross entropy: generated frames belong to their intended class.

    Args:
        fake: logits (generated, class + 1).
        classes: int64 (generated,), none of them the last.
    """
    return F.cross_entropy(widened(fake), classes)

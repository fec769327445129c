"""What discriminators and generators are told: the adversarial losses, their penalty and their class terms.

Source: non-saturating after Goodfellow et al., "Generative adversarial nets", NeurIPS 2014; hinge after Lim, Ye,
"Geometric GAN", 2017; gradient penalty after Gulrajani et al., "Improved training of Wasserstein GANs", NeurIPS 2017;
data-to-data cross entropy after Kang et al., "Rebooting ACGAN", NeurIPS 2021; balanced classes after Mariani et al.,
"BAGAN: data augmentation with balancing GAN", 2018.
Deviations: the data-to-data cross entropy is a true log-sum-exp over the positive and the negatives, while the
released code takes its stabilizing maximum from the negatives only, which is another function.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor


def non_saturating_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """Logits of real frames shall be high and of generated ones low: `-log D(real) - log(1 - D(fake))`.

    Args:
        real, fake: logits of any shape.

    Returns:
        Scalar, float32 or wider; so do all here.
    """
    return F.softplus(-_wide(real)).mean() + F.softplus(_wide(fake)).mean()


def non_saturating_generator(fake: Tensor) -> Tensor:
    """Logits of generated frames shall be high: `-log D(fake)`."""
    return F.softplus(-_wide(fake)).mean()


def hinge_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """Scores of real frames shall be above 1 and of generated ones below -1."""
    return F.relu(1 - _wide(real)).mean() + F.relu(1 + _wide(fake)).mean()


def hinge_generator(fake: Tensor) -> Tensor:
    """Scores of generated frames shall be high, without bound."""
    return -_wide(fake).mean()


def gradient_penalty(
    score: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, generator: torch.Generator
) -> Tensor:
    """How far the slope of the scores is from 1, squared, at a random point between each real and generated frame.

    Args:
        score: frames (batch, channel, height, width) to one score for each, shape (batch,) or (batch, 1); a frame's
            score may depend on no other frame.
        real, fake: frames (batch, channel, height, width).
        generator: of the mixing, uniform from 0 to 1.
    """
    shares = torch.rand(len(real), generator=generator, device=generator.device).to(real).view(-1, 1, 1, 1)
    mixed = torch.lerp(fake.detach().to(real), real, shares).requires_grad_()
    (slopes,) = torch.autograd.grad(score(mixed).sum(), mixed, create_graph=True)
    norms: Tensor = torch.linalg.vector_norm(_wide(slopes).flatten(1), dim=1)
    return (norms - 1).square().mean()


def data_to_data_cross_entropy(
    features: Tensor, proxies: Tensor, classes: Tensor, *, temperature: float, positive_margin: float
) -> Tensor:
    """Frames shall point to their class's proxy and away from frames of other classes.

    Similarity to the proxy counts only below the positive margin, and similarity to others only above the negative
    margin, which is one minus the positive: easy pairs are left alone.

    Args:
        features: (batch, feature), of unit length.
        proxies: (batch, feature), the direction of each frame's own class, of unit length.
        classes: int64 (batch,).
        temperature: divides the similarities.
        positive_margin: cosine from which a frame is near enough to its proxy.

    Returns:
        Scalar; 0 where all frames are of one class.
    """
    features, proxies = _wide(features), _wide(proxies)
    with torch.autocast(features.device.type, enabled=False):
        positive = ((features * proxies).sum(1, keepdim=True) - positive_margin).clamp_max(0) / temperature
        negative = (features @ features.T - (1 - positive_margin)).clamp_min(0) / temperature
    same = classes.unsqueeze(0) == classes.unsqueeze(1)
    every = torch.cat([positive, negative.masked_fill(same, -torch.inf)], dim=1)
    return (every.logsumexp(dim=1) - positive.squeeze(1)).mean()


def balancing_discriminator(real: Tensor, classes: Tensor, fake: Tensor) -> Tensor:
    """Real frames shall be told to be of their class, and generated ones of one more class, the last.

    It is one mean over all frames: few generated frames weigh little.

    Args:
        real: logits (batch, class + 1).
        classes: int64 (batch,), of the real frames.
        fake: logits (generated, class + 1).
    """
    made_up = classes.new_full((len(fake),), fake.shape[1] - 1)
    return F.cross_entropy(_wide(torch.cat([real, fake])), torch.cat([classes, made_up]))


def balancing_generator(fake: Tensor, classes: Tensor) -> Tensor:
    """Generated frames shall be told to be of the class that was asked for.

    Args:
        fake: logits (generated, class + 1).
        classes: int64 (generated,), none of them the last.
    """
    return F.cross_entropy(_wide(fake), classes)


def _wide(values: Tensor) -> Tensor:
    return values if values.dtype == torch.float64 else values.float()

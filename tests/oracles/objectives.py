"""What the networks of each generator are told, frame by frame, as papers write it; in float64, with gradients.

Logits are tensors (frame,) or (frame, class); classes of frames are lists of indices, by factor where there are
several. Every function gives a scalar that hangs on the graph of what it was given.
"""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

Heads = Mapping[str, Tensor]
Shown = Mapping[str, Sequence[int]]


def mean(terms: Sequence[Tensor]) -> Tensor:
    total = torch.zeros((), dtype=torch.float64)
    for term in terms:
        total = total + term
    return total / len(terms)


def _believed(logit: Tensor) -> Tensor:
    """How likely the frame is real."""
    return 1 / (1 + torch.exp(-logit))


def _not_named(logits: Tensor, one: int) -> Tensor:
    """Minus the log-likelihood of a class, from the logits (class,) of one frame."""
    powers = [torch.exp(logit) for logit in logits]
    return -torch.log(powers[one] / torch.stack(powers).sum())


def called_real(logits: Tensor) -> Tensor:
    return mean([-torch.log(_believed(logit)) for logit in logits])


def called_generated(logits: Tensor) -> Tensor:
    return mean([-torch.log(1 - _believed(logit)) for logit in logits])


def named(heads: Heads, shown: Shown) -> Tensor:
    """The log-likelihoods of subject, condition and view add in each frame."""
    count = len(next(iter(heads.values())))
    frames = []
    for i in range(count):
        term = torch.zeros((), dtype=torch.float64)
        for factor in heads:
            term = term + _not_named(heads[factor][i], shown[factor][i])
        frames.append(term)
    return mean(frames)


def absolute(found: Tensor, wanted: Tensor) -> Tensor:
    return mean([(one - other).abs().mean() for one, other in zip(found, wanted, strict=True)])


def square(found: Tensor, wanted: Tensor) -> Tensor:
    return mean([((one - other) ** 2).mean() for one, other in zip(found, wanted, strict=True)])


def acgan(real: Tensor, of_real: Heads, labels: Shown, fake: Tensor, of_fake: Heads, targets: Shown) -> Tensor:
    """The discriminator maximizes both its log-likelihoods, of the source and of the class, of all frames."""
    return called_real(real) + called_generated(fake) + named(of_real, labels) + named(of_fake, targets)


def acgan_generator(fake: Tensor, of_fake: Heads, targets: Shown) -> Tensor:
    """Be taken for real, and for the class that was asked for."""
    return called_real(fake) + named(of_fake, targets)


def pointed(directions: Heads, proxies: Heads, shown: Shown, temperature: float, margin: float) -> Tensor:
    """The data-to-data cross entropy: to the own proxy, away from frames of other classes; a mean over the factors.

    Args:
        directions: (frame, feature) by factor, of any length.
        proxies: (class, feature) by factor, of any length.
        shown: classes.
        temperature: divides the cosines.
        margin: cosine from which a frame is near enough to its proxy; one minus it is that of far enough from others.
    """
    factors = []
    for factor, rows in directions.items():
        ends = [row / (row**2).sum().sqrt() for row in rows]
        classes, terms = shown[factor], []
        for i, end in enumerate(ends):
            proxy = proxies[factor][classes[i]]
            near = torch.dot(end, proxy / (proxy**2).sum().sqrt()) - margin
            pull = torch.exp(torch.minimum(near, torch.zeros_like(near)) / temperature)
            pushes = torch.zeros_like(pull)
            for j, other in enumerate(ends):
                if classes[j] != classes[i]:
                    far = torch.dot(end, other) - (1 - margin)
                    pushes = pushes + torch.exp(torch.maximum(far, torch.zeros_like(far)) / temperature)
            terms.append(-torch.log(pull / (pull + pushes)))
        factors.append(mean(terms))
    return mean(factors)


def reacgan(real: Tensor, fake: Tensor, of_real: Tensor, weight: float) -> Tensor:
    """Hinges at 1 and -1, and the cross entropy `of_real` frames (see `pointed`)."""
    zero = torch.zeros((), dtype=torch.float64)
    hinges = [torch.maximum(zero, 1 - one) for one in real], [torch.maximum(zero, 1 + one) for one in fake]
    return mean(hinges[0]) + mean(hinges[1]) + weight * of_real


def reacgan_generator(fake: Tensor, of_fake: Tensor, weight: float) -> Tensor:
    return -mean(list(fake)) + weight * of_fake


def bagan(real: Tensor, classes: Sequence[int], fake: Tensor) -> Tensor:
    """Real frames are of their class, generated ones of the last; all frames weigh the same."""
    terms = [_not_named(logits, one) for logits, one in zip(real, classes, strict=True)]
    return mean(terms + [_not_named(logits, len(logits) - 1) for logits in fake])


def bagan_generator(fake: Tensor, classes: Sequence[int]) -> Tensor:
    return mean([_not_named(logits, one) for logits, one in zip(fake, classes, strict=True)])


def steepness(score: Callable[[Tensor, int], Tensor], real: Tensor, fake: Tensor, shares: Sequence[float]) -> Tensor:
    """The gradient penalty; `score` judges one frame (1, 1, height, width), and is told which."""
    terms = []
    for i, share in enumerate(shares):
        between = (share * real[i : i + 1] + (1 - share) * fake[i : i + 1]).detach().requires_grad_()
        (slope,) = torch.autograd.grad(score(between, i), between, create_graph=True)
        terms.append(((slope**2).sum().sqrt() - 1) ** 2)
    return mean(terms)


def bagan_gp(real: Tensor, mislabeled: Tensor, fake: Tensor, penalty: Tensor, weight: float) -> Tensor:
    """Real frames with their labels are real; neither generated frames are, nor real ones with wrong labels."""
    return called_real(real) + called_generated(mislabeled) + called_generated(fake) + weight * penalty


def ae_guided(
    real: Tensor, fake: Tensor, of_fake: Heads, targets: Shown, weight: float, of_real: Heads, labels: Shown
) -> Tensor:
    """The class term is about generated frames only; about real ones where there are heads `of_real`."""
    value = called_real(real) + called_generated(fake) + weight * named(of_fake, targets)
    return value + weight * named(of_real, labels) if of_real else value

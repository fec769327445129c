"""Latent flow: from encodings of normal walking to those of the rare condition along a learned velocity.

What the AE-guided GAN does by a mean difference and an adversary, a rectified flow does in the same latent space. So it
shows what the autoencoder does without the adversary.

Source: the autoencoder is that of `walkprint.generation.ae_guided`; the flow is that of X. Liu, C. Gong and Q. Liu,
"Flow Straight and Fast: Learning to Generate and Transfer Data with Rectified Flow", ICLR 2023; the pairs are those of
A. Tong et al., "Improving and Generalizing Flow-Based Generative Models with Minibatch Optimal Transport", TMLR 2024.
Deviations: optimal transport pairs encodings of one view and condition only, so that a walk from the side stays one.
The velocity knows condition and view, not the subject: most subjects were never seen in the rare condition. Encodings
are standardized, and a little noise is added to those of normal walking (`noise`).
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, cast

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor, nn

from walkprint.core.bounds import Count, NonNegative, OpenFraction, Positive, Width
from walkprint.generation.ae_guided import LabeledDecoder
from walkprint.generation.base import GenerativeModel, Phase, Stage
from walkprint.generation.batches import FrameBatches, GeneratorBatch
from walkprint.generation.flow import TIME_FEATURES, flow_loss, follow, time_features
from walkprint.generation.labels import FACTORS, LabelNames, Labels
from walkprint.generation.layers import WIDTHS, Encoder
from walkprint.losses.base import LossValue


class LatentVelocity(nn.Module):
    """Velocity of encodings at a time, towards a condition, seen from a view."""

    def __init__(self, names: LabelNames, latent: int, hidden: int) -> None:
        super().__init__()
        self.point = nn.Linear(latent + TIME_FEATURES, hidden)
        self.condition = nn.Embedding(len(names.conditions), hidden)
        self.view = nn.Embedding(len(names.views), hidden)
        self.deep = nn.Linear(hidden, hidden)
        self.last = nn.Linear(hidden, latent)

    def forward(self, points: Tensor, times: Tensor, labels: Labels) -> Tensor:
        """From encodings (batch, latent) and times (batch,), 0 to 1, to velocities (batch, latent)."""
        features = self.point(torch.cat([points, time_features(times).to(points)], dim=1))
        features = features + self.condition(labels.conditions) + self.view(labels.views)
        features = nn.functional.silu(features)
        features = features + nn.functional.silu(self.deep(features))
        return cast(Tensor, self.last(features))


class LatentFlow(GenerativeModel):
    """See the module.

    Args:
        noise: added to encodings of normal walking, as a share of their standard deviations.
        sampling_steps: of the midpoint rule along the flow.
        latent_size: length of an encoding.
        hidden: width of the velocity.
        widths: channels at 32, 16, 8 and 4 pixels.
        learning_rate: of both stages.
        autoencoder_share: of all steps; the flow has the rest.
        names: see `GenerativeModel`.

    Raises:
        RecipeError: a setting is out of range.
    """

    ordered = True

    def __init__(
        self,
        *,
        noise: NonNegative = 0.1,
        sampling_steps: Count = 8,
        latent_size: Width = 128,
        hidden: Width = 256,
        widths: Sequence[Width] = WIDTHS,
        learning_rate: Positive = 1e-3,
        autoencoder_share: OpenFraction = 0.6,
        **names: Any,
    ) -> None:
        super().__init__(**names)
        self.noise, self.sampling_steps = noise, sampling_steps
        self.learning_rate, self.autoencoder_share = learning_rate, autoencoder_share
        self.encoder = Encoder(latent_size, widths)
        self.restorer = LabeledDecoder(self.names, latent_size, widths, FACTORS)
        self.velocity = LatentVelocity(self.names, latent_size, hidden)
        self.register_buffer("center", torch.zeros(latent_size))
        self.register_buffer("spread", torch.ones(latent_size))

    center: Tensor
    spread: Tensor

    def stages(self) -> Sequence[Stage]:
        """See `GenerativeModel`."""
        adam = partial(torch.optim.Adam, lr=self.learning_rate, betas=(0.5, 0.9))
        autoencoder = Phase("autoencoder", self._halves, self._autoencoder_loss, adam)
        flow = Phase("flow", self.velocity.parameters, self._flow_loss, partial(adam, betas=(0.9, 0.99)))
        return [
            Stage("autoencoder", self.autoencoder_share, (autoencoder,)),
            Stage("flow", 1 - self.autoencoder_share, (flow,), self._begin),
        ]

    def generate(self, sources: Tensor, labels: Labels, generator: torch.Generator) -> Tensor:
        """See `GenerativeModel`; all frames of a subject in a call are one take, with one draw of noise."""
        draws = torch.randn(len(self.names.subjects), len(self.spread), generator=generator)
        starts = self.encode(sources)
        starts = starts + self.noise * draws[labels.subjects.cpu()].to(starts)
        ends = follow(partial(self.velocity, labels=labels), starts, 0, 1, self.sampling_steps)
        return cast(Tensor, self.restorer(self.center + self.spread * ends, labels))

    def encode(self, frames: Tensor) -> Tensor:
        """Standardized encodings (batch, latent) of frames, uint8 (batch, 1, 64, 64); without gradients."""
        with torch.no_grad():
            _, latents = self.encoder(self.to_unit(frames))
        standardized: Tensor = (latents.float() - self.center) / self.spread
        return standardized

    def _halves(self) -> list[nn.Parameter]:
        return [*self.encoder.parameters(), *self.restorer.parameters()]

    def _autoencoder_loss(self, batch: GeneratorBatch, generator: torch.Generator) -> LossValue:
        frames = self.to_unit(batch.frames)
        _, latents = self.encoder(frames)
        return LossValue((self.restorer(latents, batch.labels).float() - frames).abs().mean())

    def _begin(self, batches: FrameBatches) -> None:
        """Measure the encodings of all frames."""
        device = self.spread.device
        found = torch.cat([self.encoder(self.to_unit(frames.to(device)))[1] for frames, _ in batches.takes()])
        self.center.copy_(found.mean(0))
        self.spread.copy_(found.std(0).clamp_min(1e-3))

    def _flow_loss(self, batch: GeneratorBatch, generator: torch.Generator) -> LossValue:
        starts, ends = self.encode(batch.sources), self.encode(batch.frames)
        starts = starts + self.noise * torch.randn(starts.shape, generator=generator).to(starts)
        before, after = transport_pairs(starts, ends, batch.targets.views, batch.labels)
        times = torch.rand(len(before), generator=generator).to(starts)
        velocity = partial(self.velocity, labels=batch.labels[after])
        return LossValue(flow_loss(velocity, starts[before], ends[after], times))


def transport_pairs(starts: Tensor, ends: Tensor, views: Tensor, labels: Labels) -> tuple[Tensor, Tensor]:
    """Pair starts with ends of the same view, so that squared distances sum to the least within view and condition.

    Each start has one end at most. The starts of a view are shared among the conditions of its ends in their order.

    Args:
        starts: encodings (batch, latent).
        ends: encodings (other batch, latent).
        views: int64 (batch,), of the starts.
        labels: of the ends.

    Returns:
        Rows of starts and of ends, int64 (pair,) each.
    """
    costs = torch.cdist(starts, ends).square().cpu().numpy()
    start_views, end_views, conditions = (one.cpu().numpy() for one in (views, labels.views, labels.conditions))
    before, after = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for view in np.unique(end_views):
        free = np.flatnonzero(start_views == view)
        for condition in np.unique(conditions):
            wanted = np.flatnonzero((end_views == view) & (conditions == condition))[: len(free)]
            own, free = free[: len(wanted)], free[len(wanted) :]
            rows, columns = linear_sum_assignment(costs[np.ix_(own, wanted)])
            before.append(own[rows])
            after.append(wanted[columns])
    device = starts.device
    return torch.from_numpy(np.concatenate(before)).to(device), torch.from_numpy(np.concatenate(after)).to(device)

"""SDEdit: a normal walk is blurred by noise half-way and drawn again in the rare condition.

Source: C. Meng et al., "SDEdit: Guided Image Synthesis and Editing with Stochastic Differential Equations", ICLR 2022;
the model is flow matching of Y. Lipman et al., "Flow Matching for Generative Modeling", ICLR 2023.
Deviations: one noise for all frames of a take, so that frames agree. From the noisy frame on, the way is that of the
learned velocity, without further noise. The U-Net is small and knows condition and view, not the subject.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn

from walkprint.core.bounds import Count, OpenFraction, Positive, Width
from walkprint.generation.base import GenerativeModel, Phase, Stage
from walkprint.generation.batches import SIZE_PX, GeneratorBatch
from walkprint.generation.flow import TIME_FEATURES, flow_loss, follow, time_features
from walkprint.generation.labels import LabelNames, Labels
from walkprint.generation.layers import UNet
from walkprint.losses.base import LossValue


class FrameVelocity(nn.Module):
    """Velocity of frames at a time, towards a condition, seen from a view."""

    def __init__(self, names: LabelNames, hidden: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.time = nn.Linear(TIME_FEATURES, hidden)
        self.condition = nn.Embedding(len(names.conditions), hidden)
        self.view = nn.Embedding(len(names.views), hidden)
        self.unet = UNet(hidden, widths)

    def forward(self, points: Tensor, times: Tensor, labels: Labels) -> Tensor:
        """From frames with noise (batch, 1, 64, 64) and times (batch,), 0 to 1, to velocities (batch, 1, 64, 64)."""
        vectors = self.time(time_features(times)) + self.condition(labels.conditions) + self.view(labels.views)
        return cast(Tensor, self.unet(points, nn.functional.silu(vectors)))


class SDEdit(GenerativeModel):
    """See the module.

    Args:
        strength: share of noise where the drawing begins, more than 0, less than 1; more changes more.
        sampling_steps: of the midpoint rule from there to the finished frame.
        hidden: length of the vector of time, condition and view.
        widths: channels at 32, 16, 8 and 4 pixels.
        learning_rate: of Adam.
        names: see `GenerativeModel`.

    Raises:
        RecipeError: a setting is out of range.
    """

    ordered = True

    def __init__(
        self,
        *,
        strength: OpenFraction = 0.5,
        sampling_steps: Count = 8,
        hidden: Width = 64,
        widths: Sequence[Width] = (32, 64, 96, 128),
        learning_rate: Positive = 1e-3,
        **names: Any,
    ) -> None:
        super().__init__(**names)
        self.strength, self.sampling_steps, self.learning_rate = strength, sampling_steps, learning_rate
        self.velocity = FrameVelocity(self.names, hidden, widths)

    def stages(self) -> Sequence[Stage]:
        """See `GenerativeModel`."""
        adam = partial(torch.optim.Adam, lr=self.learning_rate, betas=(0.9, 0.99))
        return [Stage("flow", 1.0, (Phase("flow", self.velocity.parameters, self._flow_loss, adam),))]

    def generate(self, sources: Tensor, labels: Labels, generator: torch.Generator) -> Tensor:
        """See `GenerativeModel`; all frames of a call have the same noise."""
        frames = self.to_unit(sources)
        noise = torch.randn(1, 1, SIZE_PX, SIZE_PX, generator=generator).to(frames)
        starts = torch.lerp(frames, noise, self.strength)
        velocity = partial(self.velocity, labels=labels)
        return follow(velocity, starts, 1 - self.strength, 1, self.sampling_steps).clamp(-1, 1)

    def _flow_loss(self, batch: GeneratorBatch, generator: torch.Generator) -> LossValue:
        frames = self.to_unit(batch.frames)
        noise = torch.randn(frames.shape, generator=generator).to(frames)
        times = torch.rand(len(frames), generator=generator).to(frames)
        return LossValue(flow_loss(partial(self.velocity, labels=batch.labels), noise, frames, times))

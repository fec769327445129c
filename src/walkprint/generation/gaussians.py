"""A Gaussian of the encodings of each label, also for labels with few frames or none.

Source: Mariani et al., "BAGAN: data augmentation with balancing GAN", 2018, for one Gaussian per class.
Deviations: a subject in one condition and view has far fewer frames than a covariance has entries. So each label has
its own mean, shrunk towards the mean of its condition and view with the weight of one frame. The covariance is that of
the condition and view, shrunk towards the overall covariance, which is shrunk towards a sphere, each with the weight of
as many frames as there are dimensions.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from walkprint.core.errors import DataError
from walkprint.generation.labels import LabelNames, Labels
from walkprint.generation.layers import draw_noise


class LabelGaussians(nn.Module):
    """A Gaussian for each subject, condition and view; standard normal before `fit`.

    Args:
        names: the classes.
        latent: length of an encoding.

    Attributes:
        means: buffer (subject, condition, view, latent).
        spreads: buffer (condition, view, latent, latent), lower triangular roots of the covariances.
    """

    means: Tensor
    spreads: Tensor

    def __init__(self, names: LabelNames, latent: int) -> None:
        super().__init__()
        self.latent = latent
        self.sizes = (len(names.subjects), len(names.conditions), len(names.views))
        self.register_buffer("means", torch.zeros(*self.sizes, latent))
        self.register_buffer("spreads", torch.eye(latent).repeat(*self.sizes[1:], 1, 1))

    def draw(self, labels: Labels, generator: torch.Generator) -> Tensor:
        """One encoding (batch, latent) for each label."""
        noise, views = draw_noise(labels, self.latent, generator), self.sizes[2]
        around = torch.empty_like(noise)
        kinds = labels.conditions * views + labels.views
        with torch.autocast(noise.device.type, enabled=False):
            for kind in set(kinds.tolist()):
                around[kinds == kind] = noise[kinds == kind] @ self.spreads[kind // views, kind % views].T
        return self.means[labels.subjects, labels.conditions, labels.views] + around

    @torch.no_grad()
    def fit(self, encodings: Iterable[tuple[Tensor, Labels]]) -> None:
        """Fit the Gaussians.

        Args:
            encodings: batches (batch, latent) and their labels.

        Raises:
            DataError: there are none.
        """
        labels_in_all = self.sizes[0] * self.sizes[1] * self.sizes[2]
        count = torch.zeros(labels_in_all, dtype=torch.float64)
        total = torch.zeros(labels_in_all, self.latent, dtype=torch.float64)
        squares = torch.zeros(self.sizes[1] * self.sizes[2], self.latent, self.latent, dtype=torch.float64)
        for batch, labels in encodings:
            wide, on = batch.cpu().double(), labels.to("cpu")
            kind = on.conditions * self.sizes[2] + on.views
            label = on.subjects * len(squares) + kind
            count.index_add_(0, label, torch.ones(len(on), dtype=torch.float64))
            total.index_add_(0, label, wide)
            for one in set(kind.tolist()):
                squares[one] += wide[kind == one].T @ wide[kind == one]
        if not count.any():
            raise DataError("Gaussians of encodings: no frame to fit them to; expected at least one")
        count, total = count.view(*self.sizes, 1), total.view(*self.sizes, -1)
        self.means.copy_(_means(count, total))
        self.spreads.copy_(_spreads(count, total, squares.view(*self.sizes[1:], self.latent, self.latent)))


def _means(count: Tensor, total: Tensor) -> Tensor:
    """From counts (subject, condition, view, 1) and sums; each level is shrunk towards the next by one frame."""
    overall = total.sum((0, 1, 2)) / count.sum()
    of_condition = (total.sum((0, 2)) + overall) / (count.sum((0, 2)) + 1)
    of_kind = (total.sum(0) + of_condition.unsqueeze(1)) / (count.sum(0) + 1)
    return (total + of_kind) / (count + 1)


def _spreads(count: Tensor, total: Tensor, squares: Tensor) -> Tensor:
    """Roots of the covariances around the labels' plain means, (condition, view, latent, latent)."""
    dimensions = squares.shape[-1]
    between = torch.einsum("scvi,scvj->cvij", total / count.clamp_min(1), total)
    within, frames = squares - between, count.sum(0).unsqueeze(-1)
    scatter, sphere = within.sum((0, 1)), torch.eye(dimensions, dtype=within.dtype)
    size = (scatter.trace() / dimensions / frames.sum()).clamp_min(1e-12)
    overall = (scatter + dimensions * size * sphere) / (frames.sum() + dimensions)
    roots: Tensor = torch.linalg.cholesky((within + dimensions * overall) / (frames + dimensions))
    return roots

"""How embeddings lie: distances within and between people, and the people's means on the hypersphere.

Source: alignment and uniformity after Wang, Isola, "Understanding contrastive representation learning through alignment
and uniformity on the hypersphere", ICML 2020.
Deviations: both of the means of people instead of single samples.
"""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from walkprint.core.batch import GaitOutput
from walkprint.core.distance import part_distances
from walkprint.core.embedding import EmbeddingSet
from walkprint.core.errors import DataError
from walkprint.losses import ClassUniformityLoss

_BINS, _FARTHEST = 40, 2.0


def geometry(embeddings: EmbeddingSet) -> dict[str, Any]:
    """Measure how well people are separated in all views and conditions.

    Args:
        embeddings: of at least two people with at least two sequences each.

    Returns:
        `within`, `between`: shares of the distances of right and wrong pairs of sequences in 40 bins from 0 to 2, in
        units of the mean distance of wrong pairs, so that networks of different scale compare; the last bin holds all
        beyond.
        `separation`: difference of their means over the root of their mean variance. `alignment`: mean squared distance
        of directions to that of their person's mean, 0 to 4. `uniformity`: of the directions of means, see
        `ClassUniformityLoss`; lower is more even. All are means over the parts of the network.

    Raises:
        DataError: fewer people or sequences.
    """
    names, subjects = np.unique([key.subject for key in embeddings.keys], return_inverse=True)
    if len(names) < 2 or np.bincount(subjects).min() < 2:
        raise DataError(
            f"geometry: {len(embeddings)} sequences of {len(names)} people; expected two people, two of each"
        )
    distances = part_distances(embeddings.vectors, embeddings.vectors)
    upper = np.triu_indices(len(subjects), k=1)
    same = (subjects[:, None] == subjects)[upper]
    within, between = distances[upper][same], distances[upper][~same]
    unit = max(float(between.mean()), np.finfo(np.float32).tiny)
    spread = float(np.sqrt((within.var() + between.var()) / 2)) or 1.0
    alignment, uniformity = on_the_sphere(embeddings.vectors, subjects)
    return {
        "within": _shares(within / unit),
        "between": _shares(between / unit),
        "separation": float(between.mean() - within.mean()) / spread,
        "alignment": alignment,
        "uniformity": uniformity,
    }


def bin_centers() -> list[float]:
    """Where the bins of `geometry` lie."""
    return [(i + 0.5) * _FARTHEST / _BINS for i in range(_BINS)]


def on_the_sphere(vectors: NDArray[np.float32], subjects: NDArray[np.int64]) -> tuple[float, float]:
    """Alignment and uniformity of vectors (sequence, part, feature) of `subjects`, counted from 0."""
    embeddings, labels = torch.from_numpy(vectors), torch.from_numpy(subjects)
    directions = F.normalize(embeddings, dim=-1)
    sums = torch.zeros(int(labels.max()) + 1, *directions.shape[1:]).index_add(0, labels, directions)
    means = F.normalize(sums, dim=-1)
    alignment = (directions - means[labels]).square().sum(-1).mean()
    # One clip a person, as the mean is: all clips would take memory as the square of their number.
    each = GaitOutput(means)
    return float(alignment), float(ClassUniformityLoss()(each, torch.arange(len(means))).value)


def _shares(distances: NDArray[np.float32]) -> list[float]:
    counts, _ = np.histogram(np.minimum(distances, _FARTHEST), bins=_BINS, range=(0, _FARTHEST))
    return [round(float(share), 6) for share in counts / max(len(distances), 1)]

"""How good generated takes are, by the embeddings of a frozen recognizer; each figure beside that of recordings.

- `frechet_gait_distance`: are embeddings of takes spread as those of recordings are?
- `identity_kept`: is the subject found by the generated takes? Rank-1 against recordings.

Source: M. Heusel et al., "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium", NIPS
2017, for the Frechet distance.
Deviations: between embeddings of whole walks by a gait recognizer, part by part.
"""

import numpy as np

from walkprint.core.embedding import EmbeddingSet
from walkprint.core.errors import DataError
from walkprint.core.protocol import FieldName, Protocol, Selection
from walkprint.evaluation.frame_measures import Measure
from walkprint.evaluation.identify import identify
from walkprint.evaluation.scoring import Scoring


def frechet_distance(first: EmbeddingSet, second: EmbeddingSet) -> float:
    """Frechet distance of two sets of embeddings, each part taken for a Gaussian; the mean over parts.

    Squared distance of the means plus trace(A + B - 2 (A B)^(1/2)), A and B the covariances. The trace of the root is
    the sum of the singular values of the one centered set times the other, so that no covariance is ever built. Sets of
    a few sequences are farther apart than large ones: compare figures of equally many sequences only.

    Raises:
        DataError: a set has fewer than two sequences, or they are of different networks.
    """
    if min(len(first), len(second)) < 2 or first.vectors.shape[1:] != second.vectors.shape[1:]:
        raise DataError(
            f"Frechet distance: sets of {first.vectors.shape} and {second.vectors.shape}; expected at least two "
            "sequences each, embedded by one network"
        )
    distances = []
    for part in range(first.vectors.shape[1]):
        one, two = (each.vectors[:, part].astype(np.float64) for each in (first, second))
        apart = float(np.square(one.mean(axis=0) - two.mean(axis=0)).sum())
        one, two = ((each - each.mean(axis=0)) / np.sqrt(len(each) - 1) for each in (one, two))
        # Triangles have the same singular values, and are no larger than the number of features.
        root = np.linalg.norm(np.linalg.qr(one)[1] @ np.linalg.qr(two)[1].T, "nuc")
        distances.append(apart + float(np.square(one).sum() + np.square(two).sum() - 2 * root))
    return max(float(np.mean(distances)), 0.0)


def frechet_gait_distance(generated: EmbeddingSet, real: EmbeddingSet, *, seed: int = 0) -> Measure:
    """Frechet distance of the embeddings of generated takes to those of recordings; less is better.

    Args:
        generated, real: embeddings by one frozen recognizer, of the same subjects, conditions and views.
        seed: of the random split of the recordings into halves, and of the choice of equally many sequences.

    Returns:
        Of generated takes to one half of the recordings, and of the other half to it.

    Raises:
        DataError: there are fewer than two generated takes or four recordings.
    """
    rng = np.random.default_rng(seed)
    count = min(len(real) // 2, len(generated))
    order = rng.permutation(len(real)).tolist()
    first, second = real.take(order[:count]), real.take(order[count : 2 * count])
    some = generated.take(rng.permutation(len(generated))[:count].tolist())
    return Measure(frechet_distance(some, second), frechet_distance(first, second))


def identity_kept(
    generated: EmbeddingSet,
    real: EmbeddingSet,
    *,
    gallery: Selection,
    exclude: frozenset[FieldName] = frozenset({"view"}),
) -> Measure:
    """Rank-1, 0 to 1, of generated takes against recordings, mean over the views; more is better.

    Args:
        generated: embeddings of generated takes by a frozen recognizer.
        real: embeddings of recordings by the same.
        gallery: which recordings are searched, e.g. those of normal walking; recordings of the generated conditions
            are probes of the reference.
        exclude: as in `Protocol`; without the view, a take would be compared with the very one it was made from.

    Raises:
        ProtocolError: no pair counts, or the recognizers differ.
    """
    conditions = tuple(sorted({key.condition for key in generated.keys}))
    probes = Selection(conditions=conditions)

    def rank_1(probed: EmbeddingSet) -> float:
        protocol = Protocol("identity kept", gallery, {"takes": probes}, exclude)
        return identify(probed, protocol, gallery=real, ranks=(1,), scoring=Scoring(resamples=0)).figure("takes").value

    return Measure(rank_1(generated), rank_1(real) if probes.among(real.keys) else None)

"""How sequences are scored, in one object that goes whole into every evaluation."""

from dataclasses import asdict, dataclass
from typing import Any

from walkprint.core.distance import METRICS, Metric
from walkprint.core.embedding import EmbeddingSet
from walkprint.core.errors import ProtocolError


@dataclass(frozen=True, slots=True, kw_only=True)
class Scoring:
    """How distances and intervals are computed: the same for `identify`, `verify`, `compare` and `identify_open_set`.

    What acts on each vector alone belongs in `prepare`; what is subtracted from a whole set, in `pairs.pair_up`.

    Attributes:
        metric: distance between two parts; a sequence's distance is the mean over parts.
        center: move the gallery, and each probe set, so that its own mean is zero. It uses the statistics of the whole
            probe set, so it does not suit single probes; with few people it removes what distinguishes them: below five
            the report warns.
        normalize: scale each part of each sequence to unit length first, so that all parts have the same weight.
        resamples: bootstrap samples of the subjects for the 95 % intervals; 0 for none.
        seed: of every random draw.

    Raises:
        ProtocolError: a setting is out of range.
    """

    metric: Metric = "euclidean"
    center: bool = False
    normalize: bool = False
    resamples: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        if self.metric not in METRICS:
            raise ProtocolError(f"scoring: metric is {self.metric!r}; expected {' or '.join(METRICS)}")
        if self.resamples < 0 or self.seed < 0:
            raise ProtocolError(
                f"scoring: resamples is {self.resamples}, seed {self.seed}; expected whole numbers, at least 0"
            )

    def __str__(self) -> str:
        steps = [f"{self.metric} distance", *(["parts of unit length"] if self.normalize else [])]
        steps += ["centered"] if self.center else []
        return ", ".join(
            [*steps, f"{self.resamples} resamples, seed {self.seed}" if self.resamples else "no intervals"]
        )

    def prepare(self, embeddings: EmbeddingSet) -> EmbeddingSet:
        """Embeddings as they are compared, but for centering."""
        return embeddings.normalized() if self.normalize else embeddings

    def to_dict(self) -> dict[str, Any]:
        """Plain data for a report."""
        return asdict(self)

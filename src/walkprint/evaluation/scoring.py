"""How sequences are scored, in one object that goes whole into every evaluation."""

from dataclasses import dataclass, fields
from typing import Any, Literal

from walkprint.core.bounds import Checked, CountOrZero, Seed
from walkprint.core.distance import Metric
from walkprint.core.embedding import EmbeddingSet
from walkprint.core.errors import ProtocolError
from walkprint.evaluation.site import Site
from walkprint.evaluation.whitening import Whitening, moved

Side = Literal["gallery", "probe"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scoring(Checked):
    """How distances and intervals are computed: the same for every evaluation.

    What acts on each vector alone belongs in `prepare`; what is subtracted from a whole set, in
    `protocol_pairs.pair_up`.

    Attributes:
        metric: distance between two parts; a sequence's distance is the mean over parts.
        center: move the gallery, and each probe set, so that its own mean is zero. It uses the statistics of the whole
            probe set, so it does not suit single probes; with few people it removes what distinguishes them: below five
            the report warns.
        normalize: scale each part of each sequence to unit length first, so that all parts have the same weight.
            A whitening or a site does so anyway.
        whitening: weigh the directions of each part by how little they vary within a person; see `Whitening`.
        gallery_site, probe_site: where gallery and probes were recorded; parts are seen from the mean of the people who
            pass there, see `Site`. A side without a site is seen from the whitening's mean. Probes that are among the
            clips of a site are refused.
        resamples: bootstrap samples of the subjects for the 95 % intervals; 0 for none.
        seed: of every random draw.

    Raises:
        RecipeError: a setting is out of range.
        ProtocolError: one side has a site, and the other neither a site nor a whitening.
    """

    metric: Metric = "euclidean"
    center: bool = False
    normalize: bool = False
    whitening: Whitening | None = None
    gallery_site: Site | None = None
    probe_site: Site | None = None
    resamples: CountOrZero = 1000
    seed: Seed = 0

    def __post_init__(self) -> None:
        Checked.__post_init__(self)
        if len(self.sites) == 1 and self.whitening is None:
            raise ProtocolError(
                f"scoring: a site for the {next(iter(self.sites))} only; expected one for both sides (the same "
                "where one camera recorded them), or a whitening"
            )

    def __str__(self) -> str:
        steps = [f"{self.metric} distance", *(["parts of unit length"] if self.normalize else [])]
        steps += [str(self.whitening)] if self.whitening else []
        steps += [f"{side} from {site}" for side, site in self.sites.items()]
        steps += ["centered"] if self.center else []
        return ", ".join(
            [*steps, f"{self.resamples} resamples, seed {self.seed}" if self.resamples else "no intervals"]
        )

    @property
    def sites(self) -> dict[Side, Site]:
        """The sites that are known."""
        sides: dict[Side, Site | None] = {"gallery": self.gallery_site, "probe": self.probe_site}
        return {side: site for side, site in sides.items() if site is not None}

    @property
    def same_for_both(self) -> bool:
        """Whether gallery and probes are prepared by the same steps."""
        return self.gallery_site is self.probe_site

    def prepare(self, embeddings: EmbeddingSet, side: Side) -> EmbeddingSet:
        """Embeddings as they are compared, but for centering.

        Raises:
            ProtocolError: the whitening or the site is another network's.
        """
        site, whitening = self.sites.get(side), self.whitening
        if whitening is not None:
            whitening.check(embeddings)
        if site is not None:
            site.check(embeddings)
            origin = site.origins(embeddings.keys)
        elif whitening is not None:
            origin = whitening.mean
        else:
            return embeddings.normalized() if self.normalize else embeddings
        vectors = moved(embeddings.vectors, origin, whitening.root if whitening else None)
        return EmbeddingSet(vectors, embeddings.keys, embeddings.source, embeddings.data)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for a report; whitening and sites by their digest."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: str(one) if isinstance(one, Whitening | Site) else one for name, one in values.items()}

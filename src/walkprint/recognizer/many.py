"""Verdicts over a large gallery: sign codes propose some hundred walks, whose vectors are read and compared exactly.

What is learned from the gallery (its middle, how its people differ from rendered strangers) is learned from a random
sample of its people; the best scores of rendered strangers come from the whole gallery. Both are kept in it.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import safetensors.numpy
import torch
from numpy.typing import NDArray

from walkprint.core.digest import arrays_digest
from walkprint.core.embedding import unit_parts
from walkprint.core.sequence import SequenceKey
from walkprint.evaluation.site import Site
from walkprint.evaluation.whitening import Whitening, moved
from walkprint.gallery.coded import CodedWalks
from walkprint.gallery.codes import encode
from walkprint.gallery.known import Known
from walkprint.recognizer.cohort import Cohort
from walkprint.recognizer.impostors import Impostors
from walkprint.recognizer.verdict import Verdict, flat, origins_of

EXACT_WALKS = 50_000
_PROPOSED, _SAMPLE, _AT_ONCE, _READ = 100, 20_000, 16, 256
_TWICE, _CHANGED = 2.0, 1.02
_KEPT = ("walks alone", "walks joined")
_Floats = NDArray[np.float32]


class ManyVerdict(Verdict):
    """Compares walks with a large gallery as it is; arguments as in `Verdict`.

    Args:
        gallery: at least one walk is enrolled. The first use codes all walks, which takes minutes for a million.
    """

    def __init__(
        self,
        gallery: Known,
        cohort: Cohort,
        whitening: Whitening | None = None,
        site: Site | None = None,
        gallery_site: Site | None = None,
    ) -> None:
        self._gallery, self._coded = gallery, CodedWalks(gallery)
        self._set_up(cohort, whitening, site, gallery_site)
        self._digest = np.frombuffer(arrays_digest({"strangers": self._strangers}).encode(), np.uint8)
        self._at = 0
        self.refresh()

    @property
    def count(self) -> int:
        """How many people are known."""
        return len(self._gallery)

    def refresh(self) -> None:
        """Follow a gallery that has changed: its middle is kept until it is twice as large, its rates until 2 %."""
        walks = self._gallery.count_walks()
        basis = self._kept("basis")
        if not basis or not basis["walks"] / _TWICE <= walks <= basis["walks"] * _TWICE:
            self._learn_from(self._gallery.templates(_SAMPLE))
            basis = {f"origin {view}": origin for view, origin in self._origins.items()} | {"walks": np.array(walks)}
            self._coded.keep("basis", safetensors.numpy.save(basis), anew=True)
            self._at = 0
        self._origins = {name[len("origin ") :]: one for name, one in basis.items() if name.startswith("origin ")}
        self._coded.update(self._encode)
        if max(walks, self._at) > _CHANGED * min(walks, self._at):
            self._learn_rates(walks)

    def _learn_rates(self, walks: int) -> None:
        """How strangers score, from the gallery where that is kept."""
        kept, self._at = self._kept("rates") if self._site is None else {}, walks
        fits = set(_KEPT) <= set(kept) and np.array_equal(kept["cohort"], self._digest)
        if not fits or not kept["walks"] / _CHANGED <= walks <= kept["walks"] * _CHANGED:
            origins = self._origins
            self._learn_from(self._gallery.templates(_SAMPLE))
            self._origins = origins
            kept = {"cohort": self._digest, "walks": np.array(walks)}
            both = (self._strangers, self._joined_strangers())
            for name, strangers, some in zip(_KEPT, both, self._impostors, strict=True):
                best = [
                    self._scores(strangers[start : start + _AT_ONCE])[1].max(axis=1)
                    for start in range(0, len(strangers), _AT_ONCE)
                ]
                kept |= {name: np.concatenate(best), f"{name} known": np.array([some.shift, some.scale, some.known])}
            if self._site is None:
                self._coded.keep("rates", safetensors.numpy.save(kept))
        single, joined = (Impostors(np.sort(kept[name]), *kept[f"{name} known"].tolist()) for name in _KEPT)
        self._impostors = (single, joined)
        self.people, self._unit, self._known = np.zeros(0, "U1"), *np.zeros((2, 0, 0, 0), np.float32)

    def compare(
        self, vectors: _Floats, views: Sequence[str], weights: Sequence[float] | NDArray[np.float64] | None = None
    ) -> tuple[Sequence[str], NDArray[np.float64]]:
        """See `Verdict`; of the people alone that the codes propose for any of the walks."""
        unit = unit_parts(vectors)
        probes = self._joined(self._asked(unit, np.array(views)), weights)
        origins = origins_of(views, self._origins)
        here, there = self._site, self._gallery_site
        if here is not None and there is not None and here is not there:  # codes know the gallery's camera
            keys = [SequenceKey("walk", view=view) for view in views]
            origins = origins + here.origins(keys) - there.origins(keys)
        coded = flat(moved(unit, origins, self._root))
        return self._scores(self._joined(coded, weights).reshape(-1, *self._mean.shape), probes)

    def _scores(self, coded: _Floats, probes: _Floats | None = None) -> tuple[list[str], NDArray[np.float64]]:
        """Of probes, prepared as codes are (walk, part, feature), and as they are compared (walk, number)."""
        probes = flat(coded) if probes is None else probes
        turned = probes.reshape(len(probes), *self._mean.shape).transpose(1, 2, 0)
        turned = np.ascontiguousarray(turned if self._root is None else self._root @ turned)
        rows = np.unique(self._coded.propose(coded, _PROPOSED))
        some = [self._exact(rows[start : start + _READ], probes, turned) for start in range(0, len(rows), _READ)]
        names, place = np.unique(np.concatenate([people for _, people in some]), return_inverse=True)
        best = np.full((len(names), len(probes)), -np.inf)
        np.maximum.at(best, place, np.concatenate([scores for scores, _ in some]))
        return [f"{name:016x}" for name in names.tolist()], best.T

    def _exact(self, rows: NDArray[np.int64], probes: _Floats, turned: _Floats) -> tuple[_Floats, NDArray[np.uint64]]:
        """Scores of some walks, (walk, probe), and their people; `turned` is root @ probes, (part, feature, probe)."""
        found, views, norms, people = self._coded.vectors(rows)
        unit = torch.from_numpy(found).float().numpy()  # much faster than numpy here
        if self._site is not None:
            return self._prepared(unit_parts(unit), np.array(views), self._origins) @ probes.T, people
        products = unit.transpose(1, 0, 2) @ turned  # (u - o) root q / |(u - o) root|, with the norm that is kept
        for view in set(views):
            products[:, np.array(views) == view] -= origins_of([view], self._origins)[0][:, None] @ turned
        weight = np.divide(1, norms, out=np.zeros_like(norms), where=norms > 0) / np.sqrt(norms.shape[1])
        return np.einsum("pwn,wp->wn", products, weight), people

    def _encode(self, unit: NDArray[np.float16], views: Sequence[str]) -> tuple[NDArray[np.uint64], _Floats]:
        seen = unit.astype(np.float32) - origins_of(views, self._origins)
        if self._root is not None:
            seen = np.ascontiguousarray((seen.transpose(1, 0, 2) @ self._root).transpose(1, 0, 2))
        return encode(seen), np.linalg.norm(seen, axis=2)

    def _kept(self, name: str) -> dict[str, NDArray[Any]]:
        kept = self._coded.kept(name)
        return {} if kept is None else safetensors.numpy.load(kept)

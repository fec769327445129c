"""A protocol carried out on sequences: probes, gallery, which pairs count, and their distances block by block."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice, repeat
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from walkprint.core.distance import KnownVectors
from walkprint.core.embedding import EmbeddingSet
from walkprint.core.engine import usable_threads
from walkprint.core.errors import ProtocolError
from walkprint.core.protocol import Protocol
from walkprint.core.sequence import SequenceKey
from walkprint.evaluation.ranking import PairLabels
from walkprint.evaluation.scoring import Scoring

ALL_VIEWS = "all"
_FEW_PEOPLE = 5


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Probes and gallery of one protocol, ready to be compared.

    Attributes:
        probe_keys: one per probe, probe set after probe set.
        gallery_keys: one per gallery item, cell after cell.
        probes: where the probes' vectors are.
        probe_rows: int64 (probe,), and at which place.
        shifts: probe set -> (part, feature), its mean, to be taken off; empty without centering.
        known: the gallery's vectors.
        probe_sets: name of each probe set -> its rows.
        cells: names of the gallery views that are searched one at a time, or only "all".
        cell_starts: int64 (cell + 1,), where each cell begins in the gallery.
        probe_labels, gallery_labels: which pairs count.
        data: what is known of the frames behind probes and gallery.
    """

    probe_keys: Sequence[SequenceKey]
    gallery_keys: Sequence[SequenceKey]
    probes: EmbeddingSet
    probe_rows: NDArray[np.int64]
    shifts: dict[str, NDArray[np.float32]]
    known: KnownVectors
    probe_sets: dict[str, slice]
    cells: tuple[str, ...]
    cell_starts: NDArray[np.int64]
    probe_labels: PairLabels
    gallery_labels: PairLabels
    data: tuple[str, ...] = ()

    def notes(self) -> list[str]:
        """The quality of the data, and warnings about centering, for a report."""
        seen = [f"Data: {one}." for one in self.data]
        people = {name: len(np.unique(self.probe_labels.subject[self.probe_sets[name]])) for name in self.shifts}
        few = ", ".join(f"{name} {count}" for name, count in people.items() if count < _FEW_PEOPLE)
        if not few:
            return seen
        return [
            *seen,
            f"CENTERED ON FEWER THAN {_FEW_PEOPLE} PEOPLE ({few}): the mean of so few is mostly themselves, and "
            "subtracting it removes what distinguishes them; do not center so few.",
        ]

    def blocks(
        self, name: str | None = None, *, own_only: bool = False
    ) -> Iterator[tuple[slice, NDArray[np.float32], PairLabels]]:
        """Rows of probes, of one set or of all, their distances to the whole gallery, and their labels.

        Blocks come in order; as many as there are threads are computed at once, with one thread of BLAS each.

        Args:
            name: of the probe set; all when None.
            own_only: only distances to the probes' own subjects are needed; others may be 0.
        """
        threads = usable_threads()
        todo, running = self._places(name), deque[tuple[slice, Future[NDArray[np.float32]]]]()
        with ThreadPoolExecutor(threads) as pool, threadpool_limits(1, "blas"):
            while True:
                for probe_set, rows in islice(todo, threads + 1 - len(running)):
                    running.append((rows, pool.submit(self._distances, probe_set, rows, own_only)))
                if not running:
                    return
                rows, distances = running.popleft()
                labels = PairLabels(*(getattr(self.probe_labels, field)[rows] for field in PairLabels.__slots__))
                yield rows, distances.result(), labels

    def _places(self, name: str | None) -> Iterator[tuple[str, slice]]:
        for probe_set in self.probe_sets if name is None else (name,):
            among = self.probe_sets[probe_set]
            for start in range(among.start, among.stop, self.known.rows_per_block):
                yield probe_set, slice(start, min(start + self.known.rows_per_block, among.stop))

    def _distances(self, probe_set: str, rows: slice, own_only: bool) -> NDArray[np.float32]:
        vectors = self.probes.vectors[self.probe_rows[rows]]
        self.probes.release()
        if probe_set in self.shifts:
            vectors -= self.shifts[probe_set]
        if not own_only:
            return self.known.distances(vectors)
        own = np.flatnonzero(np.isin(self.gallery_labels.subject, self.probe_labels.subject[rows]))
        return self.known.distances(vectors, columns=slice(own[0], own[-1] + 1) if len(own) else slice(0, 0))


def pair_up(
    probes: EmbeddingSet,
    protocol: Protocol,
    scoring: Scoring,
    *,
    gallery: EmbeddingSet | None = None,
    allow_different_sources: bool = False,
) -> Pairs:
    """Carry out a protocol's selections.

    Args:
        probes: where probes are taken from, and the gallery too unless it is given.
        protocol: what to select and which pairs count.
        scoring: how distances are computed.
        gallery: where the gallery is taken from, e.g. another data set.
        allow_different_sources: compare embeddings although different networks made them.

    Raises:
        ProtocolError: nothing is selected, the two sets come from different networks, centering leaves nothing of a
            probe set, or the scoring's whitening and sites do not suit them.
    """
    known = probes if gallery is None else gallery
    if known.source != probes.source and not allow_different_sources:
        raise ProtocolError(
            f"protocol {protocol.name}: probes were embedded by {probes.source or 'an unknown source'}, the gallery by "
            f"{known.source or 'an unknown source'}; embed both with one network, or allow different sources"
        )
    galleries = protocol.distinct_galleries()
    known_at = [(i, number) for number, selection in enumerate(galleries) for i in selection.among(known.keys)]
    if not known_at:
        raise ProtocolError(_nothing(protocol, "the gallery", known.keys))
    selected = {name: selection.among(probes.keys) for name, selection in protocol.probes.items()}
    if not any(selected.values()):
        raise ProtocolError(_nothing(protocol, f"probe set {' or '.join(selected)}", probes.keys))
    for site in scoring.sites.values():
        site.refuse_own_clips(probes.take(sorted({i for positions in selected.values() for i in positions})))
    known = scoring.prepare(known, "gallery")
    probes = known if gallery is None and scoring.same_for_both else scoring.prepare(probes, "probe")
    # Sorted by cell, then by key: the numbers do not depend on the order in which sequences were embedded.
    each = protocol.gallery_view == "each"
    known_at.sort(key=lambda at: (known.keys[at[0]].view if each else "", known.keys[at[0]], at[1]))
    views = [known.keys[i].view if each else ALL_VIEWS for i, _ in known_at]
    cells = tuple(dict.fromkeys(views))
    probe_sets: dict[str, slice] = {}
    probe_at: list[int] = []
    for name, positions in selected.items():
        probe_sets[name] = slice(len(probe_at), len(probe_at) + len(positions))
        probe_at += sorted(positions, key=lambda i: probes.keys[i])
    gallery_rows, gallery_numbers = np.array(known_at, dtype=np.int64).T
    gallery_vectors, shifts = known.vectors, {}
    if scoring.center:
        gallery_vectors, gallery_rows = known.vectors[gallery_rows], np.arange(len(known_at))
        for number in np.unique(gallery_numbers):
            gallery_vectors[gallery_numbers == number] -= _mean(gallery_vectors[gallery_numbers == number])
        shifts = {name: _shift(name, probes.vectors[positions]) for name, positions in selected.items() if positions}
    probe_keys, gallery_keys = [probes.keys[i] for i in probe_at], [known.keys[i] for i, _ in known_at]
    numbers = [n for name, at in selected.items() for n in [galleries.index(protocol.gallery_of(name))] * len(at)]
    return Pairs(
        probe_keys=probe_keys,
        gallery_keys=gallery_keys,
        probes=probes,
        probe_rows=np.array(probe_at, dtype=np.int64),
        shifts=shifts,
        known=KnownVectors(gallery_vectors, scoring.metric, gallery_rows),
        probe_sets=probe_sets,
        cells=cells,
        cell_starts=np.searchsorted(np.array([cells.index(view) for view in views]), np.arange(len(cells) + 1)),
        **_labels(protocol, (probe_keys, numbers), (gallery_keys, gallery_numbers.tolist()), one_set=gallery is None),
        data=tuple(dict.fromkeys(one.data for one in (probes, known) if one.data)),
    )


def counting_pairs(probes: PairLabels, gallery: PairLabels) -> NDArray[np.bool_]:
    """Which pairs count, (probe, gallery)."""
    agrees = probes.require[:, None] == gallery.require
    return np.asarray(
        agrees & (probes.exclude[:, None] != gallery.exclude) & (probes.identity[:, None] != gallery.identity)
    )


def plain_settings(protocol: Protocol, pairs: Pairs, scoring: Scoring) -> dict[str, Any]:
    """What figures depend on, as plain data for a report."""
    return {
        "protocol": protocol.to_dict(),
        "gallery": _gallery_in_words(protocol, pairs.gallery_keys),
        "scoring": scoring.to_dict(),
    }


def _gallery_in_words(protocol: Protocol, keys: Sequence[SequenceKey]) -> str:
    people = len({key.subject for key in keys})
    count = f"{len(keys)} sequence{'s'[: len(keys) != 1]} of {people} {'person' if people == 1 else 'people'}"
    words = protocol.gallery.in_words()
    if protocol.galleries:
        words = "; ".join(f"{name}: {protocol.gallery_of(name).in_words()}" for name in protocol.probes)
    return f"{words} ({count})" + (f" · {protocol.note}" if protocol.note else "")


def _mean(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(vectors.mean(axis=0, dtype=np.float64), np.float32)


def _shift(name: str, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The mean of a probe set, refused when it is all that there is."""
    mean = _mean(vectors)
    if (vectors == mean).all():
        raise ProtocolError(
            f"center: probe set {name} is its own mean ({len(vectors)} in all), nothing would be left of it; do not "
            "center, or test more people"
        )
    return mean


_Numbered = tuple[Sequence[SequenceKey], Sequence[int]]


def _labels(protocol: Protocol, probes: _Numbered, gallery: _Numbered, *, one_set: bool) -> "dict[str, PairLabels]":
    """Labels of keys, each with the number of the gallery that its probe set is searched in, or that it belongs to."""
    columns: tuple[list[NDArray[np.int32]], list[NDArray[np.int32]]] = ([], [])
    for fields, meets, within_gallery in (
        (("subject",), True, False),
        (tuple(sorted(protocol.exclude)), bool(protocol.exclude), False),
        (tuple(sorted(protocol.require)), True, True),
        (("subject", "condition", "take", "view"), one_set, False),
    ):
        seen: dict[tuple[Any, ...], int] = {}
        read = attrgetter(*fields) if fields else lambda key: None
        for column, (keys, numbers), outsider in zip(columns, (probes, gallery), (-1, -2), strict=True):
            values = zip(map(read, keys), numbers if within_gallery else repeat(0), strict=False)
            found = [seen.setdefault(value, len(seen)) for value in values] if meets else [outsider] * len(keys)
            column.append(np.array(found, dtype=np.int32))
    return {"probe_labels": PairLabels(*columns[0]), "gallery_labels": PairLabels(*columns[1])}


def _nothing(protocol: Protocol, what: str, keys: Sequence[SequenceKey]) -> str:
    if not keys:
        return f"protocol {protocol.name}: {what} cannot be selected from no embeddings at all; embed some sequences"
    found = []
    for name in ("condition", "take", "view"):
        values = sorted({getattr(key, name) for key in keys})
        shown = ", ".join(repr(value) for value in values[:8]) + (", …" if len(values) > 8 else "")
        found.append(f"{name}s {shown}")
    return (
        f"protocol {protocol.name}: {what} selects none of the {len(keys)} sequences, which look like {keys[0]} with "
        f"{'; '.join(found)}; correct the protocol or choose another"
    )

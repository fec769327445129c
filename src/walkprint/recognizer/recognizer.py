"""Enrolls people, and says who is seen walking."""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from walkprint.core.digest import weights_source
from walkprint.core.embedding import EmbeddingSet, unit_parts
from walkprint.core.errors import DataError, ProtocolError
from walkprint.core.progress import progress
from walkprint.core.sequence import SequenceKey
from walkprint.core.summary import counted
from walkprint.evaluation.site import Site
from walkprint.evaluation.whitening import moved
from walkprint.gallery import Binding, Gallery, NewWalk, Person
from walkprint.gallery.journal import now
from walkprint.gallery.records import check_day, check_name
from walkprint.networks.base import Network
from walkprint.networks.folded import folded
from walkprint.recipes.trained import load_network
from walkprint.recognizer.cohort import Cohort, find_or_make
from walkprint.recognizer.enrollment import (
    Embedded,
    Warn,
    refuse_two_at_a_time,
    warn_of_another,
    warn_of_two,
    without_known,
)
from walkprint.recognizer.error_rates import LEAST_PEOPLE, ErrorRates, measure
from walkprint.recognizer.many import EXACT_WALKS, ManyVerdict
from walkprint.recognizer.sighting import Candidate, Sighting
from walkprint.recognizer.sources import walks_of
from walkprint.recognizer.verdict import Verdict, log_odds
from walkprint.video.mediapipe import MediaPipe
from walkprint.video.preview import Preview, both
from walkprint.video.segmenter import Segmenter
from walkprint.video.walks import Hook

_TRACKS_KEPT, _WALKS_KEPT, _LEAST_QUALITY = 256, 15, 0.05
_Floats = NDArray[np.float32]


class Recognizer:
    """Who walked there? A gallery, a network and a segmenter together.

    Args:
        gallery: a gallery, or the path of one, made if it is not there.
        network: a trained network, or the `name` of `load_network`.
        site: of the camera that identifies, if one was calibrated; see `evaluation.Site`.
        gallery_site: of the camera where people were enrolled, if that is another one.
        segmenter: finds people in videos; MediaPipe's if None.
        false_positive_rate: of all strangers who are looked up, how many may be named; above 0 and below 1.
        asked_by: for the journal, unless a call says otherwise.
        key: 32 bytes, if the gallery is encrypted or is to be.
        cohort: strangers; those of the network if None, which are rendered at first use where none come with it.
        adopt: accept a gallery of another network, to embed it again with `re_embed` before anything else.

    Attributes:
        gallery, network, site, gallery_site, segmenter, false_positive_rate, asked_by: the same.

    Raises:
        DataError: the gallery cannot be opened, or is another network's.
        CheckpointError: there is no such network.
        ProtocolError: a site is another network's, or only the gallery has one.
    """

    def __init__(
        self,
        gallery: Gallery | str | Path,
        network: Network | str | Path = "street",
        *,
        site: Site | None = None,
        gallery_site: Site | None = None,
        segmenter: Segmenter | None = None,
        false_positive_rate: float = 0.05,
        asked_by: str = "",
        key: bytes | None = None,
        cohort: Cohort | None = None,
        adopt: bool = False,
    ) -> None:
        self.network = network if isinstance(network, Network) else load_network(network)
        name = type(network).__name__ if isinstance(network, Network) else str(network)
        self.site, self.gallery_site = site, gallery_site
        self.false_positive_rate, self.asked_by = false_positive_rate, asked_by
        self.segmenter = segmenter or MediaPipe()
        whitening = self.network.whitening
        scoring = f"cosine, {whitening or 'parts of unit length'}"
        mask = np.pad(np.full((self.network.min_frames, 60, 20), 255, np.uint8), ((0, 0), (2, 2), (22, 22)))
        self._embed = folded(self.network, torch.from_numpy(mask)[None, :, None]).embed
        parts, features = self._embed(mask).shape
        self._binding = Binding(name, weights_source(self.network), parts, features, scoring)
        if site is None and gallery_site is not None:
            raise ProtocolError("found gallery_site only; expected site as well, or neither to enroll")
        for one in (site, gallery_site):
            if one is not None:
                one.check(EmbeddingSet(np.zeros((0, parts, features), np.float32), [], self._binding.source))
        if isinstance(gallery, Gallery):
            self.gallery = gallery
        else:
            self.gallery = Gallery.open(gallery, None if adopt else self._binding, key=key)
        if not adopt:
            self.gallery.binding.check(self._binding, self.gallery.path)
        self._cohort = cohort
        self._verdict: tuple[int, Verdict] | None = None

    def enroll(
        self,
        source: Any,
        name: str,
        *,
        consent: str = "",
        expires: str | None = None,
        keep_silhouettes: bool = False,
        asked_by: str | None = None,
        hook: Hook | None = None,
        warn: Warn = warnings.warn,
    ) -> Person:
        """Make a person known by all walks of a source, which must show this person alone.

        Walks that are enrolled already are left out. There are warnings of two walks in one direction that look like
        two people, and, up to 50,000 walks, of a walk that would be named as somebody else, or is more similar to
        somebody else than to earlier walks of the person.

        Args:
            source: see `walks_of`.
            name: of the person; more walks may be added later.
            consent: a note on it: when, how, for what.
            expires: last day to keep the person, ISO 8601.
            keep_silhouettes: keep them in the gallery, so that another network can embed them later.
            asked_by: for the journal.
            hook: called with every frame of a video.
            warn: called with each warning, a line.

        Raises:
            DataError: no walk is found, all are enrolled already or one under another name, two people are seen at a
                time, or the name or day is none.
        """
        begun, name, expires = now(), check_name(name), check_day(expires)  # before a long video is read
        found = list(self._embedded(source, hook))
        if not found:
            raise DataError(f"{name}: no walk found; expected a person who walks past, whole in the picture")
        refuse_two_at_a_time([walk for walk, _ in found], name)
        found = without_known(found, name, self.gallery, warn)
        warn_of_two(found, name, lambda vectors: log_odds(vectors, self.cohort, self.network.whitening), warn)
        judge = self._judge() if self.gallery.count_walks() <= EXACT_WALKS else None
        if judge is not None:
            warn_of_another(found, name, judge, self.gallery, judge.threshold(self.false_positive_rate), warn)
        new = [
            NewWalk(
                vectors, len(walk.silhouettes), walk.quality, walk.view, walk.input,
                walk.silhouettes if keep_silhouettes else None,
            )
            for walk, vectors in found
        ]  # fmt: skip
        asked_by = self.asked_by if asked_by is None else asked_by
        return self.gallery.enroll(name, new, consent=consent, expires=expires, asked_by=asked_by, begun=begun)

    def identify(
        self,
        source: Any,
        *,
        false_positive_rate: float | None = None,
        most: int = 5,
        fuse: bool = True,
        asked_by: str | None = None,
        hook: Hook | None = None,
    ) -> list[Sighting]:
        """Say who walks in a source.

        Args:
            source: see `walks_of`.
            false_positive_rate: instead of the recognizer's.
            most: candidates of each sighting.
            fuse: one sighting for each person (track), of all walks together; else one for each walk.
            asked_by: for the journal, which gets a line for each sighting.
            hook: called with every frame of a video.

        Raises:
            DataError: the source cannot be read.
            ProtocolError: the rate is out of range, or a walk is one that the site was learned from.
        """
        begun = now()
        found: dict[int, list[Embedded]] = {}
        for number, (walk, vectors) in enumerate(self._asked(source, hook)):
            found.setdefault(walk.track if fuse else number, []).append((walk, vectors))
        asked = (false_positive_rate, most, asked_by, begun)
        return [self._sighting(together, *asked) for together in found.values()]

    def watch(
        self,
        source: Any,
        *,
        false_positive_rate: float | None = None,
        most: int = 5,
        asked_by: str | None = None,
        hook: Hook | None = None,
    ) -> Iterator[Sighting]:
        """Say who walked as soon as each walk ends; earlier walks of the same track count too.

        Args:
            source: as in `identify`; an iterator of frames may be endless.
            false_positive_rate, most, asked_by, hook: as in `identify`.

        Raises:
            DataError, ProtocolError: as `identify`.
        """
        tracks: dict[int, list[Embedded]] = {}
        for walk, vectors in self._asked(source, hook):
            tracks[walk.track] = [*tracks.pop(walk.track, [])[-_WALKS_KEPT:], (walk, vectors)]
            if len(tracks) > _TRACKS_KEPT:
                del tracks[next(iter(tracks))]
            yield self._sighting(tracks[walk.track], false_positive_rate, most, asked_by, now())

    def threshold(self, false_positive_rate: float | None = None, walks: int = 1) -> float:
        """The score from which somebody is named, for the gallery as it is.

        Args:
            false_positive_rate: instead of the recognizer's.
            walks: how many walks are joined, see `Verdict.threshold`.

        Raises:
            DataError: no person is enrolled.
            ProtocolError: the rate is out of range.
        """
        judge = self._judge()
        if judge is None:
            raise DataError(f"{self.gallery.path}: no person is enrolled; enroll somebody first")
        return judge.threshold(self.false_positive_rate if false_positive_rate is None else false_positive_rate, walks)

    def doubt(self, false_positive_rate: float | None = None, walks: int = 1) -> str:
        """Why the threshold cannot be trusted, in a line; "" without a reason. Arguments as in `threshold`.

        Raises:
            ProtocolError: the rate is out of range.
        """
        judge = self._judge()
        if judge is None:
            return ""
        threshold = self.threshold(false_positive_rate, walks)
        if threshold > 1 and judge.nearest_pair:
            one, other = (self.gallery.names([person]).get(person, person) for person in judge.nearest_pair)
            return (
                f"threshold {threshold:.2f}: no score is above 1, so all are unknown; {one} and {other} are the most "
                "similar known people: check their videos, enroll others, or allow a higher false positive rate"
            )
        if judge.count < LEAST_PEOPLE:
            known = counted(judge.count, "person", "people")
            return f"{known} known; expected {LEAST_PEOPLE} or more for a threshold that can be trusted: enroll others"
        return ""

    def error_rates(self, rates: Sequence[float]) -> ErrorRates:
        """How often the gallery as it is errs, by its own walks and rendered strangers; see `error_rates.measure`.

        Args:
            rates: false positive rates, each above 0 and below 1.

        Raises:
            DataError: too few people have walks from two videos, or there are more than 50,000 walks.
        """
        judge, count = self._judge(), self.gallery.count_walks()
        if judge is None or isinstance(judge, ManyVerdict):
            raise DataError(f"{self.gallery.path}: error rates need 1 to {EXACT_WALKS:,} walks, found {count}")
        walks = self.gallery.walks()
        if self._verdict is None or self._verdict[0] != self.gallery.state:
            raise DataError(f"{self.gallery.path}: the gallery changed in the meantime; ask again")
        return measure(judge, walks, len(np.unique(self.cohort.subjects)), rates)

    def _embedded(self, source: Any, hook: Hook | None) -> Iterator[Embedded]:
        for walk in walks_of(source, self.segmenter, hook):
            yield walk, self._embed(walk.silhouettes)

    def _asked(self, source: Any, hook: Hook | None) -> Iterator[Embedded]:
        """The same, of walks to be looked up: the site must not know them."""
        for walk, vectors in self._embedded(source, hook):
            if self.site is not None:
                key = SequenceKey(f"{walk.start_s:.1f}-s", view=walk.view)
                self.site.refuse_own_clips(EmbeddingSet(vectors[None], [key], self._binding.source))
            yield walk, vectors

    def _sighting(
        self,
        together: Sequence[Embedded],
        false_positive_rate: float | None,
        most: int,
        asked_by: str | None,
        begun: str,
    ) -> Sighting:
        rate = self.false_positive_rate if false_positive_rate is None else false_positive_rate
        judge, walks = self._judge(), [walk for walk, _ in together]
        candidates: tuple[Candidate, ...] = ()
        threshold, unknown = 0.0, 1.0
        if judge is not None:
            vectors = np.stack([one for _, one in together])
            weights = [len(one.silhouettes) * max(one.quality, _LEAST_QUALITY) for one in walks]
            scored = judge.score(vectors, [one.view for one in walks], weights)
            threshold = judge.threshold(rate, len(walks))
            unknown, names = scored.unknown, self.gallery.names(scored.people[:most])
            candidates = tuple(
                Candidate(person, names[person], round(float(score), 4), round(float(chance), 4))
                for person, score, chance in zip(
                    scored.people[:most], scored.scores, scored.probabilities, strict=False
                )
                if person in names  # another process may have forgotten one meanwhile
            )
        found = Sighting(
            walks[-1].track, min(one.start_s for one in walks), max(one.end_s for one in walks), walks[-1].view,
            len(walks), sum(len(one.silhouettes) for one in walks),
            round(float(np.mean([one.quality for one in walks])), 3), candidates, round(threshold, 4), rate,
            round(unknown, 4), 0,
        )  # fmt: skip
        event = self.gallery.note(
            "identify", [candidates[0].id] if found.name is not None else [], begun=begun, input=walks[-1].input,
            asked_by=self.asked_by if asked_by is None else asked_by,
        )  # fmt: skip
        return replace(found, event=event)

    def _judge(self) -> Verdict | None:
        """For the gallery as it is today; None if no person is enrolled."""
        self.gallery.expire()
        state, walks = self.gallery.state, self.gallery.count_walks()
        if not walks:
            return None
        if self._verdict is None or self._verdict[0] != state:
            arguments = (self.cohort, self.network.whitening, self.site, self.gallery_site)
            before = self._verdict and self._verdict[1]
            if walks <= EXACT_WALKS:
                self._verdict = (state, Verdict(self.gallery.templates(), *arguments))
            elif isinstance(before, ManyVerdict):
                before.refresh()
                self._verdict = (state, before)
            else:
                self._verdict = (state, ManyVerdict(self.gallery, *arguments))
        return self._verdict[1]

    @property
    def cohort(self) -> Cohort:
        """Rendered strangers; made at first use where none come with the network."""
        if self._cohort is None:
            binding = self._binding

            def embed(frames: NDArray[np.uint8]) -> _Floats:
                unit, whitening = unit_parts(self._embed(frames)[None]), self.network.whitening
                return np.asarray((unit if whitening is None else moved(unit, whitening.mean, whitening.root))[0])

            self._cohort = find_or_make(embed, f"{binding.source}, {binding.scoring}")
        return self._cohort

    def annotate(self, source: str | Path, sightings: Sequence[Sighting], out: str | Path) -> None:
        """Write a copy of a video with outlines, names and scores; it is segmented once more for that.

        Args:
            source: the video in which `identify` saw the sightings.
            sightings: of that video.
            out: file to write, .mp4, .mkv or .avi.

        Raises:
            DataError: the video cannot be read, or the file has another ending.
        """
        names = {}
        for seen in sightings:
            score = f" {seen.candidates[0].score:.2f}" if seen.candidates else ""
            names[seen.track] = f"{seen.name or 'unknown'}{score}"
        with progress(f"writing {Path(out).name}") as on_progress, Preview(out, names) as preview:
            hook = both(preview, lambda frame, _: on_progress(frame.number + 1, None))
            for _ in walks_of(source, self.segmenter, hook):
                pass

    def re_embed(self, *, asked_by: str | None = None) -> int:
        """Embed the gallery again by this recognizer's network, from kept silhouettes; returns how many walks.

        Only a recognizer that was opened with `adopt` needs it.

        Raises:
            DataError: silhouettes of a walk were not kept.
        """
        self._verdict = None
        asked_by = self.asked_by if asked_by is None else asked_by
        return self.gallery.re_embed(self._embed, self._binding, asked_by=asked_by)

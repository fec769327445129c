"""From any data set to a packed store, in parallel; every frame that is left out is counted."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from walkprint.core.engine import Engine, map_over
from walkprint.core.errors import DataError, RecipeError
from walkprint.core.progress import Progress
from walkprint.core.sequence import SequenceKey
from walkprint.core.share import Share, check_share, share_of
from walkprint.core.summary import counted
from walkprint.data.base import GaitDataset, Reading
from walkprint.data.packed import Packed
from walkprint.data.packing import Bits, Compression
from walkprint.data.quality import LOOKED_AT, NOBODY_TESTS, doubtful_shares
from walkprint.data.store import Store
from walkprint.data.writing import StoreWriter

_SHOWN, _CHUNK = 20, 4
FEW_FRAMES = 5


@dataclass(slots=True)
class PrepareReport:
    """What `pack` did, sequences of an interrupted earlier run included.

    Attributes:
        path: where the store lies, or will lie once all shares are done.
        finished: whether it lies there.
        sequences, frames: how many were written by this job.
        dropped: why frames were left out -> how many.
        doubtful: what is odd about kept frames -> how many of the "looked at".
        faults: what could not be read, one line each; of this run only.
        empty: sequences without a usable frame.
        short: sequences with fewer than five frames.
        people, conditions, views: how many different ones the written sequences have.
        misplaced: files that look like frames but lie where none is read; `layout` says where they should.
        layout: of the data set.
        repeated: whether any subject has a second recording, which identification needs; known once the store is there.
        tested: whether the split leaves anybody to test; known once the store is there.
        unlisted: subjects in neither set of a partition, who are not written.
        gallery: what the protocol "default" takes as gallery, e.g. "nm, take 01"; "" where the data set has protocols
            of its own; known once the store is there.
    """

    path: Path
    finished: bool = False
    sequences: int = 0
    frames: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    doubtful: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    empty: list[SequenceKey] = field(default_factory=list)
    short: list[SequenceKey] = field(default_factory=list)
    people: int = 0
    conditions: int = 0
    views: int = 0
    misplaced: list[str] = field(default_factory=list)
    layout: str = ""
    repeated: bool = True
    tested: bool = True
    unlisted: list[str] = field(default_factory=list)
    gallery: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        plain = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "layout"}
        plain |= {name: dict(sorted(plain[name].items())) for name in ("dropped", "doubtful")}
        plain |= {name: [str(key) for key in plain[name]] for name in ("empty", "short")}
        return plain | {"path": str(self.path)}

    def __str__(self) -> str:
        lines = [f"{self.path}: {counted(self.sequences, 'sequence')}, {counted(self.frames, 'frame')}"]
        if not self.finished:
            lines[0] += "; other shares are still missing"
        lines.append(f"people: {self.people}, conditions: {self.conditions}, views: {self.views}")
        if self.misplaced:
            lines.append(f"left out: {_misplaced(self.misplaced, self.layout)}")
        lines += [f"left out: {counted(count, 'frame')}, {reason}" for reason, count in sorted(self.dropped.items())]
        lines += doubtful_shares(self.doubtful)
        if self.unlisted:
            who = counted(len(self.unlisted), "subject")
            lines.append(f"left out: {who} in neither set of the partition, e.g. {self.unlisted[0]}")
        lines += _listed("unreadable", self.faults)
        lines += _listed("without a usable frame", self.empty)
        lines += _listed(f"fewer than {FEW_FRAMES} frames", self.short)
        if not self.repeated:
            lines.append(
                "no subject has a second recording: identification has no gallery; add another take of the same people"
            )
        if self.gallery:
            lines.append(
                f"gallery: {self.gallery}; every other recording is a probe; to change that, name a gallery when the "
                "store is opened"
            )
        if not self.tested:
            lines.append(
                f"{NOBODY_TESTS}: choose another split, or name the training subjects when the store is opened"
            )
        return "\n".join(lines)


def _misplaced(found: Sequence[str], layout: str) -> str:
    return f"{len(found)} files, not at {layout}, e.g. {found[0]}"


def _listed(what: str, found: Sequence[object]) -> list[str]:
    """A line for each, up to a number that can be read; all of them are in `to_dict`."""
    more = len(found) - _SHOWN
    return [f"{what}: {one}" for one in found[:_SHOWN]] + (
        [f"{what}: {more} more; the report has all"] if more > 0 else []
    )


def prepare(
    dataset: GaitDataset,
    out: str | Path,
    *,
    bits: Bits = 8,
    compression: Compression = None,
    workers: int | None = None,
    engine: Engine = None,
    strict: bool = False,
    clean: bool = False,
    progress: Progress | None = None,
) -> Packed:
    """Pack a data set into a store, and open it; `report` says what was left out. See `pack` for the arguments."""
    report = pack(
        dataset, out, bits=bits, compression=compression, workers=workers, engine=engine, strict=strict, clean=clean,
        progress=progress,
    )  # fmt: skip
    packed = Packed(report.path)
    packed.report = report
    return packed


def pack(
    dataset: GaitDataset,
    out: str | Path,
    *,
    bits: Bits = 8,
    compression: Compression = None,
    workers: int | None = None,
    engine: Engine = None,
    share: Share = (0, 1),
    strict: bool = False,
    clean: bool = False,
    progress: Progress | None = None,
) -> PrepareReport:
    """Write a data set's sequences, or a share of them, into a packed store; `prepare` also opens it.

    Stopped at any moment and started again with the same settings and data, it continues where it was.

    Args:
        dataset: what to read, raw.
        out: folder of the store to be; must not exist.
        bits: 8 keeps soft edges, 1 only whether a pixel is at least 128.
        compression: None or "zstd".
        workers: processes that read and align; as many as there are cores when None.
        engine: what runs them, see `map_over`; a cluster's machines read the data at the same place.
        share: (i, n): this job writes the i-th of n shares, counted from 0; the job that ends last puts the store
            in its place.
        strict: stop at the first thing that cannot be read.
        clean: keep only the largest piece of each mask, with its holes filled and its edge hard.
        progress: called with (sequences done, sequences in all).

    Raises:
        DataError: the place is taken, an unfinished store of other settings or data lies there, nothing is usable, or,
            when strict, something cannot be read or lies where the layout has no frames.
        RecipeError: a setting is out of range.
    """
    if workers is not None and workers < 1:
        raise RecipeError(f"prepare: {workers} workers; expected at least 1")
    check_share(share)
    dataset = dataset.cleaned() if clean else dataset
    dataset.check()
    misplaced = list(dataset.misplaced())
    if strict and misplaced:
        raise DataError(f"{_misplaced(misplaced, dataset.LAYOUT)} (strict: stopped; without strict they are left out)")
    keys = share_of(dataset.catalogue(), share)
    writer = StoreWriter(
        out,
        bits=bits,
        compression=compression,
        dataset=type(dataset).__name__,
        settings=dataset.settings,
        further=_further(dataset),
        inputs=_inputs(dataset),
        share=share,
    )
    report = PrepareReport(writer.path, misplaced=misplaced, layout=dataset.LAYOUT, unlisted=list(dataset.unlisted()))
    rest = [key for key in keys if key not in writer.done]
    with writer, closing(map_over(rest, dataset.examine, engine, workers=workers, chunk=_CHUNK)) as readings:
        for done, (key, reading) in enumerate(zip(rest, readings, strict=True), len(keys) - len(rest) + 1):
            _take(writer, key, reading, report, strict)
            if progress is not None:
                progress(done, len(keys))
    report.dropped, report.doubtful = writer.dropped, writer.doubtful
    _sum_up(writer.done, report)
    return report


def report_of(store: Store) -> PrepareReport:
    """What a finished store says of how it was made; faults and misplaced files are forgotten."""
    empty = {SequenceKey.parse(key): 0 for key in store.meta["empty"]}
    report = PrepareReport(store.path, dropped=Counter(store.meta["dropped"]), doubtful=Counter(store.meta["doubtful"]))
    _sum_up(dict(zip(store.keys, store.lengths.tolist(), strict=True)) | empty, report)
    return report


def _sum_up(done: Mapping[SequenceKey, int], report: PrepareReport) -> None:
    """Fill in what a closed writer or a store knows: the frames of each sequence."""
    report.finished = report.path.exists()
    for key, length in done.items():
        report.sequences += length > 0
        report.frames += length
        if length < FEW_FRAMES:
            (report.short if length else report.empty).append(key)
    written = [key for key, length in done.items() if length]
    report.people, report.conditions, report.views = (
        len({getattr(key, name) for key in written}) for name in ("subject", "condition", "view")
    )
    if report.finished:
        store, default = Store.open(report.path), Packed(report.path).protocols.get("default")
        report.repeated = _somebody_repeats(store.keys)
        report.gallery = default.gallery.in_words() if default else ""
        report.tested = not {key.subject for key in store.keys} <= set(store.meta["train"])


def _somebody_repeats(keys: Sequence[SequenceKey]) -> bool:
    """Whether any subject has a second recording; the views of one recording are one."""
    recordings = {(key.subject, key.recording) for key in keys}
    return len(recordings) > len({key.subject for key in keys})


def _further(dataset: GaitDataset) -> dict[str, Any]:
    """What a store says of split and protocols."""
    protocols = [protocol.to_dict() for protocol in dataset.protocols.values()]
    return {"train": list(dataset.subjects("train")), "protocols": protocols}


def _inputs(dataset: GaitDataset) -> str:
    """A digest of where a data set lies and of what it holds."""
    return hashlib.sha256("\n".join([dataset.place, *map(str, dataset.catalogue())]).encode()).hexdigest()


def _take(writer: StoreWriter, key: SequenceKey, reading: Reading, report: PrepareReport, strict: bool) -> None:
    if strict and reading.faults:
        raise DataError(f"{reading.faults[0]} (strict: stopped; without strict it is skipped and counted)")
    report.faults += reading.faults
    if reading.clip is None:
        writer.skip(key, reading.dropped, reading.faults)
    else:
        looked_at = {LOOKED_AT: reading.looked_at} if reading.looked_at else {}
        writer.add(reading.clip, reading.dropped, doubtful={**reading.doubtful, **looked_at})

"""Writing a packed store: append sequences, survive interruption, finish atomically, also as several jobs at once."""

import hashlib
import json
import math
import os
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Self

import numpy as np
from filelock import FileLock, Timeout

from walkprint.core.errors import DataError
from walkprint.core.files import write_atomically
from walkprint.core.sequence import Clip, SequenceKey
from walkprint.core.share import Share, check_share
from walkprint.core.silhouette import reasons_in_words
from walkprint.data.packing import Bits, Compression, encode
from walkprint.data.store import (
    FORMAT,
    GENERATED_NAME,
    INDEX_NAME,
    META_NAME,
    VERSION,
    Store,
    fingerprint,
    index_of,
    shard_name,
)

_SHARD_BYTES = 2**31


class StoreWriter:
    """Writes a store beside its final place and renames the folder when every share is there.

    Until then the folder `.NAME.partial` holds the shards and one log per share; a sequence counts once its line is in
    the log, so an interrupted writer continues where it stopped. Use it as a context manager: leaving it normally calls
    `finish`.

    Args:
        path: folder of the store to be; must not exist.
        bits: 8 keeps every grey value, 1 only whether a pixel is at least 128.
        compression: None, or "zstd" for each sequence on its own.
        dataset: name of the class that the sequences come from.
        settings: the settings it was opened with; plain JSON.
        further: more entries of `meta.json`; what it says of `dropped`, `doubtful` and `empty` is added to this store's
            own.
        inputs: a digest of what is being packed; only an unfinished store of the same is continued. Not kept in the
            finished one.
        share: (i, n): this job's number and how many jobs write this store together, each its own sequences.
        shard_bytes: begin a new shard after so many bytes.

    Attributes:
        done: frames written per sequence so far by this job; 0 for one recorded as unusable.
        dropped: why frames were dropped -> how many, by this job.
        doubtful: what is odd about kept frames -> how many, by this job; see `add`.

    Raises:
        DataError: the place is taken, or an unfinished store of other settings or inputs lies there.
        RecipeError: there is no such share.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        bits: Bits = 8,
        compression: Compression = None,
        dataset: str = "",
        settings: Mapping[str, Any] | None = None,
        further: Mapping[str, Any] | None = None,
        inputs: str = "",
        share: Share = (0, 1),
        shard_bytes: int = _SHARD_BYTES,
    ) -> None:
        self.path = Path(path)
        self._number, self._jobs = check_share(share)
        if bits not in (8, 1) or compression not in (None, "zstd"):
            raise DataError(f"store: bits is {bits!r} and compression {compression!r}; expected 8 or 1, none or 'zstd'")
        if self.path.exists() or self.path.is_symlink():
            raise DataError(f"{self.path}: already exists; choose another folder or remove it first")
        self._bits, self._compression, self._shard_bytes = bits, compression, shard_bytes
        self._plan = {
            "format": FORMAT,
            "version": VERSION,
            "bits": bits,
            "compression": compression,
            "dataset": dataset,
            "settings": dict(settings or {}),
            "parts": self._jobs,
            **(further or {}),
        }
        self._folder = self.path.absolute().with_name(f".{self.path.name}.partial")
        self._folder.mkdir(parents=True, exist_ok=True)
        self._agree_on_plan(inputs)
        self.done: dict[SequenceKey, int] = {}
        self.dropped: Counter[str] = Counter()
        self.doubtful: Counter[str] = Counter()
        self._frame_shape: list[int] | None = None
        self._shard, self._offset = self._number, 0
        self._lock = self._take_lock()
        self._log: IO[bytes] = self._log_file(self._number).open("ab")
        try:
            self._resume()
        except BaseException:
            self._close()
            raise

    def _agree_on_plan(self, inputs: str) -> None:
        file = self._folder / "plan.json"
        text = json.dumps(self._plan | {"inputs": inputs}, sort_keys=True, indent=1)
        with FileLock(self._folder / "plan.lock", thread_local=False):
            if not file.exists():
                write_atomically(file, text)
            elif file.read_text(encoding="utf-8") != text:
                raise DataError(
                    f"{self._folder}: an unfinished store with other settings or of other data (other sequences, "
                    "another path) lies here; finish it with the same, or remove this folder"
                )

    def _log_file(self, number: int) -> Path:
        return self._folder / f"part-{number:05d}.jsonl"

    def _take_lock(self) -> FileLock:
        lock = FileLock(self._log_file(self._number).with_suffix(".lock"), timeout=0, thread_local=False)
        try:
            lock.acquire()
        except Timeout:
            raise DataError(f"{self._folder}: share {self._number} is being written by another process") from None
        return lock

    def _close(self) -> None:
        self._log.close()
        self._lock.release()

    def _resume(self) -> None:
        records, sound_bytes = _read_log(self._log_file(self._number))
        os.truncate(self._log_file(self._number), sound_bytes)
        for record in records:
            if "key" not in record:
                continue
            self.done[SequenceKey(*record["key"])] = record["length"]
            self.dropped.update(record["dropped"])
            self.doubtful.update(record.get("doubtful", {}))
            if record["length"]:
                self._frame_shape = record["frame_shape"]
                self._shard, self._offset = record["shard"], record["offset"] + record["bytes"]

    def _append(self, record: Mapping[str, Any]) -> None:
        self._log.write(json.dumps(record).encode() + b"\n")
        self._log.flush()

    def add(
        self,
        clip: Clip,
        dropped: Mapping[str, int] | None = None,
        origin: Mapping[str, Any] | None = None,
        doubtful: Mapping[str, int] | None = None,
    ) -> None:
        """Append one sequence.

        Args:
            clip: its frames; all clips of a store have one size and number of channels.
            dropped: why frames were left out -> how many.
            origin: of a generated sequence, where it came from; plain JSON, a line of `generated.jsonl`.
            doubtful: what is odd about kept frames -> how many of those that were looked at, "looked at" among them.

        Raises:
            DataError: the sequence is there already, or its frames are of another size.
        """
        stored = encode(clip.frames, self._bits, self._compression)
        more = {"dropped": dict(dropped or {})} | ({} if origin is None else {"origin": dict(origin)})
        more |= {"doubtful": dict(doubtful)} if doubtful else {}
        self._append_sequence(clip.key, stored, len(clip), list(clip.frames.shape[1:]), clip.frame_rate_hz, more)

    def copy(self, store: Store, key: SequenceKey) -> None:
        """Append a sequence of another store, byte for byte.

        Raises:
            DataError: the sequence is there already, or is stored in another way than here.
        """
        if (store.meta["bits"], store.meta["compression"]) != (self._bits, self._compression):
            raise DataError(f"{self.path}: {store.path} has other bits or compression; sequences cannot be copied")
        i = store.index(key)
        rate = float(store.frame_rates_hz[i])
        shape = [store.channels, store.height_px, store.width_px]
        self._append_sequence(
            key, store.stored(key), int(store.lengths[i]), shape, None if math.isnan(rate) else rate, {"dropped": {}}
        )

    def _append_sequence(
        self,
        key: SequenceKey,
        stored: bytes,
        length: int,
        shape: list[int],
        frame_rate_hz: float | None,
        more: dict[str, Any],
    ) -> None:
        if key in self.done:
            raise DataError(f"{self.path}: sequence {key} was added twice")
        if self._frame_shape not in (None, shape):
            raise DataError(
                f"{self.path}: frames of {key} are {shape} (channel, height, width), expected "
                f"{self._frame_shape} as before; a store has one size"
            )
        self._frame_shape = shape
        if self._offset and self._offset + len(stored) > self._shard_bytes:
            self._shard, self._offset = self._shard + self._jobs, 0
        self._write_stored(stored)
        record = {
            "key": [key.subject, key.condition, key.take, key.view],
            "length": length,
            "shard": self._shard,
            "offset": self._offset,
            "bytes": len(stored),
            "frame_rate_hz": frame_rate_hz,
            "frame_shape": shape,
            "sha256": hashlib.sha256(stored).hexdigest(),
            **more,
        }
        self._append(record)
        self._offset += len(stored)
        self.done[key] = length
        self.dropped.update(more["dropped"])
        self.doubtful.update(more.get("doubtful", {}))

    def _write_stored(self, stored: bytes) -> None:
        # Opened for each sequence: what a killed writer left behind the last logged byte is overwritten.
        path = self._folder / shard_name(self._shard)
        path.touch()
        with path.open("r+b") as file:
            file.seek(self._offset)
            file.write(stored)

    def skip(self, key: SequenceKey, dropped: Mapping[str, int], faults: Sequence[str] = ()) -> None:
        """Record a sequence without a usable frame, so that it is reported and not tried again on resuming.

        Args:
            key: of the sequence.
            dropped: why frames were left out -> how many.
            faults: what could not be read, one line each; the first is said when nothing at all is usable.
        """
        parts = [key.subject, key.condition, key.take, key.view]
        self._append({"key": parts, "length": 0, "dropped": dict(dropped), "faults": list(faults[:1])})
        self.done[key] = 0
        self.dropped.update(dropped)

    def finish(self, dropped: Mapping[str, int] | None = None) -> Store | None:
        """Close this share; the last job to finish puts the store in its place.

        Args:
            dropped: why frames that belong to no sequence were left out -> how many, in this job as a whole.

        Returns:
            The store, or None while other shares are missing.

        Raises:
            DataError: no sequence at all, or shares that do not agree.
        """
        if self._log.closed:
            return Store.open(self.path) if self.path.exists() else None
        self._append({"complete": True, "dropped": dict(dropped or {})})
        self._close()
        records: list[dict[str, Any]] = []
        left_out: Counter[str] = Counter()
        for number in range(self._jobs):
            found, _ = _read_log(self._log_file(number))
            if not found or "complete" not in found[-1]:
                return None
            records += [record for record in found if "key" in record]
            left_out.update(found[-1].get("dropped", {}))
        return self._publish(records, left_out)

    def _publish(self, records: list[dict[str, Any]], left_out: Counter[str]) -> Store:
        records.sort(key=lambda record: record["key"])
        usable = [record for record in records if record["length"]]
        if not usable:
            # What was skipped is forgotten: the same command reads the data again once they are repaired.
            shutil.rmtree(self._folder, ignore_errors=True)
            raise DataError(f"{self.path}: no sequence has a usable frame{_reasons(records)}; nothing was written")
        shapes = {tuple(record["frame_shape"]) for record in usable}
        keys = {tuple(record["key"]) for record in records}
        if len(shapes) != 1 or len(keys) != len(records):
            raise DataError(f"{self.path}: shares disagree (frame sizes {sorted(shapes)}, or a sequence written twice)")
        channels, height, width = shapes.pop()
        dropped = left_out + Counter(self._plan.get("dropped", {}))
        doubtful = Counter[str](self._plan.get("doubtful", {}))
        for record in records:
            dropped.update(record["dropped"])
            doubtful.update(record.get("doubtful", {}))
        unusable = [str(SequenceKey(*record["key"])) for record in records if not record["length"]]
        meta = self._plan | {
            "channels": channels,
            "height_px": height,
            "width_px": width,
            "sequences": len(usable),
            "frames": sum(record["length"] for record in usable),
            "dropped": dict(sorted(dropped.items())),
            "doubtful": dict(sorted(doubtful.items())),
            "empty": [*self._plan.get("empty", []), *unusable],
        }
        index = index_of(usable)
        meta["fingerprint"] = fingerprint(meta, index)
        # Jobs that finish together write the same files; whoever renames second finds the store in place.
        temporary = self._folder / f"publish-{self._number:05d}"
        try:
            temporary.mkdir(exist_ok=True)
            with (temporary / INDEX_NAME).open("wb") as opened:
                np.savez(opened, **index)  # type: ignore[arg-type]
            if "generated" in self._plan:
                _write_origins(temporary, usable)
            (temporary / META_NAME).write_text(json.dumps(meta, indent=1), encoding="utf-8")
            for file in sorted(temporary.iterdir()):
                file.replace(self._folder / file.name)
            temporary.rmdir()
            for number in sorted({record["shard"] for record in usable}):
                _to_disk(self._folder / shard_name(number))
            self._folder.rename(self.path)
        except OSError:
            if not self.path.exists():
                raise
        for rest in [*self.path.glob("part-*"), *self.path.glob("plan.*")]:
            rest.unlink(missing_ok=True)
        return Store.open(self.path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self.finish()
        else:
            self._close()


def _reasons(records: list[dict[str, Any]]) -> str:
    """Why frames were left out, with the first fault."""
    dropped = sum((Counter(record["dropped"]) for record in records), Counter[str]())
    faults = [f"first: {fault}" for record in records for fault in record["faults"]]
    return f" ({'; '.join([reasons_in_words(dropped), *faults[:1]]) if dropped else 'no frame at all'})"


def _write_origins(folder: Path, records: list[dict[str, Any]]) -> None:
    """One line for each generated sequence."""
    lines = [
        json.dumps({"key": str(SequenceKey(*record["key"])), **record["origin"], "sha256": record["sha256"]})
        for record in records
        if "origin" in record
    ]
    (folder / GENERATED_NAME).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _read_log(file: Path) -> tuple[list[dict[str, Any]], int]:
    """The records of a job's log and how many of its bytes are sound; a torn last line is what a kill leaves."""
    records: list[dict[str, Any]] = []
    sound = 0
    if file.exists():
        for line in file.read_bytes().splitlines(keepends=True):
            if not line.endswith(b"\n"):
                break
            try:
                records.append(json.loads(line))
            except ValueError:
                break
            sound += len(line)
    return records, sound


def _to_disk(file: Path) -> None:
    with file.open("rb+") as opened:
        os.fsync(opened.fileno())

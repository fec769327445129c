"""Packed store: written once, memory-mapped by many; no pickle.

A store is a folder:

- `shard-00000.bin` and so on: the sequences' frames one after another, 8 bits or 1 bit a pixel, each sequence plain or
  compressed with zstd on its own;
- `index.npz`: per sequence its key (subject, condition, take, view), length, shard, offset, bytes, frame rate (NaN when
  unknown) and the SHA-256 digest of its stored bytes;
- `meta.json`: version, frame size, bits, compression, which data set with which settings it was made from, and the
  `fingerprint` of its index; `generated` says what made the generated sequences, if there are any;
- `generated.jsonl`, only then: for each of them its key, its source, what made it, and the digest of its stored bytes.

Nothing is used unverified: the index at opening, by the fingerprint; each sequence's bytes, by their digest, when a
process first reads it.
"""

import hashlib
import json
import math
import mmap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from walkprint.core.arrays import read_arrays
from walkprint.core.bounds import Count, CountOrZero, Width
from walkprint.core.errors import DataError
from walkprint.core.protocol import FIELD_NAMES
from walkprint.core.sequence import Clip, SequenceKey
from walkprint.core.values import MisfitError, value_of
from walkprint.core.yaml_json import read_json
from walkprint.data.packing import copy_frames, decompress, frame_bytes
from walkprint.data.quality import quality

FORMAT = "walkprint store"
VERSION = 1
META_NAME = "meta.json"
INDEX_NAME = "index.npz"
GENERATED_NAME = "generated.jsonl"


def shard_name(number: int) -> str:
    """File name of a shard."""
    return f"shard-{number:05d}.bin"


def is_store(path: str | Path) -> bool:
    """Whether a folder is a packed store, by its `meta.json`."""
    return (Path(path) / META_NAME).is_file()


class Store:
    """A packed store, opened for reading; cheap to open, safe to share between threads and to send to processes.

    Attributes:
        path: its folder.
        meta: what `meta.json` says.
        keys: its sequences, sorted.
        lengths: int64 (sequence,), frames of each.
        frame_rates_hz: float64 (sequence,), NaN when unknown.
        channels, height_px, width_px: size of its frames.
        bits: of a pixel as it is packed, 8 or 1.
        generated: what `generated.jsonl` says of each generated sequence; empty where all are recordings.
        ordered: whether frames follow each other in every sequence; some generators make sets of frames instead.
        fingerprint: of all it holds, hexadecimal: stores of the same sequences and bytes have the same, wherever they
            lie.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.meta = _read_meta(self.path)
        self.channels: int = self.meta["channels"]
        self.height_px: int = self.meta["height_px"]
        self.width_px: int = self.meta["width_px"]
        self.bits: int = self.meta["bits"]
        self._compression: str | None = self.meta["compression"]
        index = _read_index(self.path)
        columns = [index[name].tolist() for name in FIELD_NAMES]
        self.keys: tuple[SequenceKey, ...] = tuple(SequenceKey(*values) for values in zip(*columns, strict=True))
        self.lengths: NDArray[np.int64] = index["length"]
        self.frame_rates_hz: NDArray[np.float64] = index["frame_rate_hz"]
        self._shard: list[int] = index["shard"].tolist()
        self._start: list[int] = index["offset"].tolist()
        self._bytes: list[int] = index["bytes"].tolist()
        self._digest = index["sha256"]
        self._verified = bytearray(len(self.keys))
        self._position = {key: i for i, key in enumerate(self.keys)}
        self._size = frame_bytes((self.channels, self.height_px, self.width_px), self.bits)
        self.fingerprint = fingerprint(self.meta, index)
        self._check_index(index)
        self._shards = self._map_shards()
        self.generated = self._read_generated()
        self.ordered = bool(self.meta.get("generated", {}).get("ordered", True))

    @classmethod
    def open(cls, path: str | Path) -> "Store":
        """Open a store.

        Raises:
            DataError: the folder is no store, of another version, or damaged.
        """
        return cls(path)

    def __reduce__(self) -> tuple[Any, ...]:
        return (Store, (self.path,))

    def __len__(self) -> int:
        """How many sequences it holds."""
        return len(self.keys)

    def _check_index(self, index: dict[str, NDArray[Any]]) -> None:
        """Refuse an index that contradicts itself or `meta.json`."""
        if self.meta.get("fingerprint", self.fingerprint) != self.fingerprint:  # older stores have none
            raise DataError(
                f"{self.path}: {INDEX_NAME} is not the one that {META_NAME} was written with, one of them was "
                "changed; prepare the store again"
            )
        if len(self._position) < len(self.keys):
            twice = next(key for i, key in enumerate(self.keys) if self._position[key] != i)
            raise DataError(f"{self.path}: sequence {twice} is in {INDEX_NAME} twice; prepare the store again")
        order = np.lexsort((index["offset"], index["shard"]))
        shard, start = index["shard"][order], index["offset"][order]
        shared = (shard[1:] == shard[:-1]) & (start[1:] < start[:-1] + index["bytes"][order][:-1])
        if shared.any():
            at = int(shared.argmax())
            one, other = sorted(self.keys[i] for i in order[at : at + 2])
            raise DataError(
                f"{self.path}: sequences {one} and {other} lie on the same bytes of {shard_name(int(shard[at]))}; "
                "prepare the store again"
            )

    def _map_shards(self) -> dict[int, tuple[mmap.mmap, NDArray[np.uint8]]]:
        shards: dict[int, tuple[mmap.mmap, NDArray[np.uint8]]] = {}
        for number in sorted(set(self._shard)):
            file = self.path / shard_name(number)
            try:
                with file.open("rb") as opened:
                    mapped = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
            except (OSError, ValueError) as error:
                raise DataError(
                    f"{file}: cannot be read ({error}); the store is incomplete: prepare it again"
                ) from error
            shards[number] = mapped, np.frombuffer(mapped, dtype=np.uint8)
        for i, key in enumerate(self.keys):
            end = self._start[i] + self._bytes[i]
            expected = int(self.lengths[i]) * self._size
            plain = self._compression is None
            if self._start[i] < 0 or end > len(shards[self._shard[i]][0]) or (plain and self._bytes[i] != expected):
                raise DataError(f"{self.path}: sequence {key} does not lie inside its shard; prepare the store again")
        return shards

    def _read_generated(self) -> dict[SequenceKey, dict[str, Any]]:
        if "generated" not in self.meta:
            return {}
        file = self.path / GENERATED_NAME
        try:
            lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
            return {self.keys[self.index(SequenceKey.parse(line["key"]))]: line for line in lines}
        except (OSError, ValueError, KeyError, TypeError, DataError) as error:
            raise DataError(f"{file}: cannot be read ({error}); expand the data set again") from error

    def index(self, key: SequenceKey) -> int:
        """Position of a sequence in `keys`.

        Raises:
            DataError: there is no such sequence.
        """
        try:
            return self._position[key]
        except KeyError:
            raise DataError(f"{self.path}: no sequence {key} in this store of {len(self)} sequences") from None

    def source(self, key: SequenceKey) -> SequenceKey:
        """What a generated sequence was made from."""
        return SequenceKey.parse(self.generated[key]["source"])

    def read(self, key: SequenceKey) -> Clip:
        """One whole sequence."""
        i = self.index(key)
        frames = self.gather([i], np.arange(self.lengths[i])[None])[0]
        rate = float(self.frame_rates_hz[i])
        return Clip(frames, key, None if math.isnan(rate) else rate)

    def gather(
        self,
        sequences: ArrayLike,
        frame_positions: ArrayLike,
        out: NDArray[np.uint8] | None = None,
        width_px: int | None = None,
    ) -> NDArray[np.uint8]:
        """Frames of many sequences at once: the fast path of training.

        Args:
            sequences: int64 (batch,), positions in `keys`.
            frame_positions: int64 (batch, time), each below its sequence's length.
            out: where to write, contiguous uint8 (batch, time, channel, height, width); made when None.
            width_px: take only so many central columns; all when None.

        Returns:
            uint8 (batch, time, channel, height, width).

        Raises:
            DataError: a position is out of range, sizes do not agree, or stored bytes are damaged.
        """
        rows = np.asarray(sequences, dtype=np.int64)
        positions = np.ascontiguousarray(frame_positions, dtype=np.int64)
        columns = self.width_px if width_px is None else width_px
        self._check(rows, positions, columns)
        shape = (len(rows), positions.shape[1], self.channels, self.height_px, columns)
        if out is None:
            out = np.empty(shape, dtype=np.uint8)
        elif out.shape != shape or out.dtype != np.uint8 or not out.flags.c_contiguous:
            raise DataError(f"gather: out is {out.dtype} {out.shape}, expected contiguous uint8 {shape}")
        left = (self.width_px - columns) // 2
        for b, i in enumerate(rows.tolist()):
            copy_frames(self._raw(i), self.bits, self.width_px, left, positions[b], out[b])
        return out

    def _check(self, rows: NDArray[np.int64], positions: NDArray[np.int64], columns: int) -> None:
        if rows.ndim != 1 or positions.ndim != 2 or len(rows) != len(positions):
            raise DataError(
                f"gather: sequences {rows.shape} and frame positions {positions.shape} do not agree; "
                "expected (batch,) and (batch, time)"
            )
        if not 1 <= columns <= self.width_px:
            raise DataError(f"gather: width_px is {columns}, expected 1 to {self.width_px}, the stored width")
        if rows.size and (int(rows.min()) < 0 or int(rows.max()) >= len(self)):
            raise DataError(f"gather: sequences {rows.min()} to {rows.max()}, expected 0 to {len(self) - 1}")
        if positions.size and (int(positions.min()) < 0 or (positions.max(axis=1) >= self.lengths[rows]).any()):
            raise DataError("gather: a frame position lies outside its sequence")

    def _view(self, i: int) -> NDArray[np.uint8]:
        start, (mapped, shard) = self._start[i], self._shards[self._shard[i]]
        if mapped.size() < len(shard):  # the file's own size, now: what is gone would end the process with SIGBUS
            raise DataError(
                f"{self.path}: sequence {self.keys[i]}: {shard_name(self._shard[i])} was {len(shard):,} bytes when the "
                f"store was opened and is {mapped.size():,} now; copy or prepare the store again"
            )
        return shard[start : start + self._bytes[i]]

    def _sound(self, i: int) -> bool:
        return bool(hashlib.sha256(self._view(i).data).digest() == self._digest[i].tobytes())

    def _stored(self, i: int) -> NDArray[np.uint8]:
        if not self._verified[i]:
            if not self._sound(i):
                raise DataError(
                    f"{self.path}: sequence {self.keys[i]} in {shard_name(self._shard[i])} is damaged, its bytes are "
                    "not those that were written; copy or prepare the store again"
                )
            self._verified[i] = 1
        return self._view(i)

    def _raw(self, i: int) -> NDArray[np.uint8]:
        if self._compression is None:
            return self._stored(i)
        try:
            return decompress(self._stored(i), int(self.lengths[i]) * self._size, self._compression)
        except ValueError as error:
            raise DataError(f"{self.path}: sequence {self.keys[i]} is damaged ({error}); prepare it again") from error

    def packed(self, sequence: int) -> NDArray[np.uint8]:
        """One sequence's frames as they are packed, without compression: uint8 (time, byte).

        Args:
            sequence: position in `keys`.
        """
        return self._raw(sequence).reshape(int(self.lengths[sequence]), self._size)

    def stored(self, key: SequenceKey) -> bytes:
        """The bytes of one sequence as they lie in its shard."""
        return self._stored(self.index(key)).tobytes()

    @property
    def quality(self) -> str:
        """One line on its frames: which were left out and why, and which are doubtful."""
        return f"{self.path.name}: {quality(self.meta)}"

    def verify(self) -> list[SequenceKey]:
        """The sequences whose stored bytes do not have the digest that was written; empty when all is well."""
        return [key for i, key in enumerate(self.keys) if not self._sound(i)]


def fingerprint(meta: Mapping[str, Any], index: Mapping[str, NDArray[Any]]) -> str:
    """The SHA-256 digest, hexadecimal, of frame size, packing, and each sequence's key, length, rate and digest.

    Args:
        meta: `meta.json`.
        index: the columns of `index.npz`.
    """
    found = hashlib.sha256(repr([meta[name] for name in _PACKING]).encode())
    for name in FIELD_NAMES:
        found.update("\n".join(index[name].tolist()).encode() + b"\n\n")  # no field holds a line break
    for column, kind in (("length", "<i8"), ("frame_rate_hz", "<f8"), ("sha256", "u1")):
        found.update(np.ascontiguousarray(index[column], dtype=kind).tobytes())
    return found.hexdigest()


_PACKING = ("channels", "height_px", "width_px", "bits", "compression")
_OPTIONAL: dict[str, Any] = {
    "train": list[str], "test": list[str], "protocols": list[dict[str, Any]], "sequences": Count, "frames": Count,
    "dropped": dict[str, CountOrZero], "doubtful": dict[str, CountOrZero], "empty": list[str],
    "generated": dict[str, Any], "fingerprint": str,
}  # fmt: skip
_META_TYPES: dict[str, Any] = {
    "channels": Literal[1, 3], "height_px": Width, "width_px": Width, "bits": Literal[8, 1],
    "compression": Literal["zstd"] | None, "dataset": str, "settings": dict[str, Any], **_OPTIONAL,
}  # fmt: skip


def _read_meta(path: Path) -> dict[str, Any]:
    try:
        meta = read_json(path / META_NAME)
    except FileNotFoundError:
        raise DataError(f"{path}: no packed store here (no {META_NAME}); make one with `prepare`") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path / META_NAME}: cannot be read ({error}); prepare the store again") from error
    if not isinstance(meta, dict) or meta.get("format") != FORMAT:
        raise DataError(f"{path}: {META_NAME} is not that of a {FORMAT}; make one with `prepare`")
    if meta.get("version") != VERSION:
        raise DataError(f"{path}: store of version {meta.get('version')}, expected {VERSION}; prepare it again")
    for name, kind in _META_TYPES.items():
        try:
            sound = name in _OPTIONAL if name not in meta else value_of(meta[name], kind) == meta[name]
        except MisfitError as error:
            raise DataError(f"{path}: {META_NAME} is damaged ({name}: {error}); prepare the store again") from error
        if not sound:
            raise DataError(f"{path}: {META_NAME} is damaged ({name}); prepare the store again")
    return meta


_INDEX_TYPES: dict[str, str] = {
    **dict.fromkeys(FIELD_NAMES, "U"),
    **dict.fromkeys(("length", "shard", "offset", "bytes"), "i"),
    "frame_rate_hz": "f",
    "sha256": "u",
}


def _read_index(path: Path) -> dict[str, NDArray[Any]]:
    file = path / INDEX_NAME
    try:
        index = read_arrays(file, _INDEX_TYPES)
    except (OSError, ValueError) as error:
        raise DataError(f"{file}: cannot be read ({error}); prepare the store again") from error
    count = len(index["length"])
    for name, kind in _INDEX_TYPES.items():
        if index[name].dtype.kind != kind or len(index[name]) != count:
            raise DataError(f"{file}: column {name} is damaged; prepare the store again")
    if count == 0 or index["length"].min() < 1 or index["sha256"].shape != (count, 32):
        raise DataError(f"{file}: damaged or without sequences; prepare the store again")
    return index


def index_of(records: Sequence[dict[str, Any]]) -> dict[str, NDArray[Any]]:
    """The columns of `index.npz`, of sorted records: key, length, shard, offset, bytes, frame_rate_hz, sha256 (hex)."""
    columns: dict[str, NDArray[Any]] = {
        name: np.array([record["key"][i] for record in records], dtype=np.str_) for i, name in enumerate(FIELD_NAMES)
    }
    for name in ("length", "shard", "offset", "bytes"):
        columns[name] = np.array([record[name] for record in records], dtype=np.int64)
    rates = [record["frame_rate_hz"] for record in records]
    columns["frame_rate_hz"] = np.array([math.nan if rate is None else rate for rate in rates], dtype=np.float64)
    digests = b"".join(bytes.fromhex(record["sha256"]) for record in records)
    columns["sha256"] = np.frombuffer(digests, dtype=np.uint8).reshape(-1, 32)
    return columns

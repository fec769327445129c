"""Packed store: written once, memory-mapped by many; no pickle.

A store is a folder:

- `shard-00000.bin` and so on: the sequences' frames one after another, 8 bits or 1 bit a pixel, each sequence plain or
  compressed with zstd on its own;
- `index.npz`: per sequence its key (subject, condition, take, view), length, shard, offset, bytes, frame rate (NaN when
  unknown) and the SHA-256 digest of its stored bytes;
- `meta.json`: version, frame size, bits, compression, and which data set with which settings it was made from;
  `generated` says what made the generated sequences, if there are any;
- `generated.jsonl`, only then: for each of them its key, its source, what made it, and the digest of its stored bytes.
"""

import hashlib
import json
import math
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from walkprint.core.errors import DataError
from walkprint.core.protocol import FIELD_NAMES
from walkprint.core.sequence import Clip, SequenceKey
from walkprint.data.packing import copy_frames, decompress, frame_bytes

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
        generated: what `generated.jsonl` says of each generated sequence; empty where all are recordings.
        ordered: whether frames follow each other in every sequence; some generators make sets of frames instead.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.meta = _read_meta(self.path)
        self.channels: int = self.meta["channels"]
        self.height_px: int = self.meta["height_px"]
        self.width_px: int = self.meta["width_px"]
        self._bits: int = self.meta["bits"]
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
        self._position = {key: i for i, key in enumerate(self.keys)}
        self._size = frame_bytes((self.channels, self.height_px, self.width_px), self._bits)
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

    def _map_shards(self) -> dict[int, NDArray[np.uint8]]:
        shards: dict[int, NDArray[np.uint8]] = {}
        for number in sorted(set(self._shard)):
            file = self.path / shard_name(number)
            try:
                shards[number] = np.asarray(np.memmap(file, dtype=np.uint8, mode="r"))
            except (OSError, ValueError) as error:
                raise DataError(
                    f"{file}: cannot be read ({error}); the store is incomplete: prepare it again"
                ) from error
        for i, key in enumerate(self.keys):
            end = self._start[i] + self._bytes[i]
            expected = int(self.lengths[i]) * self._size
            plain = self._compression is None
            if self._start[i] < 0 or end > shards[self._shard[i]].size or (plain and self._bytes[i] != expected):
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
            copy_frames(self._raw(i), self._bits, self.width_px, left, positions[b], out[b])
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

    def _stored(self, i: int) -> NDArray[np.uint8]:
        start = self._start[i]
        return self._shards[self._shard[i]][start : start + self._bytes[i]]

    def _raw(self, i: int) -> NDArray[np.uint8]:
        if self._compression is None:
            return self._stored(i)
        try:
            return decompress(self._stored(i), int(self.lengths[i]) * self._size, self._compression)
        except ValueError as error:
            raise DataError(f"{self.path}: sequence {self.keys[i]} is damaged ({error}); prepare it again") from error

    @property
    def bits(self) -> int:
        """Bits a pixel: 8 or 1."""
        return self._bits

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
    def digest(self) -> str:
        """Of all it holds, hexadecimal: stores of the same sequences and bytes have the same."""
        names = "\n".join(map(str, self.keys)).encode()
        return hashlib.sha256(names + self._digest.tobytes()).hexdigest()

    def verify(self) -> list[SequenceKey]:
        """The sequences whose stored bytes do not have the digest that was written; empty when all is well."""
        digests = (hashlib.sha256(self._stored(i).data).digest() for i in range(len(self)))
        return [
            key for key, row, digest in zip(self.keys, self._digest, digests, strict=True) if row.tobytes() != digest
        ]


def _read_meta(path: Path) -> dict[str, Any]:
    try:
        meta = json.loads((path / META_NAME).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{path}: no packed store here (no {META_NAME}); make one with `prepare`") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path / META_NAME}: cannot be read ({error}); prepare the store again") from error
    if not isinstance(meta, dict) or meta.get("format") != FORMAT:
        raise DataError(f"{path}: {META_NAME} is not that of a {FORMAT}; make one with `prepare`")
    if meta.get("version") != VERSION:
        raise DataError(f"{path}: store of version {meta.get('version')}, expected {VERSION}; prepare it again")
    sizes = [meta.get(name) for name in ("channels", "height_px", "width_px")]
    sound = all(isinstance(size, int) and size > 0 for size in sizes)
    if not sound or meta.get("bits") not in (8, 1) or meta.get("compression", "") not in (None, "zstd"):
        raise DataError(f"{path}: {META_NAME} is damaged (sizes, bits or compression); prepare the store again")
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
        with np.load(file, allow_pickle=False) as arrays:
            index = {name: arrays[name] for name in _INDEX_TYPES}
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{file}: cannot be read ({error}); prepare the store again") from error
    count = len(index["length"])
    for name, kind in _INDEX_TYPES.items():
        if index[name].dtype.kind != kind or len(index[name]) != count:
            raise DataError(f"{file}: column {name} is damaged; prepare the store again")
    if count == 0 or index["length"].min() < 1 or index["sha256"].shape != (count, 32):
        raise DataError(f"{file}: damaged or without sequences; prepare the store again")
    return index


def write_index(path: Path, records: Sequence[dict[str, Any]]) -> None:
    """Write `index.npz` of sorted records: key, length, shard, offset, bytes, frame_rate_hz, sha256 (hexadecimal)."""
    columns: dict[str, NDArray[Any]] = {
        name: np.array([record["key"][i] for record in records], dtype=np.str_) for i, name in enumerate(FIELD_NAMES)
    }
    for name in ("length", "shard", "offset", "bytes"):
        columns[name] = np.array([record[name] for record in records], dtype=np.int64)
    rates = [record["frame_rate_hz"] for record in records]
    columns["frame_rate_hz"] = np.array([math.nan if rate is None else rate for rate in rates], dtype=np.float64)
    digests = b"".join(bytes.fromhex(record["sha256"]) for record in records)
    columns["sha256"] = np.frombuffer(digests, dtype=np.uint8).reshape(-1, 32)
    with (path / INDEX_NAME).open("wb") as file:
        np.savez(file, **columns)  # type: ignore[arg-type]

"""What data sets on disk share: a tree subject/recording/view of frames."""

import copy
import os
import re
from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Self

from walkprint.core.bounds import SizePx
from walkprint.core.errors import DataError, RecipeError
from walkprint.core.files import IMAGE_SUFFIXES, in_number_order
from walkprint.core.masks import NoMaskError, doubts
from walkprint.core.sequence import Clip, SequenceKey
from walkprint.core.silhouette import Gray, UnusableFrameError, align, clean, reasons_in_words
from walkprint.data.base import GaitDataset, Reading, Split, clip_of
from walkprint.data.images import UNREAD_SUFFIXES, CorruptImageError, read_gray, read_mask
from walkprint.data.store import is_store

LOOK_EVERY = 4
"""So many frames per one that is looked at for doubts."""


class TreeDataset(GaitDataset):
    """Base of data sets that lie as `subject/recording/view/` folders.

    Args:
        root: the raw tree.
        size_px: height and width that frames are aligned to.

    Raises:
        DataError: the folder is missing, is a packed store, has another layout, or leads out of itself.
        RecipeError: the size is odd or too small.
    """

    LAYOUT: ClassVar[str] = "subject/recording/view/*.png"
    SUBJECTS: ClassVar[str] = ".*"  # a pattern of their names
    SUFFIXES: ClassVar[frozenset[str]] = IMAGE_SUFFIXES | UNREAD_SUFFIXES
    MASKS: ClassVar[bool] = True  # False where frames may be dim pictures of people, whose gray is no mask's

    def __init__(self, root: str | Path, *, size_px: SizePx = 64) -> None:
        if size_px % 2:
            raise RecipeError(f"{type(self).__name__}: size_px is {size_px}, expected an even number of pixels")
        self.root = Path(root)
        self.size_px = size_px
        self._labels = self._clean = False
        if is_store(self.root):
            raise DataError(f"{self.root}: a packed store; open it with Packed, which needs the folder alone")
        self._folders = self._scan()
        self._catalogue = sorted(self._folders)
        for key in self._catalogue:
            self._admit(key)

    def _admit(self, key: SequenceKey) -> None:
        """Raise DataError for a key that this data set does not know."""
        if not re.fullmatch(self.SUBJECTS, key.subject):
            raise DataError(
                f"{self.root}: found sequence {key}, expected {self.LAYOUT}; read other layouts with Folder"
            )

    def catalogue(self) -> Sequence[SequenceKey]:
        """See `GaitDataset`."""
        return self._catalogue

    def subjects(self, split: Split) -> Sequence[str]:
        """See `GaitDataset`."""
        found = sorted({key.subject for key in self._catalogue})
        return [name for name in found if self._trains(name) == (split == "train")]

    @abstractmethod
    def _trains(self, subject: str) -> bool:
        """Whether a subject is on the training side of the split."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """See `GaitDataset`."""
        chosen = {"labels": self._labels, "clean": self._clean}
        return {"size_px": self.size_px} | {name: True for name, one in chosen.items() if one}

    def cleaned(self) -> Self:
        """See `GaitDataset`."""
        if not self.MASKS:
            super().cleaned()
        other = copy.copy(self)
        other._clean = True
        return other

    @property
    def place(self) -> str:
        """See `GaitDataset`."""
        return str(self.root.resolve())

    def misplaced(self) -> Sequence[str]:
        """See `GaitDataset`."""
        root, known = self.root.resolve(), {folder.resolve() for folder in self._folders.values()}
        found: list[str] = []
        for name, inner, files in os.walk(root):  # it follows no link: what one points to is met at its own place
            inner[:] = [one for one in inner if not one.startswith(".")]
            folder = Path(name)
            if folder not in known:
                frames = [one for one in files if Path(one).suffix.lower() in self.SUFFIXES and one[0] != "."]
                found += [str((folder / one).relative_to(root)) for one in frames]
        return in_number_order(found)

    def read(self, key: SequenceKey) -> Clip:
        """See `GaitDataset`."""
        reading = self.examine(key)
        if reading.clip is None:
            reasons = reasons_in_words(reading.dropped) or "no frame at all"
            raise DataError(f"{self.root}: sequence {key} has no usable frame ({reasons})")
        return reading.clip

    def examine(self, key: SequenceKey) -> Reading:
        """See `GaitDataset`."""
        folder = self._folders.get(key)
        if folder is None:
            raise DataError(f"{self.root}: no sequence {key} among {len(self._catalogue)}")
        reading, unread = self._read_folder(folder, key), _unread(folder)
        if not unread:
            return reading
        dropped = Counter(reading.dropped) + Counter({"unread kind of picture": len(unread)})
        faults = list(reading.faults)
        if reading.clip is None:  # beside frames that are read, e.g. a preview, it is no fault
            one = (folder / min(unread)).relative_to(self.root)
            faults.append(f"{one}: not a kind that is read; expected {', '.join(sorted(IMAGE_SUFFIXES))}")
        return replace(reading, dropped=dropped, faults=faults)

    def _read_folder(self, folder: Path, key: SequenceKey) -> Reading:
        frames: list[Gray] = []
        dropped, faults, doubtful = Counter[str](), list[str](), Counter[str]()
        for name in self._frame_names(folder):
            path = folder / name
            try:
                mask = read_mask(path, self._labels) if self.MASKS else read_gray(path)
                frame = align(clean(mask) if self._clean else mask, self.size_px)
                if self.MASKS and len(frames) % LOOK_EVERY == 0:
                    doubtful.update(doubts(mask))
                frames.append(frame)
            except NoMaskError as reason:
                if reason.detail and not dropped[str(reason)]:  # the others of a sequence are the same
                    faults.append(f"{path.relative_to(self.root)}: {reason.detail}")
                dropped[str(reason)] += 1
            except UnusableFrameError as reason:
                dropped[str(reason)] += 1
            except CorruptImageError as reason:
                dropped["corrupt"] += 1
                faults.append(f"{path.relative_to(self.root)}: {reason}")
        looked_at = -(-len(frames) // LOOK_EVERY) if self.MASKS else 0
        return Reading(clip_of(frames, key), dropped, faults, doubtful, looked_at)

    def _frame_names(self, folder: Path) -> list[str]:
        files = [name for name, is_folder in self._entries(folder) if not is_folder]
        return in_number_order([name for name in files if Path(name).suffix.lower() in IMAGE_SUFFIXES])

    def _scan(self) -> dict[SequenceKey, Path]:
        if not self.root.is_dir():
            raise DataError(f"{self.root}: no such folder; expected {self.LAYOUT}")
        found: dict[SequenceKey, Path] = {}
        for key, folder in self._sequences():
            if key in found:
                raise DataError(f"{folder} and {found[key]} are both sequence {key}; rename one")
            found[key] = folder
        if not found or self._subfolders(next(iter(found.values()))):
            raise DataError(f"{self.root}: found {self._found()}; expected {self.LAYOUT}")
        return found

    def _sequences(self) -> Iterator[tuple[SequenceKey, Path]]:
        """Every sequence and its folder, in the layout of this data set."""
        for names in self._nested(3):
            yield self._key(*names), self.root.joinpath(*names)

    def _key(self, subject: str, recording: str, view: str) -> SequenceKey:
        """The key of the folder `subject/recording/view`."""
        return SequenceKey.parse(f"{subject}/{recording}/{view}")

    def _nested(self, depth: int, *within: str) -> Iterator[tuple[str, ...]]:
        """Names of the folders that lie so deep below a folder of the root; none where it is not there."""
        folder = self.root.joinpath(*within)
        if depth == 0:
            yield ()
        for name in self._subfolders(folder) if depth and folder.is_dir() else ():
            for inner in self._nested(depth - 1, *within, name):
                yield (name, *inner)

    def _found(self) -> str:
        """What the deepest first path below the root looks like, for the message about a bad layout."""
        folder, steps = self.root, []
        while inner := self._subfolders(folder):
            folder = folder / inner[0]
            steps.append(inner[0])
        files = sorted(name for name, is_folder in self._entries(folder) if not is_folder)
        steps += [f"{files[0]} ({len(files)} files)"] if files else []
        return "/".join(steps) if steps else "an empty folder"

    def _subfolders(self, folder: Path) -> list[str]:
        return sorted(name for name, is_folder in self._entries(folder) if is_folder)

    def _entries(self, folder: Path) -> Iterator[tuple[str, bool]]:
        """Names in a folder and whether each is a folder itself; hidden ones are passed over."""
        for entry in folder.iterdir():
            if entry.name.startswith("."):
                continue
            if entry.is_symlink() and not entry.resolve().is_relative_to(self.root.resolve()):
                raise DataError(f"{entry}: a link that leads out of {self.root}; copy what it points to instead")
            yield entry.name, entry.is_dir()


def _unread(folder: Path) -> list[str]:
    """Files that by their ending are pictures, but of no kind that is read."""
    pictures = [file.name for file in folder.iterdir() if file.suffix.lower() in UNREAD_SUFFIXES]
    return [name for name in pictures if not name.startswith(".")]

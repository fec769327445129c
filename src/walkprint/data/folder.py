"""Your own folder of masks: `subject/condition-take/view/*.png`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from walkprint.core.bounds import CountOrZero, SizePx
from walkprint.core.protocol import Protocol
from walkprint.data.partition import choose_split, listed_protocols
from walkprint.data.tree import TreeDataset


class Folder(TreeDataset):
    """Your own masks, from folders `subject/condition-take/view/*.png`.

    Masks are PNG, JPEG or BMP, of any size; `walkprint.core.masks` says which values count as a mask. Frames are sorted
    by the numbers in their names. Views may be missing. Unless a partition lists sequences, there is no protocol;
    `Packed` makes one from the recordings in the store.

    Args:
        root: the raw tree.
        train: how many subjects train, the first by name, or their names; None if all test. You can also choose it when
            the store is opened.
        partition: instead of `train`, a JSON file {"TRAIN_SET": [...], "TEST_SET": [...]} of names, as OpenGait has
            them. Subjects in neither set are left out. A PROBE_SET or GALLERY_SET in it becomes the protocol.
        labels: accept masks with labels of body parts, in which any label but 0 is the person; else they are left out.
        size_px: height and width that frames are aligned to.

    Raises:
        DataError: another layout.
        RecipeError: training subjects that are not there, or a partition that cannot be read or fits no subject.
    """

    LAYOUT: ClassVar[str] = "subject/condition-take/view/*.png"

    def __init__(
        self,
        root: str | Path,
        *,
        train: CountOrZero | Sequence[str] | None = None,
        partition: str | Path | None = None,
        labels: bool = False,
        size_px: SizePx = 64,
    ) -> None:
        super().__init__(root, size_px=size_px)
        self._labels = labels
        self._protocols = listed_protocols(partition)
        names = sorted({key.subject for key in self._catalogue})
        self._training, testing = choose_split(names, train, partition, str(root))
        self._unlisted = [] if testing is None else sorted(set(names) - self._training - testing)
        left_out = set(self._unlisted)
        self._catalogue = [key for key in self._catalogue if key.subject not in left_out]

    @property
    def protocols(self) -> Mapping[str, Protocol]:
        """See `GaitDataset`."""
        return self._protocols

    def unlisted(self) -> Sequence[str]:
        """See `GaitDataset`."""
        return self._unlisted

    def _trains(self, subject: str) -> bool:
        return subject in self._training

"""Your own folder of masks: `subject/condition-take/view/*.png`."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from walkprint.core.bounds import CountOrZero, SizePx
from walkprint.data.base import Split
from walkprint.data.partition import choose_split
from walkprint.data.tree import TreeDataset


class Folder(TreeDataset):
    """Your own masks, from folders `subject/condition-take/view/*.png`.

    Masks are what `walkprint.core.masks` says, of any size, PNG, JPEG or BMP; frames are sorted by the numbers in their
    names. Views may be missing. It has no protocol: `Packed` makes one from the recordings in the store.

    Args:
        root: the raw tree.
        train: who trains: the first so many subjects in order of their names, or their names; all test when None. It
            can still be chosen when the store is opened.
        partition: instead of the number, a JSON file {"TRAIN_SET": [...], "TEST_SET": [...]} of names, as OpenGait has
            them. Subjects in neither set are left out.
        labels: whether masks may hold labels of body parts: any but 0 is the person. Else they are left out.
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
        names = sorted({key.subject for key in self._catalogue})
        self._training, testing = choose_split(names, train, partition, str(root))
        self._unlisted = [] if testing is None else sorted(set(names) - self._training - testing)
        self._names = [name for name in names if name not in set(self._unlisted)]
        self._catalogue = [key for key in self._catalogue if key.subject in set(self._names)]

    def unlisted(self) -> Sequence[str]:
        """See `GaitDataset`."""
        return self._unlisted

    def subjects(self, split: Split) -> Sequence[str]:
        """See `GaitDataset`."""
        return [name for name in self._names if (name in self._training) == (split == "train")]

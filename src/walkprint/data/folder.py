"""Your own folder of masks: `subject/condition-take/view/*.png`."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from walkprint.data.base import Split, choose_training
from walkprint.data.tree import TreeDataset


class Folder(TreeDataset):
    """Your own masks, from folders `subject/condition-take/view/*.png`.

    Masks may be 0/1 or 0/255, of any size, PNG, JPEG or BMP; frames are sorted by the numbers in their names. Views may
    be missing. It has no protocol: `Packed` makes one from the recordings in the store.

    Args:
        root: the raw tree.
        train: who trains: the first so many subjects in order of their names, or their names; all test when None. It
            can still be chosen when the store is opened.
        size_px: height and width that frames are aligned to.

    Raises:
        DataError: another layout.
        RecipeError: training subjects that are not there.
    """

    LAYOUT: ClassVar[str] = "subject/condition-take/view/*.png"

    def __init__(self, root: str | Path, *, train: int | Sequence[str] | None = None, size_px: int = 64) -> None:
        super().__init__(root, size_px=size_px)
        self._names = sorted({key.subject for key in self._catalogue})
        self._training = choose_training(self._names, train, str(root))

    def subjects(self, split: Split) -> Sequence[str]:
        """See `GaitDataset`."""
        return [name for name in self._names if (name in self._training) == (split == "train")]

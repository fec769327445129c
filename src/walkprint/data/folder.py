"""Anybody's own folder of masks: `subject/condition-take/view/*.png`."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from walkprint.core.errors import ProtocolError, RecipeError
from walkprint.core.protocol import Protocol, Selection
from walkprint.core.sequence import SequenceKey
from walkprint.data.base import Split
from walkprint.data.tree import TreeDataset


class Folder(TreeDataset):
    """Own masks, from folders `subject/condition-take/view/*.png` or a packed store.

    Masks may be 0/1 or 0/255, of any size, PNG, JPEG or BMP; frames are sorted by the numbers in their names. Views may
    be missing. Without a word about training everybody is in "test".

    The protocol "default": one take is the gallery, everything else of its condition and every other condition a probe
    set each, named after the condition; any view may match any view.

    Args:
        root: the raw tree, or a packed store of it.
        train_subjects: who trains; the others test.
        train_count: or: the first so many subjects, in order of their names, train.
        gallery_condition: condition of the gallery; when None the one with the most sequences, of equals the first
            by name; generated ones do not count.
        gallery_take: take of the gallery; the first of that condition when None.
        size_px: height and width that raw frames are aligned to.

    Raises:
        DataError: another layout.
        RecipeError: both ways of splitting at once, or subjects or a gallery that are not there.
    """

    LAYOUT = "subject/condition-take/view/*.png"
    PROTOCOLS: ClassVar[Mapping[str, Protocol]] = {}

    def __init__(
        self,
        root: str | Path,
        *,
        train_subjects: Sequence[str] | None = None,
        train_count: int | None = None,
        gallery_condition: str | None = None,
        gallery_take: str | None = None,
        size_px: int = 64,
    ) -> None:
        super().__init__(root, size_px=size_px)
        self._everybody = sorted({key.subject for key in self._catalogue})
        self._training = self._choose_training(train_subjects, train_count)
        self._gallery = self._choose_gallery(gallery_condition, gallery_take)

    def _choose_training(self, names: Sequence[str] | None, count: int | None) -> frozenset[str]:
        if names is not None and count is not None:
            raise RecipeError("Folder: train_subjects and train_count both given; give one of them")
        if count is not None:
            if not 0 <= count <= len(self._everybody):
                raise RecipeError(
                    f"Folder: train_count is {count}, expected 0 to {len(self._everybody)}, all there are"
                )
            return frozenset(self._everybody[:count])
        unknown = sorted(set(names or ()) - set(self._everybody))
        if unknown:
            raise RecipeError(f"Folder: train_subjects {', '.join(map(repr, unknown))} not found in {self.root}")
        return frozenset(names or ())

    def _choose_gallery(self, condition: str | None, take: str | None) -> tuple[str, str]:
        generated = self._store.generated if self._store else {}
        conditions = sorted({key.condition for key in self._catalogue})
        if condition is not None and condition not in conditions:
            raise RecipeError(f"Folder: gallery_condition is {condition!r}, expected one of {', '.join(conditions)}")
        if condition is None:
            count = Counter(key.condition for key in self._catalogue if key not in generated)
            condition = max(conditions, key=lambda name: count[name])
        takes = sorted({key.take for key in self._catalogue if key.condition == condition})
        if take is not None and take not in takes:
            raise RecipeError(f"Folder: gallery_take is {take!r}, expected one of {', '.join(takes)}")
        return condition, takes[0] if take is None else take

    def subjects(self, split: Split) -> Sequence[str]:
        """See `GaitDataset`."""
        return [name for name in self._everybody if (name in self._training) == (split == "train")]

    def keys(self, split: Split) -> list[SequenceKey]:
        """See `GaitDataset`.

        Raises:
            RecipeError: nobody trains.
        """
        if split == "train" and not self._training:
            raise RecipeError(
                f"Folder: nobody of {self.root} trains; set train_count (of {len(self._everybody)} subjects) or "
                "train_subjects"
            )
        return super().keys(split)

    @property
    def protocols(self) -> Mapping[str, Protocol]:
        """The protocol "default", made from the conditions and takes that are there.

        Raises:
            ProtocolError: there is only one recording of everybody, so that nothing is left as a probe.
        """
        condition, take = self._gallery
        probes: dict[str, Selection] = {}
        for one in sorted({key.condition for key in self._catalogue}):
            takes = sorted({key.take for key in self._catalogue if key.condition == one})
            rest = tuple(name for name in takes if (one, name) != (condition, take))
            if rest:
                probes[one or "probe"] = Selection(conditions=(one,), takes=rest)
        if not probes:
            raise ProtocolError(f"Folder: {self.root} holds one recording a person; identification needs a second")
        gallery = Selection(conditions=(condition,), takes=(take,))
        note = "chosen by the data set; its setting gallery_condition chooses another"
        return {"default": Protocol(name="default", gallery=gallery, probes=probes, gallery_view="all", note=note)}

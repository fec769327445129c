"""A benchmark in a packed store: what training, expansion and evaluation read."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from walkprint.core.bounds import CountOrZero
from walkprint.core.described import Described
from walkprint.core.errors import DataError, ProtocolError, RecipeError
from walkprint.core.protocol import Protocol, Selection
from walkprint.core.sequence import SequenceKey
from walkprint.data.base import Split
from walkprint.data.earlier import earlier_protocols, earlier_training
from walkprint.data.partition import choose_split, listed_protocols
from walkprint.data.store import Store
from walkprint.data.writing import StoreWriter

if TYPE_CHECKING:
    from walkprint.data.prepare import PrepareReport


class Packed(Described):
    """A benchmark in a packed store, which says what it was made from, who trains, and which protocols there are.

    A benchmark without protocols of its own, such as `Folder`, gets the protocol "default": one recording is the
    gallery, everything else of its condition and every other condition is a probe set each, named after the condition;
    any view may match any view.

    Args:
        root: folder of the store.
        train: another split than the store's: how many subjects train, the first by name, or the names of those; the
            others test.
        partition: another split than the store's: a JSON file {"TRAIN_SET": [...], "TEST_SET": [...]} of names, as
            OpenGait has them; subjects in neither set are left out. If it lists sequences, as for Gait3D, the protocol
            is made from it, too.
        gallery: use the protocol "default" with this recording as gallery, e.g. "nm-01", or with the first take of
            this condition, "nm". When None, "default" takes the condition with the most recorded sequences, of
            several "nm" if it is among them.

    Attributes:
        root: folder of the store.
        benchmark: name of the class that the store was made from.
        settings: the settings that class had.
        protocols: by name; the first is the default. Empty where each person has one recording.
        report: what `prepare` did, where it returned this; otherwise None.

    Raises:
        DataError: the folder is no packed store, or a damaged one.
        RecipeError: training subjects or a gallery that are not there, or a partition that does not fit.
    """

    def __init__(
        self,
        root: str | Path,
        *,
        train: CountOrZero | Sequence[str] | None = None,
        partition: str | Path | None = None,
        gallery: str | None = None,
    ) -> None:
        self.root, self._store = Path(root), Store.open(root)
        meta = self._store.meta
        self.benchmark: str = meta["dataset"]
        self.settings: Mapping[str, Any] = meta["settings"]
        self.report: PrepareReport | None = None
        self._names = sorted({key.subject for key in self._store.keys})
        if train is None and partition is None:
            self._training = frozenset(meta["train"] if "train" in meta else earlier_training(meta, self._names))
            self._testing = None if "test" not in meta else frozenset(meta["test"])
        else:
            self._training, self._testing = choose_split(self._names, train, partition, str(root))
        own = meta["protocols"] if "protocols" in meta else earlier_protocols(meta)
        listed = listed_protocols(partition)
        self._own_protocols = [
            *listed.values(),
            *(one for one in map(Protocol.from_dict, own) if one.name not in listed),
        ]
        if gallery is None and self._own_protocols:
            self.protocols = {protocol.name: protocol for protocol in self._own_protocols}
        else:
            self.protocols = self._default_protocol(gallery)

    def __repr__(self) -> str:
        return f"Packed({str(self.root)!r})"

    def store(self) -> Store:
        """The store itself."""
        return self._store

    @property
    def generated(self) -> Mapping[SequenceKey, Mapping[str, Any]]:
        """The generated sequences, and where each came from."""
        return self._store.generated

    def subjects(self, split: Split) -> list[str]:
        """The subjects of one side of the split, sorted."""
        if split == "test" and self._testing is not None:
            return sorted(self._testing)
        return [name for name in self._names if (name in self._training) == (split == "train")]

    def keys(self, split: Split | Literal["all"]) -> list[SequenceKey]:
        """The sequences of one side of the split, or all, sorted.

        Raises:
            RecipeError: there is no training subject.
            DataError: generated takes would be tested, since the split is not the one that they were made for.
        """
        if split == "all":
            return list(self._store.keys)
        admitted = set(self.subjects(split))
        found = [key for key in self._store.keys if key.subject in admitted]
        if split == "train" and not found:
            raise RecipeError(
                f"{self.root}: no training subject; set train to how many of the {len(self._names)} subjects train, or "
                "to their names"
            )
        made = [key for key in found if key in self.generated]
        if split == "test" and made:
            raise DataError(
                f"{self.root}: {len(made)} generated sequences are among the test sequences, e.g. {made[0]}; open the "
                "store with the split that it was expanded with"
            )
        return found

    def writer(self, out: str | Path, *, further: Mapping[str, Any] | None = None, inputs: str = "") -> StoreWriter:
        """A writer of a store derived from this one: of the same benchmark, split, protocols and packing.

        Args:
            out, further, inputs: as of `StoreWriter`.
        """
        meta = self._store.meta
        own: dict[str, Any] = {"train": self.subjects("train")}
        own |= {} if self._testing is None else {"test": self.subjects("test")}
        own["protocols"] = [one.to_dict() for one in self._own_protocols]
        return StoreWriter(
            out,
            bits=meta["bits"],
            compression=meta["compression"],
            dataset=self.benchmark,
            settings=self.settings,
            further={**own, **(further or {})},
            inputs=inputs,
        )

    def _default_protocol(self, gallery: str | None) -> dict[str, Protocol]:
        keys = self._store.keys
        recordings = sorted({(key.condition, key.take): key.recording for key in keys}.items())
        if gallery is None:
            count = Counter(key.condition for key in keys if key not in self.generated)
            gallery = max(sorted({key.condition for key in keys}), key=lambda name: (count[name], name == "nm"))
            known = next(one for one, _ in recordings if one[0] == gallery)
        else:
            named = [one for one, name in recordings if gallery in (name, one[0])]
            if not named:
                expected = ", ".join(name for _, name in recordings)
                raise RecipeError(f"{self.root}: gallery is {gallery!r}, expected one of {expected}")
            known = named[0]
        probes: dict[str, Selection] = {}
        for condition in sorted({condition for (condition, _), _ in recordings}):
            takes = tuple(take for (one, take), _ in recordings if one == condition and (one, take) != known)
            if takes:
                probes[condition or "probe"] = Selection(conditions=(condition,), takes=takes)
        if not probes:
            return {}
        first = Selection(conditions=(known[0],), takes=(known[1],))
        return {"default": Protocol(name="default", gallery=first, probes=probes, gallery_view="all")}

    def protocol(self, name: str | None = None) -> Protocol:
        """A protocol by its name; the default one when None.

        Raises:
            ProtocolError: there is none, or none of that name.
        """
        if not self.protocols:
            raise ProtocolError(f"{self.root}: holds one recording per person; identification needs a second")
        if name is not None and name not in self.protocols:
            raise ProtocolError(f"{self.root}: no protocol {name!r}; expected one of {', '.join(self.protocols)}")
        return self.protocols[name or next(iter(self.protocols))]

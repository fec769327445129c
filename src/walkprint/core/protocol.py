"""A benchmark's protocol as plain data: which sequences are gallery, which are probes, which pairs count."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, get_args

from walkprint.core.errors import DataError, ProtocolError
from walkprint.core.sequence import SequenceKey

FieldName = Literal["subject", "condition", "take", "view"]
FIELD_NAMES: tuple[FieldName, ...] = get_args(FieldName)
_SPELLED_OUT = 8
_SPELLED = re.compile("([^-/]+)-([^/]+)-([^-/]+)")
"""A key with hyphens throughout, as benchmarks list theirs."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Sequences by the values of their fields; None admits every value, and all fields must admit.

    Attributes:
        subjects, conditions, takes, views: the admitted values.
        keys: the admitted keys spelled out, for benchmarks that publish lists.
        without: sequences that are left out all the same, e.g. the probes where the gallery is everything else.
    """

    subjects: tuple[str, ...] | None = None
    conditions: tuple[str, ...] | None = None
    takes: tuple[str, ...] | None = None
    views: tuple[str, ...] | None = None
    keys: tuple[SequenceKey, ...] | None = None
    without: "Selection | None" = None

    def __contains__(self, key: object) -> bool:
        if not isinstance(key, SequenceKey):
            return False
        return (
            (self.subjects is None or key.subject in self.subjects)
            and (self.conditions is None or key.condition in self.conditions)
            and (self.takes is None or key.take in self.takes)
            and (self.views is None or key.view in self.views)
            and (self.keys is None or key in self.keys)
            and (self.without is None or key not in self.without)
        )

    def among(self, keys: Iterable[SequenceKey]) -> list[int]:
        """Positions in `keys` of the sequences that are selected."""
        known = list(keys)
        listed = None if self.keys is None else frozenset(self.keys)
        fielded = Selection(self.subjects, self.conditions, self.takes, self.views)
        left_out = frozenset() if self.without is None else frozenset(self.without.among(known))
        return [
            i
            for i, key in enumerate(known)
            if key in fielded and (listed is None or key in listed) and i not in left_out
        ]

    def in_words(self) -> str:
        """What it admits, for a reader: "nm, takes 01 and 02"; "everything" when nothing is asked."""
        named = (
            ("", "", self.conditions), ("take ", "takes ", self.takes), ("view ", "views ", self.views),
            ("subject ", "subjects ", self.subjects), ("sequence ", "sequences ", self.keys),
        )  # fmt: skip
        parts = []
        for one, many, values in named:
            given = [str(value) for value in values or () if str(value)]
            if len(given) > _SPELLED_OUT:
                parts.append(f"{len(given)} {many.strip() or 'conditions'}")
            elif given:
                *before, last = given
                parts.append(f"{many}{', '.join(before)} and {last}" if before else one + last)
        words = ", ".join(parts) or "everything"
        return words if self.without is None else f"{words} but {self.without.in_words()}"


@dataclass(frozen=True, slots=True)
class Protocol:
    """How a benchmark identifies people.

    A pair of probe and gallery sequence does not count when all fields in `exclude` agree: {"view"} is the custom of
    CASIA-B and OU-MVLP, {"subject", "view"} the cross-view-gallery custom, nothing is GREW's. It counts only when all
    fields in `require` agree: {"view"} compares sequences of one view only.

    Attributes:
        name: what tables call it.
        gallery: who is known.
        probes: the probe sets by name, in the order of the table.
        galleries: name of a probe set -> who is known for that set, where it is not `gallery`.
        exclude: names of fields; see above.
        require: names of fields; see above.
        gallery_view: "each" searches one gallery view at a time and averages over them, "all" searches the pooled
            gallery.
        unmatched: a probe whose subject has no counting gallery item cannot be found. "drop" leaves it out of the
            figures, "miss" counts it as an error; either way it is counted and reported.
        note: what reports add to the line about the gallery, e.g. that the data set chose it.

    Raises:
        ProtocolError: no probe set, an unknown field name or option, or a pair that could never count.
    """

    name: str
    gallery: Selection
    probes: Mapping[str, Selection]
    exclude: frozenset[FieldName] = field(default_factory=frozenset)
    require: frozenset[FieldName] = field(default_factory=frozenset)
    gallery_view: Literal["each", "all"] = "each"
    unmatched: Literal["drop", "miss"] = "drop"
    note: str = ""
    galleries: Mapping[str, Selection] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "exclude", frozenset(self.exclude))
        object.__setattr__(self, "require", frozenset(self.require))
        if not self.probes:
            raise ProtocolError(f"protocol {self.name}: no probe set; name at least one")
        if unknown := sorted(set(self.galleries) - set(self.probes)):
            raise ProtocolError(
                f"protocol {self.name}: galleries names {', '.join(unknown)}; expected probe sets: "
                f"{', '.join(self.probes)}"
            )
        for name in sorted(self.exclude | self.require):
            if name not in FIELD_NAMES:
                raise ProtocolError(
                    f"protocol {self.name}: unknown field {name!r}; expected one of {', '.join(FIELD_NAMES)}"
                )
        if self.exclude and self.exclude <= self.require:
            raise ProtocolError(
                f"protocol {self.name}: exclude {sorted(self.exclude)} contradicts require: no pair counts"
            )
        for option, allowed in (("gallery_view", ("each", "all")), ("unmatched", ("drop", "miss"))):
            if getattr(self, option) not in allowed:
                raise ProtocolError(
                    f"protocol {self.name}: {option} is {getattr(self, option)!r}; expected {' or '.join(allowed)}"
                )

    def gallery_of(self, probe_set: str) -> Selection:
        """Who is known for a probe set."""
        return self.galleries.get(probe_set, self.gallery)

    def distinct_galleries(self) -> list[Selection]:
        """The galleries of all probe sets, each once."""
        found: list[Selection] = []
        for gallery in map(self.gallery_of, self.probes):
            found += [] if gallery in found else [gallery]
        return found

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON or YAML; `from_dict` reads it back."""
        return {
            "name": self.name,
            "gallery": _selection_to_dict(self.gallery),
            "probes": _selections_to_dict(self.probes),
            "exclude": sorted(self.exclude),
            "require": sorted(self.require),
            "gallery_view": self.gallery_view,
            "unmatched": self.unmatched,
            **({"note": self.note} if self.note else {}),
            **({"galleries": _selections_to_dict(self.galleries)} if self.galleries else {}),
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> "Protocol":
        """The protocol that plain data spells.

        Raises:
            ProtocolError: a name is missing or unknown, or a value has the wrong type.
        """
        known = {one.name for one in fields(cls)}
        _refuse_unknown(plain, known, "protocol")
        missing = {"name", "gallery", "probes"} - set(plain)
        if missing:
            raise ProtocolError(
                f"protocol: {', '.join(sorted(missing))} missing; a protocol needs name, gallery and probes"
            )
        for name in ("probes", "galleries"):
            if not isinstance(plain.get(name, {}), Mapping):
                raise ProtocolError(f"protocol: {name} must map names to selections")
        settings = {name: value for name, value in plain.items() if name not in {"gallery", "probes", "galleries"}}
        for name in {"name", "note"} & set(settings):
            if not isinstance(settings[name], str):
                raise ProtocolError(f"protocol: {name} is {settings[name]!r}; expected text: write it in quotes")
        for name in ("exclude", "require"):
            if name in settings and not _is_list_of_text(settings[name]):
                raise ProtocolError(f"protocol: {name} is {settings[name]!r}; expected a list of field names")
        return cls(
            gallery=_selection_from_dict(plain["gallery"]),
            probes=_selections_from_dict(plain["probes"]),
            galleries=_selections_from_dict(plain.get("galleries", {})),
            **settings,
        )


def _selections_to_dict(selections: Mapping[str, Selection]) -> dict[str, Any]:
    return {name: _selection_to_dict(selection) for name, selection in selections.items()}


def _selection_to_dict(selection: Selection) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    for one in fields(selection):
        value = getattr(selection, one.name)
        if isinstance(value, Selection):
            plain[one.name] = _selection_to_dict(value)
        elif value is not None:
            plain[one.name] = [asdict(item) if isinstance(item, SequenceKey) else item for item in value]
    return plain


def _selections_from_dict(plain: Mapping[str, Any]) -> dict[str, Selection]:
    return {str(name): _selection_from_dict(value) for name, value in plain.items()}


def _selection_from_dict(plain: Any) -> Selection:
    if not isinstance(plain, Mapping):
        raise ProtocolError(f"protocol: a selection is {plain!r}; expected fields such as 'conditions: [nm]'")
    _refuse_unknown(plain, {one.name for one in fields(Selection)}, "selection")
    values: dict[str, Any] = {}
    for name, items in plain.items():
        if items is None:
            continue
        if name == "without":
            values[name] = _selection_from_dict(items)
            continue
        if isinstance(items, str) or not isinstance(items, Iterable):
            raise ProtocolError(f"protocol: {name} is {items!r}; expected a list")
        if name == "keys":
            values[name] = tuple(map(_key_from_plain, items))
            continue
        for item in items:
            if not isinstance(item, str):
                raise ProtocolError(f'protocol: {name} holds {item!r}; expected text: write "{item!r}" in quotes')
        values[name] = tuple(items)
    return Selection(**values)


def _key_from_plain(plain: Any) -> SequenceKey:
    try:
        return SequenceKey.parse(_SPELLED.sub(r"\1/\2/\3", plain)) if isinstance(plain, str) else SequenceKey(**plain)
    except (TypeError, DataError) as error:
        raise ProtocolError(
            f"protocol: keys holds {plain!r}; expected 'subject/condition-take/view', or with hyphens for "
            "slashes, or these four by name, as text"
        ) from error


def _is_list_of_text(plain: Any) -> bool:
    if isinstance(plain, str | Mapping) or not isinstance(plain, Iterable):
        return False
    return all(isinstance(item, str) for item in plain)


def _refuse_unknown(plain: Mapping[str, Any], known: set[str], what: str) -> None:
    unknown = set(map(str, plain)) - known
    if unknown:
        raise ProtocolError(
            f"protocol: unknown {what} setting {', '.join(sorted(unknown))}; expected {', '.join(sorted(known))}"
        )

"""Protocols by file or name: those beside embeddings, those of the data sets, your own in YAML."""

import json
from collections.abc import Mapping
from pathlib import Path

import yaml

from walkprint.core.embedding import EmbeddingSet
from walkprint.core.errors import ProtocolError
from walkprint.core.files import write_atomically
from walkprint.core.protocol import Protocol
from walkprint.core.yaml_json import PlainLoader, parse_yaml, read_json, read_text
from walkprint.data.base import GaitDataset
from walkprint.data.packed import Packed
from walkprint.recipes.classes import import_families
from walkprint.recipes.library import bundled, find_file


def protocols_file(embeddings: Path) -> Path:
    """Where the protocols of a data set lie beside its embeddings."""
    return embeddings.with_suffix(".protocols.json")


def save_embeddings(embeddings: EmbeddingSet, dataset: Packed, out: Path) -> None:
    """Write embeddings, and the data set's protocols beside them, where `find_protocol` looks."""
    embeddings.save(out)
    protocols = [protocol.to_dict() for protocol in dataset.protocols.values()]
    write_atomically(protocols_file(out), json.dumps(protocols, indent=1) + "\n")


def find_protocol(name: str | None, embeddings: Path) -> Protocol:
    """A protocol by file or name.

    Args:
        name: a YAML file, a bundled one, a name, or None for the first protocol of the embedded data set.
        embeddings: beside which `walkprint embed` left the data set's protocols.

    Raises:
        ProtocolError: no such protocol, or the file spells none.
    """
    if name is not None and (name.endswith((".yaml", ".yml", ".json")) or Path(name).is_file() or name in bundled()):
        return read_protocol(find_file(name))
    own = _protocols_beside(embeddings)
    if name in own:
        return own[name]
    if name is None and own:
        return next(iter(own.values()))
    known = {**_protocols_of_families(), **own}  # loads torch, which a table of embeddings does without
    if name is None:
        raise ProtocolError(
            f"{protocols_file(embeddings)}: no protocol next to the embeddings (has no subject a second "
            f"recording?); name one of {', '.join(known)}, or a YAML file"
        )
    if name not in known:
        raise ProtocolError(f"no protocol {name!r}; expected a YAML file or one of {', '.join(known)}")
    return known[name]


class _Written(int):
    """A number as it is written: YAML reads 072 as 58, and the advice to quote it must not say 58."""

    written: str

    def __repr__(self) -> str:
        return self.written


class _Loader(PlainLoader):
    def number(self, node: yaml.ScalarNode) -> _Written:
        value = _Written(self.construct_yaml_int(node))
        value.written = node.value
        return value


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.number)


def read_protocol(path: Path) -> Protocol:
    """The protocol that a YAML file spells.

    Raises:
        ProtocolError: the file is missing, damaged, or spells no protocol.
    """
    try:
        plain = parse_yaml(read_text(path), path.name, _Loader)
    except (OSError, ValueError) as error:
        raise ProtocolError(f"{path}: cannot be read ({error}); expected a protocol in YAML") from error
    if not isinstance(plain, Mapping):
        raise ProtocolError(f"{path}: found a {type(plain).__name__}, expected name, gallery and probes")
    return Protocol.from_dict(plain)


def _protocols_beside(embeddings: Path) -> dict[str, Protocol]:
    try:
        found = read_json(protocols_file(embeddings))
        return {plain["name"]: Protocol.from_dict(plain) for plain in found}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ProtocolError(f"{protocols_file(embeddings)}: damaged ({error}); embed again") from error


def _protocols_of_families() -> dict[str, Protocol]:
    import_families()
    families, found = [GaitDataset], dict[str, Protocol]()
    while families:
        family = families.pop()
        families += family.__subclasses__()
        found |= getattr(family, "PROTOCOLS", {})
    return found

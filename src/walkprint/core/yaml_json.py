"""YAML and JSON files as plain data; a name that a map holds twice is refused, since one value would be lost."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from walkprint.core.files import read_bytes

_MOST_BYTES = 1 << 26
_MOST_BY_ALIASES = 100_000


class PlainLoader(yaml.SafeLoader):
    """Plain data only; reads 1e-3 as a number, as YAML 1.2 does; refuses a name that is there twice, and aliases (`*x`)
    that stand for more than 100,000 further values or contain themselves.
    """

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._seen: set[int] = set()

    def get_single_node(self) -> yaml.Node | None:
        """The document, before anything is built."""
        root = super().get_single_node()
        sizes: dict[int, float] = {}
        if root is not None and _size(root, sizes) > len(sizes) + _MOST_BY_ALIASES:
            raise yaml.composer.ComposerError(
                None, None, f"aliases stand for more than {_MOST_BY_ALIASES:,} values", root.start_mark
            )
        return root

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Called for each map before it is built; merging (<<) may override names, a map itself may not."""
        if id(node) not in self._seen:
            self._seen.add(id(node))
            names = set[str]()
            for name, _ in node.value:
                if isinstance(name, yaml.ScalarNode):
                    if name.value in names:
                        raise yaml.constructor.ConstructorError(
                            None, None, f"{name.value} is there twice", name.start_mark
                        )
                    names.add(name.value)
        super().flatten_mapping(node)


PlainLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:float"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
PlainLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:[0-9]+\.[0-9]*(?:[eE][-+]?[0-9]+)?|\.?[0-9]+[eE][-+]?[0-9]+|\.[0-9]+|\.inf|\.nan)$"),
    list("-+0123456789."),
)


def _size(node: yaml.Node, sizes: dict[int, float]) -> float:
    """Values below a node, those behind aliases each time; infinite where one contains itself."""
    if id(node) not in sizes:
        sizes[id(node)] = float("inf")  # until it is known
        inner = [] if isinstance(node, yaml.ScalarNode) else node.value
        flat = inner if isinstance(node, yaml.SequenceNode) else [one for pair in inner for one in pair]
        sizes[id(node)] = 1 + sum(_size(one, sizes) for one in flat)
    return sizes[id(node)]


def parse_yaml(text: str, name: str | Path, loader: type[PlainLoader] = PlainLoader) -> Any:
    """Plain data from YAML, of which JSON is a part.

    Args:
        text: the YAML.
        name: of the file, for the message.
        loader: what builds values.

    Raises:
        ValueError: the text is no YAML, is nested too deeply, has a name twice in one map, or aliases that stand for
            too much; the message says where.
    """
    try:
        return yaml.load(text, loader)
    except yaml.MarkedYAMLError as error:
        mark = error.context_mark or error.problem_mark
        place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise ValueError(f"{error.problem} in {name}{place}") from error
    except yaml.YAMLError as error:
        raise ValueError(f"{name}: no YAML ({' '.join(str(error).split())})") from error
    except RecursionError as error:
        raise ValueError(f"{name}: nested too deeply") from error


def read_text(path: str | Path) -> str:
    """The text of a file of settings or facts, such as a recipe or a config.

    Raises:
        OSError: it is missing, too large, or no regular file.
        ValueError: it is no UTF-8.
    """
    try:
        return read_bytes(path, _MOST_BYTES).decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{Path(path).name}: no text ({error})") from error


def read_json(path: str | Path) -> Any:
    """Plain data from a JSON file.

    Raises:
        OSError, ValueError: as of `read_text` and `parse_json`.
    """
    return parse_json(read_text(path), Path(path).name)


def parse_json(text: str, name: str | Path) -> Any:
    """Plain data from JSON.

    Args:
        text: the JSON.
        name: of the file, for the message.

    Raises:
        ValueError: the text is no JSON, is nested too deeply, or has a name twice in one map.
    """

    def unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [one for one, _ in pairs]
            raise ValueError(f"{next(one for one in names if names.count(one) > 1)} is there twice")
        return found

    try:
        return json.loads(text, object_pairs_hook=unique)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    except RecursionError as error:
        raise ValueError(f"{name}: nested too deeply") from error

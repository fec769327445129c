"""Objects from their class path and settings: the one place where recipes and trained networks are turned into objects.

A class of walkprint may be named by its last part (`GaitSet`), any other by its dotted path. Only classes of the wanted
family are admitted, and an unknown setting is an error before anything is built. A data file, such as that of a trained
network, may name classes of walkprint and of modules that are imported already; a recipe may also name those of an
installed package. A module of the current folder is never imported because a file names it.
"""

import collections.abc
import contextlib
import functools
import importlib
import importlib.util
import inspect
import pkgutil
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_origin

from walkprint.core.described import Described, describe, parameters_of, path_of
from walkprint.core.errors import NotImportedError, RecipeError
from walkprint.core.spelling import did_you_mean
from walkprint.core.values import MisfitError, from_yaml, inside, shown, value_of


@dataclass(frozen=True, slots=True)
class Entry:
    """A class with all its settings, not yet built.

    Attributes:
        kind: the class.
        settings: by name; among them further entries.
        bare: whether it is written without its class path.
        called_later: whether more arguments come later, as parameters do for an optimizer.
    """

    kind: Any
    settings: dict[str, Any]
    bare: bool = False
    called_later: bool = False

    def plain(self) -> dict[str, Any]:
        """The same as YAML holds it."""
        settings: dict[str, Any] = describe(_mapped(self.settings, Entry.plain))
        if self.bare:
            return settings
        return {"class_path": _public_path(self.kind), **({"init_args": settings} if settings else {})}

    def build(self) -> Any:
        """The object, its settings built first."""
        settings = _mapped(self.settings, Entry.build)
        return functools.partial(self.kind, **settings) if self.called_later else self.kind(**settings)


def _mapped(tree: Any, visit: Any) -> Any:
    if isinstance(tree, Entry):
        return visit(tree)
    if isinstance(tree, dict):
        return {name: _mapped(one, visit) for name, one in tree.items()}
    return type(tree)(_mapped(one, visit) for one in tree) if type(tree) in (list, tuple) else tree


def build(family: type, entry: Mapping[str, Any] | str, **settings: Any) -> Any:
    """One object of a family.

    Args:
        family: the base class.
        entry: `class_path`, a class name or dotted path, and `init_args`; or the class path alone; or, where the family
            itself can be built, the settings alone.
        settings: go before those of the entry, e.g. `subjects`, `conditions` and `views` of a generator.

    Raises:
        RecipeError: the class is none of the family, or a setting is unknown, missing or wrong.
    """
    plain: dict[str, Any] = {"class_path": entry} if isinstance(entry, str) else dict(entry)
    if "class_path" in plain or inspect.isabstract(family):
        kind, given = find_class(family, str(plain.get("class_path", ""))), plain.get("init_args")
    else:
        kind, given = family, plain
    try:
        found = _settings(kind, dict(_names(given or {})) | settings)
    except MisfitError as error:
        raise RecipeError(f"{kind.__name__}: {error}") from error
    return Entry(kind, found).build()


def build_segmenter(name: str, settings: Mapping[str, Any]) -> Any:
    """A segmenter by the name of its class, be it mask_rcnn or MaskRcnn, or by a dotted path."""
    from walkprint.video.segmenter import Segmenter

    short = {one.lower(): one for one in members(Segmenter)}
    kind = short.get(name.replace("_", "").lower(), name)
    return build(Segmenter, {"class_path": kind, "init_args": dict(settings)})


def entry_of(kind: type, settings: Mapping[str, Any], later: Collection[str] = ()) -> Entry:
    """A recipe's class with its settings spelled out, nothing built.

    Args:
        kind: the class.
        settings: plain data.
        later: settings that a file cannot give; dotted names.

    Raises:
        MisfitError: a setting is unknown, missing or wrong.
    """
    return Entry(kind, _settings(kind, settings, importing=True, later=later), bare=True)


def typed_settings(kind: type, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a class as its annotations want them, e.g. 3 for "3"; only those that are given.

    Raises:
        RecipeError: a setting is unknown or wrong.
    """
    try:
        typed = _settings(kind, settings, only_given=True)
    except MisfitError as error:
        raise RecipeError(f"{kind.__name__}: {error}") from error
    return {name: _mapped(one, Entry.build) for name, one in typed.items()}


def _settings(
    kind: Any,
    given: Mapping[str, Any],
    *,
    importing: bool = False,
    skip: int = 0,
    later: Collection[str] = (),
    only_given: bool = False,
) -> dict[str, Any]:
    known = dict(list(parameters_of(kind).items())[skip:])
    for name in [name for name in given if name not in known or name in later]:
        raise MisfitError(f"{kind.__name__} has no setting {shown(name)}{did_you_mean(str(name), known)}")
    values = {}
    for name, one in known.items():
        if (only_given and name not in given) or name in later:
            continue
        if name not in given and one.default is one.empty:
            raise MisfitError(f"{kind.__name__} needs `{name}`")
        inner = [path.removeprefix(f"{name}.") for path in later if path.startswith(f"{name}.")]
        make = functools.partial(_made, importing=importing, later=inner)
        values[name] = one.default
        with inside(name) if name in given else contextlib.suppress(MisfitError):
            values[name] = value_of(given.get(name, one.default), one.annotation, make)
    return values


def _made(given: Any, annotation: Any, *, importing: bool, later: Collection[str]) -> Any:
    """What becomes of an entry for a class, or for a function that returns an object of a class."""
    calls = get_origin(annotation) is collections.abc.Callable
    family = get_args(annotation)[1] if calls else get_origin(annotation) or annotation
    if not inspect.isclass(family) and not calls:
        return given  # an annotation that cannot be read from outside its module
    if callable(given) if calls else isinstance(given, family):
        return given
    plain = from_yaml(given)
    ours = inspect.isclass(family) and (inspect.isabstract(family) or issubclass(family, Described))
    if isinstance(plain, str) and (ours or calls):
        plain = {"class_path": plain}
    if not isinstance(plain, Mapping) or not inspect.isclass(family):
        raise MisfitError(f"expected {'a function' if calls else _example(family)}, found {shown(given)}")
    if "not_remembered" in plain:
        raise MisfitError(
            f"a {plain['not_remembered']}, whose settings are not known; build it in Python and use `load_weights`"
        )
    if "class_path" not in plain and (is_dataclass(family) or (ours and not inspect.isabstract(family))):
        return Entry(family, _settings(family, plain, importing=importing), bare=is_dataclass(family))
    kind = find_class(family, str(plain.get("class_path", "")), importing=importing)
    skip = len(get_args(annotation)[0]) if calls else 0
    settings = _settings(kind, _names(plain.get("init_args") or {}), importing=importing, skip=skip, later=later)
    return Entry(kind, settings, called_later=calls)


def _names(settings: Any) -> Mapping[str, Any]:
    if not isinstance(settings, Mapping):
        raise MisfitError(f"init_args: expected names with values, found {shown(settings)}")
    return settings


def _example(family: type) -> str:
    article = "an" if family.__name__[0] in "AEIOU" else "a"
    return (
        f"{article} {family.__name__}, such as {{class_path: {next(iter(sorted(members(family))), family.__name__)}}}"
    )


@functools.cache
def import_families(*rooms: str) -> None:
    """Load all networks, losses and data sets, so that they can be named briefly.

    Args:
        rooms: further ones to load, e.g. "generation".
    """
    for room in ("data", "losses", "networks", *rooms):
        package = importlib.import_module(f"walkprint.{room}")
        for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
            importlib.import_module(module.name)


def members(family: type) -> dict[str, Any]:
    """The classes of a family that can be built, by name: those of its room and those imported from elsewhere."""
    if family.__module__.startswith("walkprint."):
        import_families(family.__module__.split(".")[1])
    found, left = dict[str, Any](), [family]
    while left:
        kind = left.pop()
        left += kind.__subclasses__()
        if not inspect.isabstract(kind) and not kind.__name__.startswith("_"):
            found[kind.__name__] = kind
    return found


def find_class(family: type, path: str, *, importing: bool = False) -> Any:
    """A class of a family, by its name or dotted path.

    Args:
        family: the base class.
        path: its name or dotted path.
        importing: whether an installed module may be imported for it.

    Raises:
        NotImportedError: its module must be imported first, by the user.
        RecipeError: there is no such class, or it is none of the family.
    """
    known = members(family)
    kind = class_at(path, importing=importing) if "." in path else known.get(path)
    if not isinstance(kind, type) or not issubclass(kind, family) or inspect.isabstract(kind):
        raise MisfitError(
            f"{family.__name__}: found {shown(path)!r}, expected one of {', '.join(sorted(known))}, or a "
            f"dotted path{did_you_mean(path, known)}"
        )
    return kind


def class_at(path: str, *, importing: bool = False) -> Any:
    """What a dotted path names, of a module that is imported already or may be; None where there is nothing.

    Raises:
        NotImportedError: its module must be imported first, by the user.
        RecipeError: its module cannot be imported.
    """
    module, _, name = path.rpartition(".")
    top = module.partition(".")[0]
    if module not in sys.modules and not module.endswith("__main__") and top not in sys.stdlib_module_names:
        if top != "walkprint" and (not importing or not _installed(top)):
            said = f"{shown(path)}: the module {module} is not imported; import it first if you trust it"
            raise NotImportedError(module, said)
        try:
            importlib.import_module(module)
        except ModuleNotFoundError:
            return None
        except Exception as error:  # whatever a module does when it is imported
            raise RecipeError(f"{path}: cannot be imported ({type(error).__name__}: {error})") from error
    return getattr(sys.modules.get(module), name, None)


def _installed(top: str) -> bool:
    """Whether a package is found, elsewhere than in the current folder; nothing is imported to see that."""
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return False
    places = [] if spec is None else [*(spec.submodule_search_locations or [spec.origin or "."])]
    return bool(places) and all(Path(place).resolve().parent != Path.cwd() for place in places)


def _public_path(kind: type) -> str:
    """The shortest dotted path by which a class can be imported."""
    words, name = kind.__module__.split("."), kind.__qualname__
    for length in range(1, len(words)):
        module = ".".join(words[:length])
        if getattr(sys.modules.get(module), name, None) is kind:
            return f"{module}.{name}"
    return path_of(kind)

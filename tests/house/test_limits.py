"""Limits that the sources keep: arguments of a function, messages below the command line, plain words.

Each limit has a list of what still exceeds it. A list only shrinks: what meets its limit must leave it.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from walkprint import cli

SOURCE = Path(__file__).resolve().parents[2] / "src" / "walkprint"
MODULES = {path.relative_to(SOURCE).as_posix(): path.read_text() for path in sorted(SOURCE.rglob("*.py"))}
ROOF = ("cli/", "web/", "__main__.py")  # where options and verbs are at home

MOST_ARGUMENTS = 12
MANY_ARGUMENTS: set[str] = set()
MENTION_THE_COMMAND_LINE: set[str] = set()
MANNERED: dict[str, int] = {}

_MANNERED_WORDS = re.compile(
    r"\b(told|whom|alike|nobody|everybody|everybodys|shall|those who|by lot|heirs|astray|wherein|thereof)\b|, say\b",
    re.IGNORECASE,
)


def _functions(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef]]:
    """Public functions, methods and constructors of public classes, by dotted name."""
    todo: list[tuple[str, ast.stmt]] = [("", node) for node in tree.body]
    while todo:
        prefix, node = todo.pop()
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            todo += [(f"{prefix}{node.name}.", one) for one in node.body]
        elif isinstance(node, ast.FunctionDef) and (node.name == "__init__" or not node.name.startswith("_")):
            yield prefix + node.name, node


def _arguments(function: ast.FunctionDef) -> int:
    spec = function.args
    own = [one.arg for one in (*spec.posonlyargs, *spec.args, *spec.kwonlyargs)]
    return len([name for name in own if name not in {"self", "cls"}])


def _texts(tree: ast.Module) -> Iterator[str]:
    """What the module may say to a user: its strings without docstrings, those of one f-string joined.

    Fewer than three words are a name or a word for a parser.
    """
    silent, joined = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            silent.add(node.value)
        if isinstance(node, ast.JoinedStr):
            joined |= {part for part in node.values if isinstance(part, ast.Constant)}
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in silent | joined:
            yield node.value


def _only_shrinks(found: set[str], allowed: set[str], limit: str) -> None:
    new, kept = sorted(found - allowed), sorted(allowed - found)
    assert not new, f"{limit}: {', '.join(new)}"
    assert not kept, f"strike these from the list, they keep the limit now ({limit}): {', '.join(kept)}"


def test_no_function_takes_more_than_twelve_arguments() -> None:
    found = {
        f"{module}:{name}"
        for module, text in MODULES.items()
        for name, function in _functions(ast.parse(text))
        if _arguments(function) > MOST_ARGUMENTS
    }
    _only_shrinks(found, MANY_ARGUMENTS, f"more than {MOST_ARGUMENTS} arguments")


def test_messages_below_the_command_line_name_no_option_and_no_verb() -> None:
    verbs = "|".join(re.escape(verb) for verb in cli.VERBS)
    command = re.compile(rf"(?<![\w-])--[a-z]|\bwalkprint ({verbs})\b(?! \d)")
    found = {
        module
        for module, text in MODULES.items()
        if not module.startswith(ROOF)
        for said in _texts(ast.parse(text))
        if len(said.split()) > 2 and command.search(said)
    }
    _only_shrinks(found, MENTION_THE_COMMAND_LINE, "names an option or a verb")


def test_words_are_plain() -> None:
    """See the list of words: plain technical English does without them."""
    counts = {module: len(_MANNERED_WORDS.findall(text)) for module, text in MODULES.items()}
    found = {module for module, count in counts.items() if count > MANNERED.get(module, 0)}
    assert not found, {m: [one[0] for one in _MANNERED_WORDS.finditer(MODULES[m])] for m in sorted(found)}
    slack = {module: counts.get(module, 0) for module, count in MANNERED.items() if counts.get(module, 0) < count}
    assert not slack, f"lower these numbers in the list: {slack}"


def test_the_checks_see_what_they_look_for() -> None:
    said = 'f"give --{a} or" f" walkprint train"'
    tree = ast.parse(f'class A:\n    def __init__(self, a, *, b):\n        """--doc"""\n        raise E({said})')
    assert [(name, _arguments(function)) for name, function in _functions(tree)] == [("A.__init__", 2)]
    assert list(_texts(tree)) == ["give --{} or walkprint train"]
    assert len(_MANNERED_WORDS.findall("Those who walk, say nobody, shall be told; alikeness is one word")) == 5

"""Rules of the house that a reader of the sources can check: sizes, names, docstrings, nothing unpickled."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
UNPICKLERS = {"src/walkprint/data/opengait.py"}  # the restricted unpickler, which admits numpy arrays only


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _definitions(path: Path) -> Iterator[tuple[str, ast.AST]]:
    """Public classes, functions and methods, with their dotted names."""

    def walk(body: list[ast.stmt], prefix: str) -> Iterator[tuple[str, ast.AST]]:
        for node in body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
                yield prefix + node.name, node
                if isinstance(node, ast.ClassDef):
                    yield from walk(node.body, prefix + node.name + ".")

    yield from walk(ast.parse(path.read_text()).body, "")


def test_there_are_sources() -> None:
    assert len(SOURCES) > 20


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_modules_stay_under_400_lines(path: Path) -> None:
    assert len(path.read_text().splitlines()) < 400


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_functions_stay_under_50_lines_of_code(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef):
            start = node.body[1].lineno if ast.get_docstring(node) and len(node.body) > 1 else node.body[0].lineno
            assert (node.end_lineno or 0) - start < 50, f"{node.name} is too long: it does two things"


def test_no_room_without_a_name_of_its_own() -> None:
    rooms = {part for path in SOURCES for part in (*path.parent.parts, path.stem)}
    assert not rooms & {"utils", "util", "common", "helpers", "misc", "tools"}


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_nothing_is_unpickled_or_evaluated(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if _name(path) not in UNPICKLERS:
            imported = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            imported += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {name.partition(".")[0] for name in imported} & {"pickle", "dill", "cloudpickle", "joblib"}
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name):
                assert node.func.id not in {"eval", "exec"}
            for keyword in node.keywords:
                value = keyword.value.value if isinstance(keyword.value, ast.Constant) else None
                assert (keyword.arg, value) not in {("weights_only", False), ("allow_pickle", True)}
                assert (keyword.arg, value) != ("shell", True)


def test_no_test_unpickles() -> None:
    for path in (ROOT / "tests").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "pickle":
                assert node.attr not in {"load", "loads", "Unpickler"}, f"{_name(path)}:{node.lineno}"


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_everything_public_has_a_docstring(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text())), "the module has none"
    for name, node in _definitions(path):
        inherits = "." in name  # an override speaks through what it overrides
        assert inherits or ast.get_docstring(node), f"{name} has none"  # type: ignore[arg-type]


def test_the_reference_holds_every_module() -> None:
    listed = re.findall(r"automodule:: (\S+)", (ROOT / "docs" / "reference.md").read_text())
    dotted = {_name(path).removeprefix("src/").removesuffix(".py").replace("/", ".") for path in SOURCES}
    modules = {name for name in dotted if not name.rpartition(".")[2].startswith("__")}
    assert sorted(set(listed) - {"walkprint.cli"}) == sorted(modules)
    assert len(listed) == len(set(listed))


def _holds_a_method(path: Path) -> bool:
    """Whether a module defines a network or a loss."""
    classes = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.ClassDef)]
    return any({"Network", "Loss"} & {base.id for base in one.bases if isinstance(base, ast.Name)} for one in classes)


@pytest.mark.parametrize("path", [path for path in SOURCES if _holds_a_method(path)], ids=_name)
def test_a_method_names_its_source_and_its_deviations(path: Path) -> None:
    text = ast.get_docstring(ast.parse(path.read_text())) or ""
    assert "Source:" in text
    assert "Deviations:" in text


def test_the_floors_hold() -> None:
    tool = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([tool, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout

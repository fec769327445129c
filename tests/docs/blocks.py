"""The classes that docs/adding.md shows, defined as a reader would define them: in a module of his own."""

import importlib.util
import re
import sys
import tempfile
from functools import cache
from pathlib import Path
from types import ModuleType

PAGE = Path(__file__).resolve().parents[2] / "docs" / "adding.md"


def block(anchor: str) -> str:
    """The first Python block under the heading with that anchor."""
    section = PAGE.read_text().split(f"({anchor})=\n", 1)[1].split("\n## ", 1)[0]
    found = re.search(r"```python\n(.*?)```", section, flags=re.DOTALL)
    assert found, f"no Python under {anchor}"
    return found[1]


@cache
def module(anchor: str) -> ModuleType:
    """That block as a module, importable by its name as long as the tests run."""
    name = "docs_" + anchor.replace("-", "_")
    path = Path(tempfile.mkdtemp()) / f"{name}.py"
    path.write_text(block(anchor))
    sys.path.append(str(path.parent))
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    made = importlib.util.module_from_spec(spec)
    sys.modules[name] = made
    spec.loader.exec_module(made)  # type: ignore[union-attr]
    return made

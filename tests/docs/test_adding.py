"""All Python of docs/adding.md is run through a contract, each block by a module beside this one."""

import re
from pathlib import Path

from tests.docs.blocks import PAGE


def test_every_block_is_checked_by_a_contract() -> None:
    anchors = re.findall(r"^\(([\w-]+)\)=\n## ", PAGE.read_text(), flags=re.MULTILINE)
    sections = PAGE.read_text().split("\n## ")[1:]
    with_code = [one for one, text in zip(anchors, sections, strict=False) if "```python\n" in text]
    checks = "".join(path.read_text() for path in Path(__file__).parent.glob("test_adding_*.py"))
    assert with_code
    assert [one for one in with_code if f'module("{one}")' not in checks] == []
    assert PAGE.read_text().count("```python\n") == len(with_code)

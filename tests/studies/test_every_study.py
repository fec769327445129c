"""Every field of every study changes the cells of each of its sections, or is named here as one that a section ignores.

Fields are found by introspection, so that a new one cannot be forgotten. What a cell says is all that its numbers
depend on; that they arrive in a training is the matter of test_recognition.py.
"""

import importlib
import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from walkprint.core.protocol import Protocol, Selection
from walkprint.studies import cloth_expansion
from walkprint.studies.recorded_people import RecordedPeople
from walkprint.studies.run import STUDIES

PROTOCOL = Protocol("first takes", Selection(takes=("01",)), {"others": Selection(takes=("02",))})
BASE: dict[str, dict[str, Any]] = {
    "inter-class": {"real": Path("masks"), "protocol": PROTOCOL},
    "cloth-expansion": {"real": Path("masks"), "protocol": PROTOCOL},
    "disentanglement": {},
    "fine-tuning": {},
}
"""Besides the defaults, so that every section can be asked for."""
OTHER: dict[str, Any] = {
    "network": "GaitBase", "networks": ("GaitBase",), "others": ("GEINet",), "losses": ("margin-form",),
    "optimizer": "sgd", "precision": "bf16-mixed", "protocol": replace(PROTOCOL, gallery_view="all"),
    "real": Path("other"), "views": ("090",), "coats": ("1",), "rare": "1", "generator_settings": {"latent_size": 7},
    "normal": ("bg",), "init": "street", "test_people": 5, "training_subjects": (0.4,), "people": (3,),
    "variants": 1, "switches": 1, "generator_widths": (8, 8, 8, 8), "width": 12, "store": Path("store"),
}  # fmt: skip
"""Another value of a field; a number n stands for the first n of the default, any other number is made here."""
KEYS = Path(__file__).resolve().parents[1] / "golden" / "study_cells.json"
PEOPLE = RecordedPeople((6,) * 74, 50, fingerprint="0", rendered=False)
STAND_INS = 1000
"""The seed of people who stand for real ones."""
IGNORED = {
    ("inter-class", "compare"): {"real", "protocol", "street_subjects", "training_subjects"},
    ("inter-class", "subjects"): {"real", "protocol", "street_subjects"},
    ("inter-class", "real"): {"subjects", "views", "training_subjects"},
    ("cloth-expansion", "ssim"): {"switches", "coats", "real", "protocol"},
    ("cloth-expansion", "recognition"): {"switches", "coats", "real", "protocol"},
    ("cloth-expansion", "ablation"): {"variants", "coats", "real", "protocol"},
    ("cloth-expansion", "scarcity"): {"switches", "rare", "real", "protocol"},
    ("cloth-expansion", "real"): {"switches", "coats"},
    ("disentanglement", "ablation"): {"others"},
    ("disentanglement", "networks"): {"variants"},
    ("disentanglement", "frontal"): {"variants", "others", "views"},
    ("fine-tuning", "clothes"): {"people", "companions"},
    ("fine-tuning", "people"): {"normal"},
}
"""Study and section -> fields of other sections."""


@pytest.fixture(autouse=True)
def people_in_a_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cloth_expansion, "recorded_people", lambda store: PEOPLE)


def _study(name: str, section: str, **changes: Any) -> Any:
    module = importlib.import_module(f"walkprint.studies.{name.replace('-', '_')}")
    return getattr(module, STUDIES[name])(**{**BASE[name], "sections": (section,), **changes})


def _another(name: str, value: Any) -> Any:
    if name in OTHER:
        other = OTHER[name]
        if other == value:
            return "32-true"
        return value[:other] if isinstance(other, int) and isinstance(value, tuple) else other
    if isinstance(value, bool):
        return not value
    return value + 1 if isinstance(value, int) else value * 2


def _sections(name: str) -> tuple[str, ...]:
    found: tuple[str, ...] = importlib.import_module(f"walkprint.studies.{name.replace('-', '_')}").SECTIONS
    return found


CASES = [(name, section) for name in STUDIES for section in _sections(name)]


@pytest.mark.parametrize(("name", "section"), CASES)
def test_every_field_changes_a_cell(name: str, section: str) -> None:
    study = _study(name, section)
    cells = study.cells()
    ignored = set()
    for one in fields(study):
        if one.name != "sections":
            changed = _study(name, section, **{one.name: _another(one.name, getattr(study, one.name))})
            if changed.cells() == cells:
                ignored.add(one.name)
    assert ignored == IGNORED[name, section]


def test_the_tables_name_existing_fields_and_all_sections() -> None:
    known = {one.name for name in STUDIES for one in fields(_study(name, _sections(name)[0]))}
    assert OTHER.keys() <= known
    assert IGNORED.keys() == set(CASES)


def _keys(tree: Any, path: str = "") -> dict[str, set[str]]:
    """Path of every map -> its keys."""
    found = {path: {*tree}} if isinstance(tree, dict) else {}
    for name, branch in tree.items() if isinstance(tree, dict) else ():
        found |= _keys(branch, f"{path}.{name}".strip("."))
    return found


def _all_keys(name: str, section: str) -> dict[str, list[str]]:
    """Those of all cells of a section together."""
    found: dict[str, set[str]] = {}
    for cell in _study(name, section, seeds=1).cells():
        for path, keys in _keys(dict(cell.settings)).items():
            found[path] = found.get(path, set()) | keys
    return {path: sorted(keys) for path, keys in sorted(found.items())}


@pytest.mark.parametrize(("name", "section"), CASES)
def test_cells_keep_their_keys(name: str, section: str) -> None:
    """What left a cell would be taken from a default in silence; a new key belongs into the file."""
    assert _all_keys(name, section) == json.loads(KEYS.read_text())[f"{name}, {section}"]


@pytest.mark.parametrize(("name", "section"), CASES)
def test_a_seed_is_a_seed_everywhere(name: str, section: str) -> None:
    def seeds(tree: Any) -> set[Any]:
        inner = [one for branch in tree.values() for one in seeds(branch)] if isinstance(tree, dict) else []
        return {*inner, tree["seed"]} if isinstance(tree, dict) and "seed" in tree else {*inner}

    for cell in _study(name, section, seeds=2).cells():
        assert seeds(dict(cell.settings)) <= {cell.settings["seed"], STAND_INS}

"""Every field of every study changes the cells of each of its sections, or is named here as one that a section ignores.

Fields are found by introspection, so that a new one cannot be forgotten. What a cell says is all that its numbers
depend on; that they arrive in a training is the matter of test_recognition.py.
"""

import importlib
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from walkprint.core.protocol import Protocol, Selection
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
    "variants": 1, "switches": 1, "generator_widths": (8, 8, 8, 8), "width": 12,
}  # fmt: skip
"""Another value of a field; a number n stands for the first n of the default, any other number is made here."""
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


def test_nothing_stands_here_in_vain() -> None:
    known = {one.name for name in STUDIES for one in fields(_study(name, _sections(name)[0]))}
    assert OTHER.keys() <= known
    assert IGNORED.keys() == set(CASES)

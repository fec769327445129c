"""Every number that a setting takes has bounds, which Python, recipes and the command line keep."""

import dataclasses
import importlib
import inspect
import math
import pkgutil
import typing
from collections.abc import Iterator
from typing import Annotated, Any

import numpy as np
import pytest

import walkprint
from walkprint.cli import VERBS, find_verb
from walkprint.core.bounds import Checked, Count, Fraction, OpenFraction, Range, Seed, check_bounds
from walkprint.core.described import Described, hints_of, parameters_of
from walkprint.core.errors import RecipeError
from walkprint.data.frames import RandomSubset
from walkprint.data.walkers import Variety
from walkprint.losses import TripletLoss
from walkprint.recipes.recipe import Plan
from walkprint.training.schedule import MultiStep

FREE: dict[str, str] = {}  # "Class.parameter": why it has no bounds


def _below(kind: type) -> Iterator[type]:
    for one in kind.__subclasses__():
        yield one
        yield from _below(one)


def _unbounded(annotation: Any) -> bool:
    if annotation in (int, float):
        return True
    return typing.get_origin(annotation) is not Annotated and any(map(_unbounded, typing.get_args(annotation)))


def _settings() -> dict[str, Any]:
    """Class.parameter -> annotation, of all families and of all checked dataclasses."""
    for module in pkgutil.walk_packages(walkprint.__path__, "walkprint."):
        if "__main__" not in module.name:
            importlib.import_module(module.name)
    kinds = [kind for base in (Described, Checked) for kind in _below(base) if kind.__module__.startswith("walkprint.")]
    return {
        f"{kind.__name__}.{name}": one.annotation
        for kind in kinds
        for name, one in parameters_of(kind).items()
        if one.kind is not one.VAR_KEYWORD
    }


def test_every_number_has_bounds() -> None:
    found = _settings()
    assert len(found) > 300
    assert {"GaitSet.channels", "Walkers.subjects", "Plan.steps", "Copying.thickness_px"} & set(found)
    assert {name for name, annotation in found.items() if _unbounded(annotation)} == set(FREE)


def test_every_option_has_bounds() -> None:
    found = {f"{verb} {name}": one.annotation for verb in VERBS for name, one in find_verb(verb).options.items()}
    assert not [name for name, annotation in found.items() if _unbounded(annotation)]


def test_dataclasses_of_settings_are_checked() -> None:
    """What a recipe or a study is made of; a dataclass with bounds that forgets its base is found here."""
    for module in pkgutil.walk_packages(walkprint.__path__, "walkprint."):
        if "__main__" in module.name or ".cli" in module.name:
            continue
        for _, kind in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if dataclasses.is_dataclass(kind) and kind.__module__ == module.name:
                bounded = any("Range(" in str(one) for one in hints_of(kind.__init__).values())
                assert not bounded or issubclass(kind, Checked), kind


@pytest.mark.parametrize(
    ("kind", "inside", "outside"),
    [
        (Count, [1, 10**9, np.int64(3)], [0, -5, 10**12, 10**30, 2.5, True, math.nan]),
        (Seed, [0, 2**63 - 1], [-1, 10**30]),
        (Fraction, [0, 1, 0.5, np.float32(0.5)], [-0.1, 1.1, math.nan, math.inf, "x", None]),
        (OpenFraction, [1e-9], [0, 1.0]),
        (Count | None, [None, 1], [0]),
        (tuple[Count, Fraction], [(3, 0.5), [3, 1]], [(0, 0.5), (3, 3)]),
        (list[Count] | Count, [[1, 2], [], 3], [[1, -1], 0]),
        (dict[str, dict[str, Fraction]], [{"a": {"b": 1}}, {}], [{"a": {"b": 2}}]),
        (Annotated[float, Range()], [-1e300], [math.inf]),
        (typing.Literal["a", "b"], ["a"], ["c", 1]),
    ],
)
def test_bounds(kind: Any, inside: list[Any], outside: list[Any]) -> None:
    for value in inside:
        check_bounds("Some", {"setting": value}, {"setting": kind})
    for value in outside:
        with pytest.raises(RecipeError, match=r"^Some: setting is .*, expected [^\n]+$"):
            check_bounds("Some", {"setting": value}, {"setting": kind})


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda: RandomSubset(0), "RandomSubset: count is 0, expected at least 1"),
        (lambda: RandomSubset(10**12), "RandomSubset: count is 1000000000000, expected at most 100,000"),
        (lambda: TripletLoss(margin=math.nan), "TripletLoss: margin is nan, expected a finite number"),
        (lambda: TripletLoss(mining="most"), "TripletLoss: mining is 'most', expected all or hard"),
        (lambda: MultiStep([-1]), r"MultiStep: milestones is [-1], expected at least 1"),
        (lambda: Variety(shape=-1), "Variety: shape is -1, expected at least 0"),
        (
            lambda: Plan(steps=-5, subjects_per_batch=1, clips_per_subject=1),
            "Plan: steps is -5, expected at least 1",
        ),
    ],
)
def test_python_is_refused_too(build: Any, said: str) -> None:
    with pytest.raises(RecipeError) as refusal:
        build()
    assert str(refusal.value) == said

"""Things remember their constructor arguments as plain data, copies included."""

import copy
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from walkprint.core.bounds import Count
from walkprint.core.described import Described, describe
from walkprint.core.errors import RecipeError


class Thing(Described):
    def __init__(self, width: int, *names: str, sizes: tuple[int, ...] = (1, 2), **more: Any) -> None:
        self.width = width


class Heir(Thing):
    def __init__(self, *, width: int = 5, inner: Any = None) -> None:
        super().__init__(width + 1)


class Silent(Heir):
    pass


@dataclass
class Settings:
    root: Path


def here(name: str) -> str:
    return f"{__name__}.{name}"


def test_every_argument_is_remembered_defaults_included() -> None:
    assert Thing(3, "a", "b", deep=True).init_args == {
        "width": 3, "names": ["a", "b"], "sizes": [1, 2], "deep": True,
    }  # fmt: skip
    assert Heir(width=2).init_args == {"width": 2, "inner": None}, "not what the base class was given"
    assert describe(Silent(width=np.int64(4))) == {
        "class_path": here("Silent"), "init_args": {"width": 4, "inner": None},
    }  # fmt: skip


def test_nested_objects_are_plain_data() -> None:
    inner = [Heir(), Settings(Path("a/b")), partial(torch.optim.SGD, lr=0.1), torch.relu, Settings, nn.ReLU()]
    found = Heir(inner=inner).init_args["inner"]
    assert found[0] == {"class_path": here("Heir"), "init_args": {"width": 5, "inner": None}}
    assert found[1] == {"class_path": here("Settings"), "init_args": {"root": "a/b"}}
    assert found[2] == {"class_path": "torch.optim.sgd.SGD", "init_args": {"lr": 0.1}}
    assert found[4] == here("Settings")
    assert found[5] == {"not_remembered": "torch.nn.modules.activation.ReLU"}


def test_what_is_changed_later_is_not_remembered() -> None:
    sizes = [1, 2]
    thing = Thing(1, sizes=sizes)  # type: ignore[arg-type]
    sizes.append(3)
    thing.init_args["sizes"].append(4)
    assert thing.init_args["sizes"] == [1, 2]
    assert copy.deepcopy(thing).init_args["width"] == 1


class Bounded(Described):
    def __init__(self, width: Count = 1) -> None:
        self.width = width


class Unannotated(Bounded):
    def __init__(self, width=1):
        super().__init__(width=width)


def test_bounds_hold_for_what_a_subclass_hands_on() -> None:
    assert Unannotated(3).init_args == {"width": 3}
    with pytest.raises(RecipeError, match="width"):
        Unannotated(0)

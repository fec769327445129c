"""Gait recognition: telling people apart by the way they walk.

The names below are the vocabulary; each is loaded when it is first used, so importing the package is quick. Networks,
losses, frame choosers and augmentations live in `walkprint.networks`, `walkprint.losses`, `walkprint.data`.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from walkprint.core.embedding import EmbeddingSet
    from walkprint.core.errors import GaitError
    from walkprint.core.protocol import Protocol, Selection
    from walkprint.core.sequence import Clip, SequenceKey
    from walkprint.data.casia_b import CasiaB
    from walkprint.data.folder import Folder
    from walkprint.data.packed import Packed
    from walkprint.data.prepare import prepare
    from walkprint.data.store import Store
    from walkprint.data.walkers import Walkers
    from walkprint.evaluation import embed, identify, verify
    from walkprint.recipes.trained import load_network
    from walkprint.training.fit import fit

__version__ = "0.1.0"

_HOMES = {
    "SequenceKey": "walkprint.core.sequence",
    "Clip": "walkprint.core.sequence",
    "EmbeddingSet": "walkprint.core.embedding",
    "Selection": "walkprint.core.protocol",
    "Protocol": "walkprint.core.protocol",
    "GaitError": "walkprint.core.errors",
    "Walkers": "walkprint.data.walkers",
    "CasiaB": "walkprint.data.casia_b",
    "Folder": "walkprint.data.folder",
    "Store": "walkprint.data.store",
    "Packed": "walkprint.data.packed",
    "prepare": "walkprint.data.prepare",
    "fit": "walkprint.training.fit",
    "load_network": "walkprint.recipes.trained",
    "embed": "walkprint.evaluation",
    "identify": "walkprint.evaluation",
    "verify": "walkprint.evaluation",
}

__all__ = [  # noqa: RUF022 - in the order of a day's work
    "SequenceKey", "Clip", "EmbeddingSet", "Selection", "Protocol", "GaitError",
    "Walkers", "CasiaB", "Folder", "prepare", "Packed", "Store",
    "fit", "load_network", "embed", "identify", "verify",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'walkprint' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

"""Who walked there? Videos in, names out, or "unknown": the room above networks, evaluation and video.

The names below are loaded when they are first used, so that naming a gallery needs no torch.

Source of the question's form, open-set identification with a rate of false positives over a gallery: ISO/IEC 19795-1.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from walkprint.recognizer.passersby import calibrate
    from walkprint.recognizer.recognizer import Recognizer
    from walkprint.recognizer.sighting import Candidate, Sighting

_HOMES = {"Recognizer": "recognizer", "Candidate": "sighting", "Sighting": "sighting", "calibrate": "passersby"}
__all__ = ["Candidate", "Recognizer", "Sighting", "calibrate"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'walkprint.recognizer' has no attribute {name!r}")
    return getattr(importlib.import_module(f"walkprint.recognizer.{_HOMES[name]}"), name)

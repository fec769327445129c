"""Rendered people: body, gait, clothes, things carried, camera, mask noise -> the bundled benchmark."""

from walkprint.data.walkers.color import ColorWalkers
from walkprint.data.walkers.dataset import TAKES, USUAL, VIEWS, Walkers
from walkprint.data.walkers.frontal import FrontalWalkers
from walkprint.data.walkers.people import Variety

__all__ = ["TAKES", "USUAL", "VIEWS", "ColorWalkers", "FrontalWalkers", "Variety", "Walkers"]

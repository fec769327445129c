"""Networks: clips to embeddings, one module each."""

from walkprint.networks.base import Network
from walkprint.networks.gaitbase import GaitBase
from walkprint.networks.gaitset import GaitSet
from walkprint.networks.geinet import GEINet

__all__ = ["GEINet", "GaitBase", "GaitSet", "Network"]

"""Networks: clips to embeddings, one module each."""

from walkprint.networks.base import Network
from walkprint.networks.deepgait_v2 import DeepGaitV2
from walkprint.networks.gaitbase import GaitBase
from walkprint.networks.gaitgl import GaitGL
from walkprint.networks.gaitnet import GaitNet
from walkprint.networks.gaitpart import GaitPart
from walkprint.networks.gaitset import GaitSet
from walkprint.networks.geinet import GEINet

__all__ = ["DeepGaitV2", "GEINet", "GaitBase", "GaitGL", "GaitNet", "GaitPart", "GaitSet", "Network"]

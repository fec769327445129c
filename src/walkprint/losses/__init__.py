"""Losses: embeddings and logits to one number, one module each."""

from walkprint.losses.base import Loss, LossValue
from walkprint.losses.cross_entropy import CrossEntropyLoss
from walkprint.losses.triplet import TripletLoss

__all__ = ["CrossEntropyLoss", "Loss", "LossValue", "TripletLoss"]

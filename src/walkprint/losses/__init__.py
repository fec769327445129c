"""Losses: embeddings and logits to one number, one module each."""

from walkprint.losses.base import Loss, LossValue
from walkprint.losses.cross_entropy import CrossEntropyLoss
from walkprint.losses.disentanglement import (
    CanonicalConsistencyLoss,
    CrossReconstructionLoss,
    IncrementalIdentityLoss,
    PoseSimilarityLoss,
)
from walkprint.losses.inter_class import (
    ClassUniformityLoss,
    GeneralizedInterClassLoss,
    PairwiseSoftmaxLoss,
    WeightedTripletLoss,
)
from walkprint.losses.triplet import TripletLoss

__all__ = [
    "CanonicalConsistencyLoss",
    "ClassUniformityLoss",
    "CrossEntropyLoss",
    "CrossReconstructionLoss",
    "GeneralizedInterClassLoss",
    "IncrementalIdentityLoss",
    "Loss",
    "LossValue",
    "PairwiseSoftmaxLoss",
    "PoseSimilarityLoss",
    "TripletLoss",
    "WeightedTripletLoss",
]

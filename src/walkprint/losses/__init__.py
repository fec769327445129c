"""Losses: embeddings and logits to one number, one module each."""

from walkprint.losses.base import Loss, LossValue
from walkprint.losses.center import CenterLoss
from walkprint.losses.cross_entropy import CrossEntropyLoss
from walkprint.losses.disentanglement import (
    CanonicalConsistencyLoss,
    CrossReconstructionLoss,
    IncrementalIdentityLoss,
    PoseSimilarityLoss,
)
from walkprint.losses.hallucination import HallucinatedTripletLoss
from walkprint.losses.inter_class import (
    ClassUniformityLoss,
    GeneralizedInterClassLoss,
    PairwiseSoftmaxLoss,
    WeightedTripletLoss,
)
from walkprint.losses.metric_learning import ArcFaceLoss, CircleLoss, CosFaceLoss, SupervisedContrastiveLoss
from walkprint.losses.open_set import IdentificationDetectionLoss, RelativeThresholdLoss
from walkprint.losses.triplet import TripletLoss
from walkprint.losses.weighted import WeightedLosses

__all__ = [
    "ArcFaceLoss",
    "CanonicalConsistencyLoss",
    "CenterLoss",
    "CircleLoss",
    "ClassUniformityLoss",
    "CosFaceLoss",
    "CrossEntropyLoss",
    "CrossReconstructionLoss",
    "GeneralizedInterClassLoss",
    "HallucinatedTripletLoss",
    "IdentificationDetectionLoss",
    "IncrementalIdentityLoss",
    "Loss",
    "LossValue",
    "PairwiseSoftmaxLoss",
    "PoseSimilarityLoss",
    "RelativeThresholdLoss",
    "SupervisedContrastiveLoss",
    "TripletLoss",
    "WeightedLosses",
    "WeightedTripletLoss",
]

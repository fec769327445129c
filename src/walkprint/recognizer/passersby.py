"""A site from videos of whoever passes a camera; see `evaluation.site`."""

import warnings
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from walkprint.core.digest import weights_source
from walkprint.core.embedding import EmbeddingSet
from walkprint.core.sequence import SequenceKey
from walkprint.core.summary import counted
from walkprint.evaluation.site import Site
from walkprint.networks.base import Network
from walkprint.recipes.trained import load_network
from walkprint.recognizer.sources import walks_of
from walkprint.video.mediapipe import MediaPipe
from walkprint.video.segmenter import Segmenter
from walkprint.video.walks import Hook

FEWEST_TRACKS = 5


def calibrate(
    source: Any,
    network: Network | str | Path = "street",
    *,
    segmenter: Segmenter | None = None,
    hook: Hook | None = None,
) -> Site:
    """Learn a camera's site from its passers-by; who they are does not matter and is not kept.

    Warns of fewer than five tracks: what few people share would be taken for the camera's part. A walk that comes twice
    counts once, with a warning.

    Args:
        source: as in `Recognizer.identify`; several videos as a list.
        network: a trained network, or the `name` of `load_network`; that of the recognizer.
        segmenter: finds people in videos; MediaPipe's if None.
        hook: called with every frame of a video and what the tracker made of it.

    Raises:
        DataError: fewer than five walks, or no walks can be read from the source.
        CheckpointError: there is no such network.
    """
    network = network if isinstance(network, Network) else load_network(network)
    vectors, keys = [], []
    seen, again = set[bytes](), 0
    for number, walk in enumerate(walks_of(source, segmenter or MediaPipe(), hook)):
        digest = sha256(walk.silhouettes.tobytes()).digest()
        if digest in seen:
            again += 1
            continue
        seen.add(digest)
        vectors.append(network.embed(walk.silhouettes))
        keys.append(SequenceKey(f"{walk.track:06d}", "", f"{number:06d}", walk.view))
    if again:
        warnings.warn(f"site: left out {counted(again, 'walk')} found before; give each video once", stacklevel=2)
    tracks = len({key.subject for key in keys})
    if tracks < FEWEST_TRACKS <= len(keys):
        warnings.warn(
            f"site: {len(keys)} walks of at most {tracks} people; expected at least {FEWEST_TRACKS}: with so few, the "
            "site also removes what these people share; add videos of others",
            stacklevel=2,
        )
    stacked = np.stack(vectors) if vectors else np.zeros((0, 1, 1), np.float32)
    return Site.learn(EmbeddingSet(stacked, keys, weights_source(network)))

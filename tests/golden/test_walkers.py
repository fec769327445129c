"""The walkers' pixels, pinned: a change here needs a line under "Scientific changes" in the changelog."""

import hashlib

import pytest

from walkprint.core.sequence import SequenceKey
from walkprint.data.walkers import Walkers


@pytest.mark.parametrize(
    ("key", "digest"),
    [
        ("001/nm-01/090", "b86344a82e0a7b27"),
        ("002/bg-01/036", "8a0bcd19a0c6dc7b"),
        ("003/cl-02/144", "952a59ef88a30df0"),
    ],
)
def test_same_seed_same_pixels(key, digest):
    frames = Walkers(subjects=3, frames=6).read(SequenceKey.parse(key)).frames
    assert hashlib.sha256(frames.tobytes()).hexdigest()[:16] == digest

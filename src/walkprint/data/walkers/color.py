"""Walkers in color: RGB times a soft mask, aligned, for networks that learn what is appearance and what is gait."""

from collections import Counter
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from walkprint.core.sequence import SequenceKey
from walkprint.core.silhouette import UnusableFrameError, align_picture
from walkprint.data.base import Reading, clip_of
from walkprint.data.walkers.dataset import Walkers
from walkprint.data.walkers.noise import draw_faults, spoil
from walkprint.data.walkers.people import stream
from walkprint.data.walkers.render import FRAME_RATE_HZ

Pictures = NDArray[np.uint8]


class ColorWalkers(Walkers):
    """The people of `Walkers` in masked RGB, with the same settings; black where the segmenter sees no person.

    Where the segmenter takes in too much, the background shows.
    """

    def _render(self, key: SequenceKey) -> Reading:
        color, masks = self.read_color(key)
        return self._cut_out(color.frames.transpose(0, 2, 3, 1), masks.frames[:, 0], key, self.variety.noise)

    def _cut_out(self, pictures: Pictures, masks: Pictures, key: SequenceKey, noise: float) -> Reading:
        """Pictures (time, height, width, 3) under masks (time, height, width) with a segmenter's errors, aligned."""
        if noise:
            rng = stream(self.seed, "noise", str(key))
            # Neither frames nor places may change, or masks would no longer lie on their pictures.
            faults = replace(draw_faults(rng, noise), lost_frames=0.0, shear=0.0, stretch=1.0)
            masks = spoil(np.where(masks >= 128, 255, 0).astype(np.uint8), faults, rng)
            masks = np.stack([cv2.GaussianBlur(mask, (3, 3), 0.8) for mask in masks]).astype(np.uint8)
        frames, dropped = [], Counter[str]()
        for picture, mask in zip(pictures, masks, strict=True):
            try:
                frames.append(align_picture(np.ascontiguousarray(picture), mask, self.size_px))
            except UnusableFrameError as reason:
                dropped[str(reason)] += 1
        return Reading(clip_of(frames, key, FRAME_RATE_HZ), dropped)

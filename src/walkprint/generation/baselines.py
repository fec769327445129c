"""Baselines that every generator has to beat: copies, noise, and a coat by thickening.

Source: copying and noise injection are the baselines of J. Xu, H. Li and S. Hou, "Autoencoder-guided GAN for
minority-class cloth-changing gait data generation", Digital Signal Processing 2022; the thickened body is an
augmentation in the code of W. Yu et al., "Generalized Inter-class Loss for Gait Recognition", ACM MM 2022, where it is
off by default.
Deviations: the first paper gives no kind or level of noise; salt and pepper on 2 % of the pixels, then Gaussian
noise of 5 % of the range, are our choice.
"""

from collections import Counter

import numpy as np

from walkprint.core.bounds import Fraction, NonNegative, Width
from walkprint.core.sequence import Clip, SequenceKey
from walkprint.data.augment import Dilation
from walkprint.generation.expander import Expander, Frames

_WHITE = 255
_THRESHOLD = 128


class Copying(Expander):
    """Repeats takes of the wanted condition unchanged."""

    ordered = True
    source_condition = None

    def make(self, source: Clip, wanted: SequenceKey, rng: np.random.Generator) -> tuple[Frames, Counter[str]]:
        """See `Expander`."""
        return source.frames.copy(), Counter()


class NoiseInjection(Expander):
    """Adds noise to takes of the wanted condition, independently in each frame.

    Args:
        p: share of pixels that become black or white, half of them each.
        deviation: standard deviation of the Gaussian noise added afterwards, as a share of white.
        thresholded: make the result black and white again.

    Raises:
        RecipeError: a setting is out of range.
    """

    ordered = True
    source_condition = None

    def __init__(self, p: Fraction = 0.02, deviation: NonNegative = 0.05, thresholded: bool = False) -> None:
        self.p, self.deviation, self.thresholded = p, deviation, thresholded

    def make(self, source: Clip, wanted: SequenceKey, rng: np.random.Generator) -> tuple[Frames, Counter[str]]:
        """See `Expander`."""
        # The same noise in all views would show that they belong together.
        rng = np.random.default_rng([int(rng.integers(2**32)), *wanted.view.encode()])
        draws = rng.random(source.frames.shape, dtype=np.float32)
        noisy = np.where(draws < self.p, np.where(draws < self.p / 2, 0, _WHITE), source.frames).astype(np.float32)
        noisy += self.deviation * _WHITE * rng.standard_normal(noisy.shape, dtype=np.float32)
        if self.thresholded:
            noisy = np.where(noisy >= _THRESHOLD, _WHITE, 0)
        return noisy.round().clip(0, _WHITE).astype(np.uint8), Counter()


class MorphologicalCoat(Expander):
    """Thickens normal walking between neck and shins.

    Args:
        thickness_px: added on every side, in pixels of frames 64 px high.
        source_condition: the one without a coat.

    Raises:
        RecipeError: the thickness is below 1.
    """

    ordered = True

    def __init__(self, thickness_px: Width = 2, source_condition: str = "nm") -> None:
        self.thickness_px, self.source_condition = thickness_px, source_condition

    def make(self, source: Clip, wanted: SequenceKey, rng: np.random.Generator) -> tuple[Frames, Counter[str]]:
        """See `Expander`."""
        frames, dilation = source.frames.copy(), Dilation()
        rows = dilation.draw(rng, frames.shape)
        for _ in range(round(self.thickness_px * frames.shape[2] / 64)):
            dilation.apply(frames, rows)
        return frames, Counter()

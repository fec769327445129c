"""How high strangers score: thresholds for a rate.

Rendered strangers are looked up in the gallery, and a tail is fitted to their best scores. Each known person is looked
up among the others as well; where these score higher or scatter more, the threshold moves with them. Few known people
say little of that, so the threshold lies beyond by as much as Student's distribution lies beyond the normal one.

Sources: cohorts of strangers, R. Auckenthaler, M. Carey, H. Lloyd-Thomas, "Score Normalization for Text-Independent
Speaker Verification Systems", Digital Signal Processing 2000; an exponential tail above a high quantile, J. Pickands,
"Statistical Inference Using Extreme Order Statistics", Annals of Statistics 1975.
Deviations: scores are left as cosines; normalizing them by the rendered cohort (s-norm) made real people worse.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

from walkprint.core.errors import ProtocolError

RENDERED_WEIGHT = 4.0
_TAIL, _LARGEST_WIDENED = 0.1, 0.25
_Scores = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Impostors:
    """Best scores of people who are not in the gallery.

    Attributes:
        best: float64 (stranger,), of rendered strangers, rising.
        shift: how much higher known people score among the others.
        scale: how many times as much these scatter, at least 1.
        known: how many known people that was learned from.
    """

    best: _Scores
    shift: float = 0.0
    scale: float = 1.0
    known: float = 0

    @classmethod
    def learn(cls, best: NDArray[np.floating], own: NDArray[np.floating], people: int) -> "Impostors":
        """From the best scores of rendered strangers and of known people among the others.

        Args:
            best, own: (question,), in any order; `own` may be empty.
            people: of how many people `own` is; walks of one person are no further people.
        """
        rising = np.sort(best.astype(np.float64))
        if len(own) < 2:
            return cls(rising, known=people)
        shift = max(0.0, float(np.median(own) - np.median(rising)))
        return cls(rising, shift, max(1.0, float(np.std(own) / max(np.std(rising), 1e-6))), people)

    def threshold(self, rate: float) -> float:
        """The score that strangers' best scores exceed at a rate.

        Raises:
            ProtocolError: the rate is out of range.
        """
        if not 0 < rate < 1:
            raise ProtocolError(f"false positive rate is {rate}; expected above 0 and below 1, e.g. 0.05")
        middle = float(np.median(self.best))
        beyond = tail_quantile(self.best, rate) - middle
        return middle + self.shift + beyond * self.scale * self._widened(rate)

    @property
    def scores(self) -> _Scores:
        """Best scores of rendered strangers as these people would have them, rising."""
        middle = float(np.median(self.best))
        return np.asarray(middle + self.shift + (self.best - middle) * self.scale)

    def as_rendered(self, scores: _Scores) -> _Scores:
        """Scores as rendered people would have them."""
        middle = float(np.median(self.best))
        return np.asarray(middle + (scores - middle - self.shift) / self.scale)

    def _widened(self, rate: float) -> float:
        """How much farther out the next person's quantile lies when middle and spread come from few people."""
        people, rate = self.known + RENDERED_WEIGHT, min(rate, _LARGEST_WIDENED)
        return float(stdtrit(people - 1, 1 - rate) / ndtri(1 - rate) * np.sqrt(1 + 1 / people))


def tail_quantile(values: NDArray[np.floating], rate: float) -> float:
    """The value that is exceeded at a rate; below a rate of 0.1 by an exponential tail.

    Args:
        values: sorted, rising.
        rate: above 0, below 1.
    """
    if rate >= _TAIL:
        return float(np.quantile(values, 1 - rate))
    start = float(np.quantile(values, 1 - _TAIL))
    beyond = values[values > start] - start
    return start + float(beyond.mean() if len(beyond) else 0) * float(np.log(_TAIL / rate))

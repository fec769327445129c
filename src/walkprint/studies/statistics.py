"""Means over seeds, their spread, and paired differences with 95 % intervals.

A seed gives other people, other first weights and other batches. The interval over seeds, `over_seeds`, is Student's:
it speaks for other seeds, and with three of them it is wide. The interval over subjects, `over_subjects`, is a
bootstrap over the test people of each seed: it speaks for other people, but not for other trainings.

Source: Student, "The probable error of a mean", 1908; Efron and Tibshirani, "An Introduction to the Bootstrap", 1993.
"""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from walkprint.evaluation.report import Figure

_VANISHING = 0.025  # the part of resamples without a gap above which a share has no interval


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean with what is known about it.

    Attributes:
        value: the mean; NaN of nothing.
        spread: standard deviation of what it is the mean of, or None of fewer than two.
        low, high: ends of the 95 % interval, or None.
        count: of how many.
    """

    value: float
    spread: float | None = None
    low: float | None = None
    high: float | None = None
    count: int = 0

    def percent(self) -> str:
        """As percentage with its spread; "-" for NaN."""
        text = Figure(self.value).percent()
        return text if self.spread is None or math.isnan(self.value) else f"{text} ± {100 * self.spread:.1f}"

    def interval(self, *, signed: bool = True) -> str:
        """As percentage with its interval; "-" for NaN."""
        return Figure(self.value, self.low, self.high).percent(interval=True, signed=signed)

    @property
    def certain(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


def over_seeds(values: Sequence[float]) -> Estimate:
    """Mean, standard deviation and Student's interval of one figure by seed, or of its paired differences."""
    if len(values) < 2:
        return Estimate(values[0] if values else math.nan, count=len(values))
    mean, spread = statistics.fmean(values), statistics.stdev(values)
    reach = float(stdtrit(len(values) - 1, 0.975)) * spread / math.sqrt(len(values))
    return Estimate(mean, spread, mean - reach, mean + reach, len(values))


def over_subjects(differences: Mapping[int, Mapping[str, float]], *, resamples: int = 2000) -> Estimate:
    """Mean of differences with a bootstrap interval, the subjects of each seed drawn again.

    Args:
        differences: seed -> subject -> difference; subjects of different seeds are different people.
        resamples: how many times they are drawn.
    """
    groups = [np.array(list(one.values())) for one in differences.values() if one]
    if not groups:
        return Estimate(math.nan)
    rng = np.random.default_rng(0)
    value, count = statistics.fmean(float(one.mean()) for one in groups), sum(map(len, groups))
    if min(map(len, groups)) < 2:
        return Estimate(value, count=count)
    drawn = [one[rng.integers(len(one), size=(resamples, len(one)))].mean(axis=1) for one in groups]
    low, high = np.percentile(np.mean(drawn, axis=0), (2.5, 97.5))
    return Estimate(value, None, float(low), float(high), count)


def share_over_seeds(gains: Mapping[int, float], gaps: Mapping[int, float]) -> Estimate:
    """Mean gain as a share of the mean gap, with Student's interval of the gains about that share of their gaps.

    No interval where that of the gap reaches 0: the share may then be anything.

    Args:
        gains, gaps: by seed, for the seeds that both have.
    """
    seeds = sorted(set(gains) & set(gaps))
    gap = statistics.fmean(gaps[seed] for seed in seeds) if seeds else 0.0
    if gap <= 0:
        return Estimate(math.nan, count=len(seeds))
    share = statistics.fmean(gains[seed] for seed in seeds) / gap
    rest = over_seeds([(gains[seed] - share * gaps[seed]) / gap for seed in seeds])
    if rest.low is None or rest.high is None or not over_seeds([gaps[seed] for seed in seeds]).certain:
        return Estimate(share, count=len(seeds))
    return Estimate(share, rest.spread, share + rest.low, share + rest.high, len(seeds))


def share_over_subjects(
    gains: Mapping[int, Mapping[str, float]], gaps: Mapping[int, Mapping[str, float]], *, resamples: int = 2000
) -> Estimate:
    """As `share_over_seeds`, with a bootstrap interval, the subjects of each seed drawn again; none if gaps vanish.

    Args:
        gains, gaps: seed -> subject -> difference, of the same subjects.
        resamples: see `over_subjects`.
    """
    groups = [np.array([[gains[one][name], gaps[one][name]] for name in gains[one]]) for one in gains if gains[one]]
    mean = np.mean([one.mean(axis=0) for one in groups], axis=0) if groups else np.zeros(2)
    if mean[1] <= 0:
        return Estimate(math.nan)
    rng, value, count = np.random.default_rng(0), float(mean[0] / mean[1]), sum(map(len, groups))
    drawn = np.mean([one[rng.integers(len(one), size=(resamples, len(one)))].mean(axis=1) for one in groups], axis=0)
    if min(map(len, groups)) < 2 or (drawn[:, 1] <= 0).mean() > _VANISHING:
        return Estimate(value, count=count)
    gained, gap = drawn[drawn[:, 1] > 0].T
    low, high = np.percentile(gained / gap, (2.5, 97.5))
    return Estimate(value, None, float(low), float(high), count)


def paired(second: Mapping[int, float], first: Mapping[int, float]) -> dict[int, float]:
    """Differences second minus first, for the seeds that both have."""
    return {seed: second[seed] - first[seed] for seed in second if seed in first}

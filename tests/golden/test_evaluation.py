"""Pinned figures of a small set; a change needs a line under "Scientific changes" in the changelog."""

import pytest
from tests.oracles.evaluation import CASIA, toy_set

from walkprint.evaluation import Scoring, identify, identify_open_set, verify

EMBEDDINGS = toy_set(subjects=8, noise=1.2, seed=7)


@pytest.mark.parametrize(
    ("judge", "view", "probe_set", "name", "expected"),
    [
        (identify, "mean", "NM", "rank-1", (0.375, 0.229167, 0.541667)),
        (identify, "mean", "CL", "mAP", (0.548992, 0.432725, 0.657617)),
        (identify, "mean", "CL", "mINP", (0.44114, 0.344494, 0.535228)),
        (verify, "pooled", "NM", "EER", (0.290179, 0.233557, 0.34375)),
        (verify, "pooled", "CL", "TAR@FAR=5%", (0.291667, 0.18724, 0.37526)),
        (verify, "pooled", "CL", "TAR@FAR=1% (official)", (0.12, 0.04, 0.2105)),
        (identify_open_set, "pooled", "CL", "DIR@FAR=10%", (0.2375, 0.086137, 0.390921)),
    ],
)
def test_figures_and_intervals_stay(judge, view, probe_set, name, expected):
    figure = judge(EMBEDDINGS, CASIA, scoring=Scoring(resamples=200)).figure(probe_set, name, view)
    assert (figure.value, figure.low, figure.high) == pytest.approx(expected, abs=1e-6)

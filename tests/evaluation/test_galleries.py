"""A gallery of its own reaches every evaluation, and so does the leave to compare different networks."""

import dataclasses

import pytest
from tests.oracles.evaluation import CASIA, toy_set

from walkprint.core.errors import ProtocolError
from walkprint.evaluation import Scoring, identify, verify
from walkprint.evaluation.open_set import identify_open_set

PLAIN = Scoring(resamples=0)


@pytest.mark.parametrize("evaluate", [identify, verify, identify_open_set])
def test_gallery_of_another_network(evaluate):
    probes, gallery = toy_set(), dataclasses.replace(toy_set(noise=0.3, seed=1), source="other")
    with pytest.raises(ProtocolError, match="embed both with one network"):
        evaluate(probes, CASIA, gallery=gallery, scoring=PLAIN)
    found = evaluate(probes, CASIA, gallery=gallery, scoring=PLAIN, allow_different_sources=True).to_json()
    same = evaluate(probes, CASIA, gallery=dataclasses.replace(gallery, source=probes.source), scoring=PLAIN).to_json()
    assert found == same
    assert found != evaluate(probes, CASIA, scoring=PLAIN).to_json()

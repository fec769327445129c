"""Who misspells a name is told the one that he most likely meant."""

import pytest

from walkprint.core.spelling import did_you_mean


@pytest.mark.parametrize(
    ("written", "advice"),
    [("rian", "; did you mean rain?"), ("rain", ""), ("cl", ""), ("norml", "; did you mean normal?")],
)
def test_the_name_spelled_most_alike(written: str, advice: str) -> None:
    assert did_you_mean(written, ["normal", "rain"]) == advice

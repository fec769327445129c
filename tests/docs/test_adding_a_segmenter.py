"""The segmenter of docs/adding.md keeps every promise of tests/contracts/test_every_segmenter.py."""

import pytest
from tests.contracts.test_every_segmenter import *  # noqa: F403
from tests.docs.blocks import module


@pytest.fixture(scope="module")
def kind():
    return module("add-a-segmenter").Difference

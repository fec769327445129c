"""The network of docs/adding.md keeps every promise of tests/contracts/test_every_network.py."""

import pytest
from tests.contracts.test_every_network import *  # noqa: F403
from tests.docs.blocks import module


@pytest.fixture(scope="module")
def kind():
    return module("add-a-network").MeanSilhouette

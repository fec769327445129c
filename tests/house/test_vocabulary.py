"""The top of the package: few names, quick to import, all of them real."""

import subprocess
import sys

import pytest

import walkprint


def test_at_most_eighteen_names() -> None:
    assert 0 < len(walkprint.__all__) <= 18
    assert len(set(walkprint.__all__)) == len(walkprint.__all__)


@pytest.mark.parametrize("name", walkprint.__all__)
def test_every_name_is_real(name: str) -> None:
    assert getattr(walkprint, name).__name__ == name
    assert name in dir(walkprint)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Gait'"):
        walkprint.Gait  # noqa: B018


def test_importing_the_package_loads_no_heavy_library() -> None:
    code = "import sys, walkprint; print(sorted({'torch', 'numpy', 'cv2', 'numba', 'matplotlib'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

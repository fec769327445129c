"""Functions compiled by numba, cached on disk wherever there is a writable place."""

import atexit
import os
import shutil
import tempfile
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(**options: Any) -> Callable[[Function], Function]:
    """Compile a function with `numba.njit`; the machine code is cached.

    Where neither the package's folder nor the user's cache folder is writable, e.g. in a read-only container, the cache
    is a temporary folder of this process and those that it starts; without even that, nothing is cached.
    """

    def decorate(function: Function) -> Function:
        try:
            return cast("Function", numba.njit(cache=True, **options)(function))
        except RuntimeError:  # numba found no place for its cache
            pass
        try:
            _use_temporary_folder()
            return cast("Function", numba.njit(cache=True, **options)(function))
        except (OSError, RuntimeError):
            return cast("Function", numba.njit(**options)(function))

    return decorate


def _use_temporary_folder() -> None:
    # A folder of a fixed name could hold code that another user put there.
    folder = tempfile.mkdtemp(prefix="walkprint-numba-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["NUMBA_CACHE_DIR"] = folder
    vars(numba.config)["CACHE_DIR"] = folder

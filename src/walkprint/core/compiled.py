"""Functions compiled by numba, cached on disk wherever there is a writable place."""

import atexit
import functools
import os
import shutil
import tempfile
from collections.abc import Callable
from typing import Any, TypeVar, cast

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(**options: Any) -> Callable[[Function], Function]:
    """Compile a function with `numba.njit` when it is first called; the machine code is cached.

    Where neither the package's folder nor the user's cache folder is writable, e.g. in a read-only container, the cache
    is a temporary folder of this process and those that it starts; without even that, nothing is cached.
    """

    def decorate(function: Function) -> Function:
        return cast("Function", _Compiled(function, options))

    return decorate


class _Compiled:
    """Loads numba late, which takes longer than much of the work; compiled functions may call it, too."""

    def __init__(self, function: Callable[..., Any], options: dict[str, Any]) -> None:
        functools.update_wrapper(self, function)
        self._options = options

    @functools.cached_property
    def _dispatcher(self) -> Any:
        import numba

        try:
            return numba.njit(cache=True, **self._options)(self.__wrapped__)  # type: ignore[attr-defined]
        except RuntimeError:  # numba found no place for its cache
            pass
        try:
            _use_temporary_folder()
            return numba.njit(cache=True, **self._options)(self.__wrapped__)  # type: ignore[attr-defined]
        except (OSError, RuntimeError):
            return numba.njit(**self._options)(self.__wrapped__)  # type: ignore[attr-defined]

    def __call__(self, *arguments: Any) -> Any:
        return self._dispatcher(*arguments)

    @property
    def _numba_type_(self) -> Any:
        return self._dispatcher._numba_type_


def _use_temporary_folder() -> None:
    # A folder of a fixed name could hold code that another user put there.
    folder = tempfile.mkdtemp(prefix="walkprint-numba-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["NUMBA_CACHE_DIR"] = folder
    import numba

    vars(numba.config)["CACHE_DIR"] = folder

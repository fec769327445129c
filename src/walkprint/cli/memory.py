"""Let the process keep memory that it has freed: on CPUs, training runs up to 1.7 and embedding up to 3 times as fast.

A step frees its activations and asks for as much again; glibc hands such large blocks back to the system each time, and
the system then clears every page anew. This is a setting of the whole process, so it is the application's to make, not
the library's.
"""

import contextlib
import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # names of glibc's mallopt
_AT_LEAST_BYTES = 1 << 30


def keep_freed_memory() -> bool:
    """Hand back only blocks of a gigabyte and more; returns whether the system's allocator could be told so."""
    if not sys.platform.startswith("linux"):
        return False
    with contextlib.suppress(OSError, AttributeError):  # an allocator other than glibc's
        allocator = ctypes.CDLL(None)
        done = [allocator.mallopt(name, _AT_LEAST_BYTES) for name in (_MMAP_THRESHOLD, _TRIM_THRESHOLD)]
        return all(done)
    return False

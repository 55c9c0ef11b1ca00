"""Set glibc's memory allocator for workers."""

from __future__ import annotations

import contextlib
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Parameters of glibc's mallopt (malloc.h)."""
_KEPT = 128 * 2**20
_LARGEST = 32 * 2**20
"""The largest value that glibc takes."""


def keep_freed_memory() -> None:
    """Keep freed memory for the next image; by default glibc gives it back to the system after each one.

    The kernel would then have to clear every page anew: a fifth of the time of an image of 1280 x 1280.
    """
    if sys.platform != "linux":
        return
    import ctypes

    with contextlib.suppress(OSError, AttributeError):
        # musl and other C libraries have no mallopt
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_TRIM_THRESHOLD, _KEPT)
        mallopt(_MMAP_THRESHOLD, _LARGEST)

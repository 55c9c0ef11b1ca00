"""Compare what is read back from an output with what was meant."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from ..errors import VerificationError
from ..imaging.image import Pixels

_READERS_RAISE = (
    OSError, ValueError, TypeError, KeyError, IndexError, RuntimeError, SyntaxError, EOFError, struct.error,
    zlib.error,
)  # fmt: skip


def same_pixels(path: Path, meant: Pixels, found: Pixels) -> None:
    """Compare type, shape and every bit of two arrays, NaN and the sign of zero included.

    Raises:
        VerificationError: they differ; the sentence says where first.
    """
    if found.dtype != meant.dtype or found.shape != meant.shape:
        raise VerificationError(
            f"reads back as {found.dtype} {found.shape}, not {meant.dtype} {meant.shape}", subject=str(path)
        )
    meant_bits, found_bits = _bits(meant), _bits(found)
    if not np.array_equal(meant_bits, found_bits):
        place = np.unravel_index(int(np.argmax(meant_bits != found_bits)), meant.shape)
        where = ", ".join(str(int(part)) for part in place)
        raise VerificationError(
            f"the value at [{where}] reads back as {found[place]}, not {meant[place]}", subject=str(path)
        )


def _bits(values: Pixels) -> Pixels:
    return np.ascontiguousarray(values).reshape(-1).view(f"u{values.dtype.itemsize}")


@contextmanager
def reading_back(path: Path) -> Iterator[None]:
    """Turn exceptions of a reader on the file that was just written into VerificationError."""
    try:
        yield
    except VerificationError:
        raise
    except _READERS_RAISE as error:
        raise VerificationError(f"cannot be read back: {error}", subject=str(path)) from error

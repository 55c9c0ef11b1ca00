"""Load BMP by Pillow: bilevel, grey, palette and 24- or 32-bit colour."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import SourceError
from ...imaging.image import Pixels
from ..base import check_claim
from ..said import said_by
from ..signatures import BMP
from .page import BROKEN, PILLOW_FAILURES, Page, Pages, read_all, resolution

if TYPE_CHECKING:
    from ..options import Limits

_HEADERS = frozenset({12, 16, 40, 52, 56, 64, 108, 124})
_DTYPES = {"1": "bool", "L": "uint8", "P": "uint8", "RGB": "uint8", "RGBA": "uint8"}


def is_bmp(head: bytes) -> bool:
    """Recognise BMP by its two letters and the size of its header, since two letters alone say little."""
    return head.startswith(BMP) and len(head) >= 18 and int.from_bytes(head[14:18], "little") in _HEADERS


@contextmanager
def open_bmp(path: Path, limits: Limits) -> Iterator[Pages]:
    """Yield the one page. Raises: SourceError."""
    data = read_all(path, limits)
    yield Pages(1, lambda _: _page(data, path, limits))


def _page(data: bytes, path: Path, limits: Limits) -> Page:
    if int.from_bytes(data[14:18], "little") >= 40 and int.from_bytes(data[28:30], "little") == 16:
        raise SourceError(
            "is a BMP of 16 bits per pixel, whose 5-bit colours are not read", subject=str(path)
        )
    image = _opened(data, path)
    mode, (columns, rows) = image.mode, image.size
    if mode not in _DTYPES:
        raise SourceError(f"is a BMP of the kind {mode}, which is not read", subject=str(path))
    samples = {"P": 3, "RGB": 3, "RGBA": 4}.get(mode, 1)
    check_claim(path, limits, rows=rows, columns=columns, samples=samples)
    # Pillow invents no density: it is the header's pixels per metre, 0 where none is known
    density = image.info.get("dpi", (0, 0)) if "dpi" in image.info else (0, 0)
    across, down = (value or None for value in density)
    geometry, notes = resolution(across, down, 25.4, "pixels per metre")
    return Page(
        shape=(rows, columns) + ((samples,) if samples > 1 else ()),
        dtype=_DTYPES[mode],
        photometric="RGB" if samples > 1 else "MONOCHROME2",
        decode=lambda: _decode(data, path),
        alpha=mode == "RGBA",
        geometry=geometry,
        notes=notes,
    )


def _opened(data: bytes, path: Path) -> Any:
    from PIL import BmpImagePlugin

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return BmpImagePlugin.BmpImageFile(io.BytesIO(data))
    except PILLOW_FAILURES as error:
        raise SourceError(f"is a damaged BMP: {said_by(error, BROKEN)}", subject=str(path)) from None


def _decode(data: bytes, path: Path) -> Pixels:
    try:
        image = _opened(data, path)
        return np.asarray(image.convert("RGB") if image.mode == "P" else image)
    except PILLOW_FAILURES as error:
        raise SourceError(f"is a damaged BMP: {said_by(error, BROKEN)}", subject=str(path)) from None

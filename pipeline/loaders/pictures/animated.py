"""Load GIF and WebP by Pillow: each frame is a page as a viewer shows it.

Grey if its colours are, else RGB(A).

A frame that covers only a part of the picture is shown over the frame before it.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import SourceError
from ...imaging.image import Lossy, Pixels
from ..base import check_claim
from ..options import Limits
from ..said import said_by
from .exif import exif_resolution, read_exif
from .page import (
    BROKEN,
    PILLOW_FAILURES,
    Page,
    Pages,
    known_orientation,
    ratio,
    read_all,
    resolution,
    turned,
    turned_geometry,
    turned_shape,
)


def is_webp(head: bytes) -> bool:
    return head.startswith(b"RIFF") and head[8:12] == b"WEBP"


@contextmanager
def open_gif(path: Path, limits: Limits) -> Iterator[Pages]:
    """Yield the frames of a GIF as pages. Raises: SourceError."""
    data = read_all(path, limits)
    columns, rows = (int.from_bytes(data[at : at + 2], "little") for at in (6, 8))
    check_claim(path, limits, rows=rows, columns=columns, samples=4)
    if not data.rstrip(b"\0").endswith(b";"):
        raise SourceError("is a truncated GIF: its end mark is missing", subject=str(path))
    yield _pages(data, "GIF", path, limits, None)


@contextmanager
def open_webp(path: Path, limits: Limits) -> Iterator[Pages]:
    """Yield the frames of a WebP as pages. Raises: SourceError."""
    data = read_all(path, limits)
    claimed = int.from_bytes(data[4:8], "little") + 8
    if claimed > len(data):
        raise SourceError(f"is a truncated WebP: it has {len(data)} of {claimed} bytes", subject=str(path))
    yield _pages(data, "WEBP", path, limits, None if b"VP8L" in _kinds(data) else "WebP")


def _kinds(data: bytes) -> set[bytes]:
    """Return the four letters of each chunk at the top level, and of those within frames."""
    found, at = set(), 12
    while at + 8 <= len(data):
        kind, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        found.add(kind)
        if kind == b"ANMF":
            found.add(data[at + 24 : at + 28])
        at += 8 + length + length % 2
    return found


def _pages(data: bytes, kind: str, path: Path, limits: Limits, lossy: str | None) -> Pages:
    film = _Film(data, kind, path, limits)
    with _damaged(kind, path):
        count = int(getattr(film.image, "n_frames", 1))
    check_claim(path, limits, rows=1, columns=1, pages=count)
    return Pages(count, lambda index: _page(film, lossy, index))


class _Film:
    """The frames of a file, each drawn once where they are asked for in their order."""

    def __init__(self, data: bytes, kind: str, path: Path, limits: Limits) -> None:
        self.data, self.kind, self.path, self.limits = data, kind, path, limits
        with _damaged(kind, path):
            self.image = _opened(data, kind, path, limits)

    def frame(self, index: int) -> Any:
        """Return the picture as it is at a frame. Raises: whatever Pillow does on damaged bytes."""
        if index < self.image.tell():
            self.image = _opened(self.data, self.kind, self.path, self.limits)
        self.image.seek(index)
        return self.image


def _opened(data: bytes, kind: str, path: Path, limits: Limits) -> Any:
    from PIL import Image as Pillow

    image = Pillow.open(io.BytesIO(data), formats=[kind])
    check_claim(path, limits, rows=image.height, columns=image.width, samples=4)
    return image


def _page(film: _Film, lossy: str | None, index: int) -> Page:
    pixels = _frame(film, index)
    with _damaged(film.kind, film.path):
        properties = read_exif(film.image, film.path) if film.kind == "WEBP" else {}
    orientation, notes = known_orientation(properties.get("Orientation"))
    geometry, more = resolution(*exif_resolution(properties), "XResolution")
    return Page(
        shape=turned_shape(pixels.shape, orientation),
        dtype="uint8",
        photometric="RGB" if pixels.ndim == 3 else "MONOCHROME2",
        decode=lambda: turned(pixels, orientation),
        alpha=pixels.ndim == 3 and pixels.shape[2] == 4,
        geometry=turned_geometry(geometry, orientation),
        properties=properties,
        lossy=None if lossy is None else Lossy(lossy, ratio(pixels.size, len(film.data))),
        notes=notes + more,
    )


def _frame(film: _Film, index: int) -> Pixels:
    """Return (rows, columns) where all is grey and opaque, else 3 samples, or 4 where some is transparent."""
    with _damaged(film.kind, film.path):
        colours: Pixels = np.asarray(film.frame(index).convert("RGBA"))
    if not (colours[..., 3] == 255).all():
        return colours
    grey = (colours[..., 0] == colours[..., 1]).all() and (colours[..., 0] == colours[..., 2]).all()
    return colours[..., 0] if grey else colours[..., :3]


@contextmanager
def _damaged(kind: str, path: Path) -> Iterator[None]:
    from PIL.Image import DecompressionBombError

    name = "WebP" if kind == "WEBP" else kind
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except SourceError:
        raise
    except DecompressionBombError:  # Pillow makes a GIF's canvas larger where a frame lies outside of it
        raise SourceError(
            f"is a {name} that claims more pixels than Pillow reads", subject=str(path)
        ) from None
    except PILLOW_FAILURES as error:
        raise SourceError(f"is a damaged {name}: {said_by(error, BROKEN)}", subject=str(path)) from None

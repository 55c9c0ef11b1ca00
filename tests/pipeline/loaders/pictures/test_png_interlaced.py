"""Interlaced PNG, made by its specification, held to the samples that went in; libpng says nothing of it."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicombake.pipeline.errors import SourceError
from dicombake.pipeline.loaders.pictures.loader import load
from dicombake.schemas.recipe import Limits
from dicombake.schemas.sources import ImageSource

PASSES = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
PALETTE = np.random.default_rng(3).integers(0, 256, (256, 3), np.uint8)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def row_bytes(row: np.ndarray[Any, Any], depth: int) -> bytes:
    """A row of samples, packed from the highest bit on, behind the filter byte 0."""
    if depth == 16:
        return b"\0" + row.astype(">u2").tobytes()
    bits = (row.reshape(-1, 1) >> np.arange(depth - 1, -1, -1)) & 1
    return b"\0" + np.packbits(bits.astype(np.uint8)).tobytes()


def png(samples: np.ndarray[Any, Any], depth: int, colour: int, cut: int = 0) -> bytes:
    rows, columns = samples.shape[:2]
    parts = (samples[y::dy, x::dx] for y, x, dy, dx in PASSES)
    data = b"".join(row_bytes(row, depth) for part in parts if part.size for row in part)
    palette = chunk(b"PLTE", PALETTE[: 2**depth].tobytes()) if colour == 3 else b""
    start = struct.pack(">IIBBBBB", columns, rows, depth, colour, 0, 0, 1)
    pixels = zlib.compress(data[: len(data) - cut])
    body = chunk(b"IDAT", pixels[:9]) + chunk(b"IDAT", pixels[9:])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", start) + palette + body + chunk(b"IEND", b"")


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (3, 2), (11, 13)])
@pytest.mark.parametrize(
    ("depth", "colour"),
    [
        (1, 0),
        (2, 0),
        (4, 0),
        (8, 0),
        (16, 0),
        (8, 2),
        (16, 2),
        (1, 3),
        (4, 3),
        (8, 3),
        (16, 4),
        (8, 6),
        (16, 6),
    ],
)
def test_every_sample_is_where_it_was(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], shape: tuple[int, int], depth: int, colour: int
) -> None:
    count = SAMPLES[colour]
    whole = shape if count == 1 else (*shape, count)
    samples = np.random.default_rng(5).integers(0, 2**depth, whole, np.uint16)
    path = tmp_path / "a.png"
    path.write_bytes(png(samples, depth, colour))
    wanted = PALETTE[samples] if colour == 3 else samples[..., 0] if colour == 4 else samples
    (image,) = load(path, ImageSource(channel="luminance" if colour == 4 else "all"), Limits())
    assert np.array_equal(image.pixels, wanted)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("cut", [-1, 1, 100])
def test_other_numbers_of_bytes_are_refused(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "a.png"
    whole = png(np.ones((11, 13), np.uint16), 8, 0, max(cut, 0))
    if cut < 0:
        start = struct.pack(">IIBBBBB", 13, 10, 8, 0, 0, 0, 1)
        whole = whole[:8] + chunk(b"IHDR", start) + whole[33:]
    path.write_bytes(whole)
    with pytest.raises(SourceError, match="its pixels are fewer or more than it claims"):
        list(load(path, ImageSource(), Limits()))

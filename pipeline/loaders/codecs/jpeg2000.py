"""Read the header of a JPEG 2000 or HTJ2K codestream (ITU-T T.800 annex A) before it is decoded."""

from __future__ import annotations

import struct
from math import ceil

from msgspec import Struct

from .jpeg import CodestreamError, TruncatedError

START = b"\xff\x4f\xff\x51"
"""The markers SOC and SIZ."""
_SOT, _EOC, _COD, _CAP = b"\xff\x90", b"\xff\xd9", 0xFF52, 0xFF50
_MOST_TILES = 65535
"""The most tiles that Isot can count (T.800 A.4.2)."""
_MOST_BOXES = 4096


class Jpeg2000(Struct, frozen=True):
    """The main header. The codestream is ``data[start:end]``; boxes of a JP2 file may lie before it."""

    rows: int
    columns: int
    samples: int
    precision: int
    signed: bool
    subsampled: bool
    irreversible: bool
    """The 9-7 wavelet, which loses information."""
    transformed: bool
    """Whether its colours are coded as luminance and chrominance (T.800 annex G)."""
    high_throughput: bool
    """Whether it is HTJ2K (T.814), which a CAP marker says."""
    start: int
    end: int = 0


def read_jpeg2000(data: bytes) -> Jpeg2000:
    """Return the header, its tiles checked against the bytes of the stream.

    Raises:
        CodestreamError: for what is no such codestream; where tile-parts or the end marker are missing.
    """
    start = data.find(START, 0, _MOST_BOXES)
    if start < 0 or len(data) < start + 45:
        raise CodestreamError("it does not start as JPEG 2000")
    right, low, left, top, tile_width, tile_height, tile_left, tile_top, samples = struct.unpack_from(
        ">8IH", data, start + 8
    )
    if not (1 <= samples <= 16384 and tile_width and tile_height and right > left and low > top):
        raise CodestreamError("its header claims no image")
    tiles = ceil((right - tile_left) / tile_width) * ceil((low - tile_top) / tile_height)
    if not 1 <= tiles <= _MOST_TILES:
        raise CodestreamError(f"its header claims {tiles} tiles")
    depth = data[start + 42 : start + 42 + 3 * samples]
    if len(depth) < 3 * samples:
        raise TruncatedError("it ends within its header")
    tile, coding, high_throughput = _main_header(data, start + 2)
    end = _tile_parts(data, tile, tiles)
    return Jpeg2000(
        rows=low - top,
        columns=right - left,
        samples=samples,
        precision=max(part & 0x7F for part in depth[::3]) + 1,
        signed=bool(depth[0] & 0x80),
        subsampled=set(depth[1::3]) | set(depth[2::3]) != {1},
        irreversible=len(coding) > 9 and coding[9] == 0,
        transformed=len(coding) > 4 and coding[4] == 1,
        high_throughput=high_throughput,
        start=start,
        end=end,
    )


def _main_header(data: bytes, at: int) -> tuple[int, bytes, bool]:
    """Return where the first tile-part starts, what COD says (T.800 A.6.1), and whether there is CAP."""
    coding, high_throughput = b"", False
    while data[at : at + 2] != _SOT:
        if at + 4 > len(data) or data[at] != 0xFF:
            raise TruncatedError("its header leads to no tile")
        marker, length = struct.unpack_from(">HH", data, at)
        if marker == _COD:
            coding = data[at + 4 : at + 2 + length]
        high_throughput |= marker == _CAP
        at += 2 + max(length, 2)
    return at, coding, high_throughput


def _tile_parts(data: bytes, at: int, tiles: int) -> int:
    """Return the index after the end marker, by walking every tile-part.

    Psot is the length of a tile-part; 0 marks the last one.
    """
    found: set[int] = set()
    while data[at : at + 2] == _SOT and at + 12 <= len(data):
        index, length = struct.unpack_from(">HI", data, at + 4)
        found.add(index)
        stop = at + length if length else data.rfind(_EOC)
        if stop < at + 14:
            raise CodestreamError(f"tile {index} claims {length} bytes")
        at = stop
    if data[at : at + 2] != _EOC:
        raise TruncatedError("its tiles do not lead to its end marker")
    if len(found) != tiles or max(found) >= tiles:
        raise TruncatedError(f"it holds {len(found)} of {tiles} tiles")
    return at + 2

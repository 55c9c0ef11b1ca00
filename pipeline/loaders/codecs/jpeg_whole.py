"""Tell whether a JPEG has all the coded data that its picture needs; libjpeg invents what is missing.

Three things show it: a picture of some size takes at least so many bits; every coefficient of every component
is sent; and the decoded picture does not depend on what would follow the coded data (`continued`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import ceil

from .jpeg import (
    LOSSLESS,
    PROGRESSIVE,
    CodestreamError,
    Component,
    JpegHeader,
    JpegStream,
    Scan,
    TruncatedError,
)

_RESTART = re.compile(rb"\xff+([\xd0-\xd7])")
_ANY_RESTART = re.compile(rb"\xff[\xd0-\xd7]")
"""Finds out twenty times as fast that there is none."""
_MORE = bytes.fromhex("a55afe1fe3bc69d2") * 8
"""Bits that decode to something other than the zeros that a decoder appends at the end."""
_COEFFICIENTS = 64
MISSING = "coded data are missing before a marker or the end"
"""What is said where the picture depends on what would follow."""


def check_whole(data: bytes, stream: JpegStream) -> None:
    """Check the coded data against what the headers claim, before memory is taken.

    Raises: CodestreamError.
    """
    if stream.header.sof > LOSSLESS:
        return
    _check_parts(stream)
    for scan in stream.scans:
        needed = ceil(_fewest_bits(stream.header, scan) / 8)
        if scan.stop - scan.start < needed:
            raise CodestreamError(
                f"it has {scan.stop - scan.start} bytes of coded data, and {stream.header.rows} x "
                f"{stream.header.columns} pixels take {needed} at least"
            )
        _check_restarts(data, stream.header, scan)


def continued(data: bytes, stream: JpegStream) -> bytes:
    """Return the stream with more bits behind every piece of coded data.

    If the stream is complete it decodes to the same picture.
    """
    pieces, at = [], 0
    for scan in stream.scans:
        coded = data[scan.start : scan.stop]
        if _ANY_RESTART.search(coded):
            coded = _RESTART.sub(lambda found: _MORE + found[0], coded)
        pieces += [data[at : scan.start], coded, _MORE]
        at = scan.stop
    return b"".join([*pieces, data[at : stream.end]])


def _check_parts(stream: JpegStream) -> None:
    """Check that scans have every component, and of a progressive one every coefficient to its last bit.

    Raises: TruncatedError.
    """
    last = _COEFFICIENTS if stream.header.sof == PROGRESSIVE else 1
    open_bits = {(part.identifier, at): True for part in stream.header.parts for at in range(last)}
    for scan in stream.scans:
        for part in scan.components:
            for at in range(scan.first, scan.last + 1) if last > 1 else (0,):
                if scan.low == 0 or last == 1:
                    open_bits.pop((part, at), None)
    if open_bits:
        raise TruncatedError("scans that its picture needs are missing")


def _fewest_bits(header: JpegHeader, scan: Scan) -> int:
    """Return the least bits of a scan: two codes of one bit for each block.

    In a progressive scan of DC values it is one code, in other progressive scans none.
    """
    if header.sof == PROGRESSIVE:
        return sum(_blocks(header, scan)) if scan.first == 0 else 0
    return (1 if header.sof == LOSSLESS else 2) * sum(_blocks(header, scan))


def _blocks(header: JpegHeader, scan: Scan) -> Iterator[int]:
    """Yield the number of blocks of each component of a scan; of samples if lossless (T.81 A.1.1, A.2)."""
    for part in header.parts:
        if part.identifier in scan.components:
            yield _across(header, part) * _down(header, part)


def _across(header: JpegHeader, part: Component) -> int:
    most = max(other.across for other in header.parts)
    samples = ceil(header.columns * part.across / most)
    return samples if header.sof == LOSSLESS else ceil(samples / 8)


def _down(header: JpegHeader, part: Component) -> int:
    most = max(other.down for other in header.parts)
    samples = ceil(header.rows * part.down / most)
    return samples if header.sof == LOSSLESS else ceil(samples / 8)


def _check_restarts(data: bytes, header: JpegHeader, scan: Scan) -> None:
    """Check that the markers between intervals count from 0 to 7 again and again, and none is missing."""
    if not scan.interval:
        return
    found = [int(each[0]) & 7 for each in _RESTART.findall(data, scan.start, scan.stop)]
    needed = ceil(_units(header, scan) / scan.interval) - 1
    if len(found) not in (needed, needed + 1) or any(number != at & 7 for at, number in enumerate(found)):
        raise CodestreamError(f"it has {len(found)} restart markers in order where {needed} are needed")


def _units(header: JpegHeader, scan: Scan) -> int:
    """Return the number of MCUs of a scan (T.81 A.2)."""
    if len(scan.components) == 1:
        return sum(_blocks(header, scan))
    size = 1 if header.sof == LOSSLESS else 8
    across = max(part.across for part in header.parts)
    down = max(part.down for part in header.parts)
    return ceil(header.columns / (size * across)) * ceil(header.rows / (size * down))

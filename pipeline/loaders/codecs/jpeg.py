"""Read the markers of a JPEG or JPEG-LS stream (ITU-T T.81 annex B, T.87 annex C) before it is decoded.

Decoders fill what is missing with grey, and take as much memory as a header claims. So what the stream claims
is checked here against its own bytes.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from msgspec import Struct

SOI = b"\xff\xd8"
EOI = 0xD9
LOSSLESS = 3
"""The SOF of lossless Huffman coding."""
JPEG_LS = 0x37
"""The SOF number of JPEG-LS, counted from SOF0 as the others are."""
PROGRESSIVE = 2

_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})
_SCAN, _RESTART_INTERVAL, _FILL = 0xDA, 0xDD, 0xFF
_AFTER_SCAN = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
"""In Huffman codes a byte FF is followed by 00 (T.81 B.1.1.5), and RST0 to RST7 belong to the scan.

Further bytes FF may stand in front. A pattern for them takes twenty times as long.
"""
_AFTER_SCAN_LS = re.compile(rb"\xff[\x80-\xcf\xd8-\xfe]")
"""In JPEG-LS a byte FF is followed by a bit 0 (T.87 A.1)."""
_MOST_SCANS = 100
"""Half a megabyte holds 3,000 scans of a picture of 8,000 x 8,000, which take a decoder minutes."""


_BESIDES = {
    (0xE1, b"Exif"): "EXIF",
    (0xE1, b"http://ns.adobe.com/xap/1.0/"): "XMP",
    (0xED, b"Photoshop 3.0"): "Photoshop's and IPTC's data",
    (0xFE, b""): "a comment",
}
"""Segments that say something of the picture, by marker and by what stands before their first zero byte."""


class CodestreamError(ValueError):
    """Damaged or unknown bytes in place of a codestream; the message is a clause about ``it``."""


class TruncatedError(CodestreamError):
    """Coded data are missing at the end, or where a piece of them ends."""


class Component(Struct, frozen=True):
    """One of the frame header's components."""

    identifier: int
    across: int
    """Sampling factors (T.81 A.1.1)."""
    down: int


class JpegHeader(Struct, frozen=True):
    """The frame header, and what application segments before it say."""

    sof: int
    """0 baseline, 1 extended, 2 progressive, 3 lossless; `JPEG_LS`."""
    precision: int
    rows: int
    columns: int
    parts: tuple[Component, ...]
    density: tuple[int, int, int] | None = None
    """JFIF: unit (0 none, 1 inch, 2 cm), across, down."""
    adobe_transform: int | None = None
    """ColorTransform of an APP14 marker: 0, the samples are not converted; 1, they are YCbCr."""
    jfif: bool = False

    @property
    def components(self) -> int:
        return len(self.parts)


class Scan(Struct, frozen=True):
    """One scan: its header (T.81 B.2.3), and where its coded data lie."""

    components: tuple[int, ...]
    """Identifiers."""
    first: int
    """Spectral selection; lossless: the predictor."""
    last: int
    high: int
    """Successive approximation."""
    low: int
    interval: int
    """MCUs between restart markers; 0: none."""
    start: int
    stop: int


class JpegStream(Struct, frozen=True):
    """A complete stream; `end` is the index of the byte after its end marker."""

    header: JpegHeader
    scans: tuple[Scan, ...]
    end: int
    besides: tuple[str, ...] = ()
    """What it holds besides the picture, by name: EXIF, a comment."""


def read_jpeg_header(data: bytes) -> JpegHeader:
    """Return the frame header. Raises: CodestreamError."""
    return _Walk(data).header()


def read_jpeg(data: bytes) -> JpegStream:
    """Return the whole stream, marker by marker. Raises: CodestreamError, also where it is cut off."""
    walk = _Walk(data)
    header = walk.header()
    return JpegStream(header, tuple(walk.scans(header)), walk.at, tuple(walk.besides))


@dataclass(slots=True)
class _Walk:
    """A walk along the markers: its position, and what holds for all that follows."""

    data: bytes
    at: int = 2
    interval: int = 0
    density: tuple[int, int, int] | None = None
    adobe_transform: int | None = None
    jfif: bool = False
    besides: dict[str, None] = field(default_factory=dict)

    def header(self) -> JpegHeader:
        if not self.data.startswith(SOI):
            raise CodestreamError("it does not start with a JPEG's marker")
        while True:
            marker = self._marker()
            if marker in _ALONE:
                continue
            if marker in (_SCAN, EOI):
                raise CodestreamError("it has no frame header before its first scan")
            body = self._segment(marker)
            if marker in _FRAMES:
                return self._frame(marker, body)

    def scans(self, header: JpegHeader) -> Iterator[Scan]:
        """Yield each scan up to the end marker; a decoder goes through the whole picture for each."""
        count = 0
        while (marker := self._marker()) != EOI:
            if marker in _ALONE:
                continue
            body = self._segment(marker)
            if marker in _FRAMES:
                raise CodestreamError("it has two frame headers")
            if marker == _SCAN:
                count += 1
                if count > _MOST_SCANS:
                    raise CodestreamError(
                        f"it has more than {_MOST_SCANS} scans, where encoders write some ten"
                    )
                yield self._scan(header, body)

    def _marker(self) -> int:
        """Return the next marker; skip fill bytes."""
        start, data = self.at, self.data
        if data[start : start + 1] not in (b"\xff", b""):
            raise CodestreamError(f"there is no marker at byte {start}")
        while data[self.at : self.at + 1] == b"\xff":
            self.at += 1
        if self.at >= len(data):
            raise TruncatedError("its end marker is missing")
        self.at += 1
        return data[self.at - 1]

    def _segment(self, marker: int) -> bytes:
        """Return the body of a marker's segment, and keep segments that describe the whole picture."""
        length = int.from_bytes(self.data[self.at : self.at + 2], "big")
        body = self.data[self.at + 2 : self.at + length]
        if length < 2 or len(body) != length - 2:
            raise CodestreamError(f"its marker {marker:02X} at byte {self.at} does not fit the file")
        self.at += length
        if marker == 0xE0 and body.startswith(b"JFIF"):
            self.jfif = True
            self.density = struct.unpack(">BHH", body[7:12]) if len(body) >= 12 else None
        elif marker == 0xEE and body.startswith(b"Adobe") and len(body) >= 12:
            self.adobe_transform = body[11]
        elif named := _BESIDES.get((marker, body.partition(b"\0")[0])) or _BESIDES.get((marker, b"")):
            self.besides[named] = None
        elif marker == _RESTART_INTERVAL and len(body) >= 2:
            self.interval = int.from_bytes(body[:2], "big")
        return body

    def _frame(self, marker: int, body: bytes) -> JpegHeader:
        if len(body) < 6 or len(body) < 6 + 3 * body[5]:
            raise CodestreamError("its frame header is too short")
        precision, rows, columns, count = struct.unpack(">BHHB", body[:6])
        parts = tuple(
            Component(body[at], body[at + 1] >> 4, body[at + 1] & 15) for at in range(6, 6 + 3 * count, 3)
        )
        if not all(1 <= part.across <= 4 and 1 <= part.down <= 4 for part in parts):
            raise CodestreamError("its frame header has a sampling factor that is none of 1 to 4")
        return JpegHeader(
            marker - 0xC0, precision, rows, columns, parts, self.density, self.adobe_transform, self.jfif
        )

    def _scan(self, header: JpegHeader, body: bytes) -> Scan:
        count = body[0] if body else 0
        if not 1 <= count <= 4 or len(body) != 4 + 2 * count:
            raise CodestreamError("it has a broken scan header")
        chosen = tuple(body[1 : 1 + 2 * count : 2])
        if len(set(chosen)) < count or not {part.identifier for part in header.parts}.issuperset(chosen):
            raise CodestreamError("it has a scan of components that its frame header does not name")
        first, last, bits = body[-3:]
        ends = (_AFTER_SCAN_LS if header.sof == JPEG_LS else _AFTER_SCAN).search(self.data, self.at)
        if ends is None:
            raise TruncatedError("its end marker is missing")
        start, self.at = self.at, ends.start()
        while self.at > start and self.data[self.at - 1] == _FILL:
            self.at -= 1
        return Scan(chosen, first, last, bits >> 4, bits & 15, self.interval, start, self.at)

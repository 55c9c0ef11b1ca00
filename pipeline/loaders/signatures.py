"""The bytes that files of each kind begin with, and what people call such a file."""

from __future__ import annotations

from collections.abc import Mapping

JPEG = b"\xff\xd8\xff"
PNG = b"\x89PNG\r\n\x1a\n"
TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""Of either byte order; the last two are BigTIFF."""
GIF = (b"GIF87a", b"GIF89a")
BMP = b"BM"
XIM = b"\0VMS.XI\0"
NPY = b"\x93NUMPY"
ZIP = b"PK\x03\x04"
PDF = b"%PDF"

_NAMES: Mapping[bytes, str] = {
    JPEG: "a JPEG picture",
    PNG: "a PNG picture",
    **dict.fromkeys(TIFF, "a TIFF picture"),
    **dict.fromkeys(GIF, "a GIF picture"),
    BMP: "a BMP picture",
    XIM: "a XIM image",
    NPY: "a numpy array",
    ZIP: "a zip archive",
    PDF: "a PDF document",
}


def other_than_dicom(head: bytes) -> str:
    """Return what a file without a preamble is, by its first bytes; empty where these may be DICOM's.

    DICOM begins with a tag of group 0002 or 0008 then, and none of these does.
    """
    return next((name for start, name in _NAMES.items() if head.startswith(start)), "")

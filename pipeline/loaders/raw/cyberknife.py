"""Load CyberKnife ``.raw``: an ASCII header, then pixels that reach to the end of the file.

No real file was available; this follows pylinac: the first 20 bytes hold ``<token> <width> <height>``
separated by blanks, and the pixels are the last width x height x itemsize bytes. Rows are the height. What
lies before the pixels must be text that ends with a blank or a line end, and no text with a blank may follow
it: a file that is cut or too long would otherwise give a shifted picture. Where padding makes that uncertain
the recipe gives `header_bytes`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from ...errors import Note, SourceError
from ...imaging.image import Image, SourceFile
from ...imaging.probe import Probe
from ..base import Drafted, Loader, check_claim
from ..files import head_of
from ..flat import check_flat, file_dtype, read_flat, size_of
from ..options import CyberKnifeRawOptions

if TYPE_CHECKING:
    from ..options import Limits

_HEAD = 20
_LONGEST_HEADER = 4096
_LOOK = 64
_ENDS = frozenset(b" \t\r\n")
_TEXT = frozenset(range(0x20, 0x7F)) | _ENDS
_FIRST_WORDS = re.compile(rb"\s*([\x21-\x7e]+)[ \t\r\n]+(\d{1,6})[ \t\r\n]+(\d{1,6})(?=[ \t\r\n])")


class _Layout(Struct, frozen=True):
    """The shape of the pixels, (rows, columns), and the byte where they start."""

    shape: tuple[int, int]
    offset: int
    properties: Mapping[str, Any]
    notes: tuple[Note, ...] = ()


def load(
    path: Path, source: CyberKnifeRawOptions, limits: Limits, pages: range | None = None
) -> Iterator[Image]:
    """Yield the one image. Raises: SourceError."""
    if pages is not None and 0 not in pages:
        return
    layout = _layout(path, source, limits)
    dtype = file_dtype(source.dtype, source.byte_order)
    yield Image(
        pixels=read_flat(path, limits, layout.shape, dtype, layout.offset),
        sources=(SourceFile(path, "cyberknife-raw", layout.properties),),
        notes=layout.notes,
    )


def probe(path: Path, source: CyberKnifeRawOptions, limits: Limits) -> Probe:
    """Return the shape of the recipe or the header. Raises: SourceError."""
    layout = _layout(path, source, limits)
    check_flat(path, limits, layout.shape, file_dtype(source.dtype, source.byte_order), layout.offset)
    return Probe("cyberknife-raw", layout.shape, source.dtype, 1, properties=layout.properties)


def _layout(path: Path, source: CyberKnifeRawOptions, limits: Limits) -> _Layout:
    found = _FIRST_WORDS.match(head_of(path, _HEAD))
    if found is None:
        if source.shape is not None:
            # without a header the file's size must be that of the pixels
            return _Layout(source.shape, source.header_bytes or 0, {})
        raise SourceError(
            "is no CyberKnife raw file: its first 20 bytes hold no token, width and height",
            subject=str(path),
            hint="give 'shape' for a file without a header, or use the source format raw",
        )
    header = int(found[3]), int(found[2])
    shape = source.shape or header
    check_claim(path, limits, rows=shape[0], columns=shape[1])
    offset = _offset(path, shape, source, found.end())
    properties = {"HeaderToken": found[1].decode("ascii"), "Width": header[1], "Height": header[0]}
    notes = (_other_shape(header, shape),) if shape != header else ()
    return _Layout(shape, offset, properties, notes)


def _offset(path: Path, shape: tuple[int, int], source: CyberKnifeRawOptions, least: int) -> int:
    """Return where the last rows x columns pixels start, after a header of at least `least` bytes.

    Raises: SourceError.
    """
    size = size_of(path)
    pixels = shape[0] * shape[1] * file_dtype(source.dtype, source.byte_order).itemsize
    if source.header_bytes is not None:
        return source.header_bytes  # the file's size is checked when the pixels are read
    if least < size - pixels <= _LONGEST_HEADER:
        _check_header(path, size - pixels)
        return size - pixels
    said = "the recipe" if source.shape else "its header"
    raise SourceError(
        f"has {size} bytes, but {said} says {shape[0]} rows x {shape[1]} columns of {source.dtype}, which "
        f"are {pixels} after a header of {least + 1} to {_LONGEST_HEADER} bytes",
        subject=str(path),
        hint="the file is truncated, or 'dtype' or 'shape' is not its own",
    )


def _check_header(path: Path, length: int) -> None:
    """Check that the header is text up to a blank or a line end; if not, its pixels start elsewhere."""
    head = head_of(path, length + _LOOK)
    header, after = head[:length], head[length:]
    if not (set(header) <= _TEXT and header[-1] in _ENDS):
        raise SourceError(
            f"has {length} bytes before its last pixels, which are no text header that ends there",
            subject=str(path),
            hint="the file is truncated, or 'dtype' or 'shape' is not its own; 'header_bytes' says where a "
            "header ends that is padded",
        )
    text = after[: next((at for at, byte in enumerate(after) if byte not in _TEXT), len(after))]
    if set(text) & _ENDS:
        raise SourceError(
            f"has {length} bytes before its last pixels, and its header may be longer: it is truncated, "
            "or its first pixels look like text",
            subject=str(path),
            hint="if the file is whole, say where its header ends with 'header_bytes'",
        )


def _other_shape(header: tuple[int, int], shape: tuple[int, int]) -> Note:
    text = (
        f"the header says {header[0]} rows and {header[1]} columns, the recipe {shape[0]} and {shape[1]}; "
        "the recipe's are used"
    )
    return Note("shape-differs", text, contradiction=True)


def drafted(path: Path, limits: Limits) -> Drafted | None:
    """Recognise a file that begins with a header.

    Raises: SourceError, where its pixels do not fit the header.
    """
    if _FIRST_WORDS.match(head_of(path, _HEAD)) is None:
        return None
    return Drafted("cyberknife-raw", probe(path, CyberKnifeRawOptions(), limits))


LOADER = Loader(load, probe, drafted=drafted)

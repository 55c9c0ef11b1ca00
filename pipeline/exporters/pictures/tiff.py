"""Write TIFF: the values exactly, of every type, with the resolution; several images are several pages."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import tifffile

from ...errors import ExportError, Note, VerificationError
from ...imaging.image import Image, Pixels
from ...output import Artifact, Context
from ..base import Exporter
from ..compare import reading_back, same_pixels
from .contents import tiff_contents
from .resolution import Resolution, resolution

if TYPE_CHECKING:
    from ..options import PlainOptions

_PHOTOMETRIC = {"MONOCHROME1": "miniswhite", "MONOCHROME2": "minisblack", "RGB": "rgb", "RGBA": "rgb"}
_UNITS = {"inch": "INCH", "centimetre": "CENTIMETER"}
_CLASSIC_BYTES = 2**32 - 2**20
_PAGE_OVERHEAD = 1024


def export(images: Sequence[Image], options: PlainOptions, context: Context) -> Artifact:
    """Return images as the pages of one TIFF, uncompressed, little endian, one strip; BigTIFF above 4 GB.

    MONOCHROME1 becomes photometric 0 (white is zero), its values unchanged. bool is written as 0 and 1. The
    resolution is a fraction that gives the spacing back; no date, no software, no description.

    Raises:
        ExportError: no image.
    """
    if not images:
        raise ExportError("there is no image to write")
    pages = [_page(image) for image in images]
    scales = [resolution(image.geometry.spacing) for image in images]
    buffer = io.BytesIO()
    size = sum(page.nbytes + _PAGE_OVERHEAD for page in pages)
    with tifffile.TiffWriter(buffer, bigtiff=size > _CLASSIC_BYTES, byteorder="<") as writer:
        for image, page, scale in zip(images, pages, scales, strict=True):
            writer.write(
                page,
                photometric=_PHOTOMETRIC[image.photometric],
                extrasamples=["unassalpha"] if image.photometric == "RGBA" else None,
                planarconfig="contig" if page.ndim == 3 else None,
                resolution=(scale.x, scale.y) if scale else None,
                resolutionunit=_UNITS[scale.unit] if scale else None,
                metadata=None,
                software=False,
            )

    def check(path: Path) -> None:
        _check(path, pages, scales)

    # a copy: Python 3.13 reports an ignored error where a view and its buffer are freed together
    return Artifact((buffer.getvalue(),), check, _notes(images))


def _page(image: Image) -> Pixels:
    return image.pixels.astype(np.uint8) if image.pixels.dtype == bool else image.pixels


def _notes(images: Sequence[Image]) -> tuple[Note, ...]:
    notes = []
    if any(image.pixels.dtype == bool for image in images):
        notes.append(Note("bool-as-uint8", "bool is written as uint8, 0 and 1"))
    if any(image.geometry.spacing and not resolution(image.geometry.spacing) for image in images):
        notes.append(Note("resolution-left-out", "a TIFF cannot say a spacing of this size"))
    return tuple(notes)


def _check(path: Path, pages: Sequence[Pixels], scales: Sequence[Resolution | None]) -> None:
    """Check that libtiff gives the pixels back, and tifffile the number of pages and the resolution."""
    import imagecodecs

    with reading_back(path):
        with tifffile.TiffFile(path) as file:
            tags = [page.aspage().tags for page in file.pages]
            said = [(tag.valueof("XResolution"), tag.valueof("YResolution")) for tag in tags]
        written = path.read_bytes()
    if len(said) != len(pages):
        raise VerificationError(f"reads back with {len(said)} pages, not {len(pages)}", subject=str(path))
    for index, (page, scale) in enumerate(zip(pages, scales, strict=True)):
        with reading_back(path):
            found = imagecodecs.tiff_decode(written, index=index)
        same_pixels(path, page, found)
        if scale and said[index] != (scale.x, scale.y):
            raise VerificationError("its resolution reads back differently", subject=str(path))


EXPORTER = Exporter(export, tiff_contents)

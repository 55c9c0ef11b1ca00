"""Write PNG: the values exactly in 8 or 16 bits, or a window at 8 bits; the source's properties as text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...errors import ExportError, Note, VerificationError
from ...imaging.image import Image, Pixels
from ...imaging.tolerances import DECIMAL_STRING
from ...output import Artifact, Context
from ..base import Exporter, only
from ..compare import reading_back, same_pixels
from .contents import png_contents
from .png_file import LARGEST, encode_png
from .resolution import per_metre
from .text import text_entries
from .window import picture

if TYPE_CHECKING:
    from ..options import PngOptions


def export(images: Sequence[Image], options: PngOptions, context: Context) -> Artifact:
    """Return one image as a PNG, grey or colour.

    Without `window` values are written unchanged: bool (as 0 and 1) and 8-bit types in 8 bits, all else in
    16. MONOCHROME1 values are then kept too, and a note says so. With a window, 8-bit levels are written. The
    spacing goes into pHYs in whole pixels per metre where that is right to 0.1 %.

    Raises:
        ExportError: without `window`, values that are not whole or leave 0 to 65535; more than one image;
            more than 2^31 - 1 rows or columns.
    """
    image = only(images, "PNG")
    if max(image.rows, image.columns) > LARGEST:
        raise ExportError(f"{image.rows} x {image.columns} pixels are more than a PNG holds")
    if options.window is None:
        pixels, notes = _exactly(image)
    else:
        shown = picture(image, options.window)
        pixels, notes = shown.levels, shown.notes
    spacing = image.geometry.spacing
    scale = per_metre(spacing) if spacing else None
    if spacing and scale is None:
        notes = (*notes, Note("resolution-left-out", f"a PNG cannot say a spacing of {spacing} mm"))
    texts = text_entries(image) if options.metadata else ()

    def check(path: Path) -> None:
        _check(path, pixels, scale, texts)

    return Artifact(encode_png(pixels, per_metre=scale, texts=texts), check, notes)


def _exactly(image: Image) -> tuple[Pixels, tuple[Note, ...]]:
    values = image.pixels
    notes: tuple[Note, ...] = ()
    if image.photometric == "MONOCHROME1":
        notes = (
            Note(
                "polarity",
                "values are kept as they are and low ones are meant to be bright (MONOCHROME1); "
                "'window' makes a picture that shows them so",
                contradiction=True,
            ),
        )
    if values.dtype == bool:
        return values.astype(np.uint8), notes
    if values.dtype in (np.uint8, np.uint16):
        return values, notes
    low, high = values.min().item(), values.max().item()
    kind = f"{low} to {high}, {values.dtype}"
    if not (low >= 0 and high <= 65535):
        raise ExportError(
            f"its values ({kind}) do not fit into the 16 bits of a PNG",
            hint="give 'window: full', 'auto' or [low, high]",
        )
    if values.dtype.kind == "f" and not np.array_equal(np.floor(values), values):
        raise ExportError(
            f"its values ({kind}) are not whole numbers, as a PNG needs them",
            hint="give 'window: full', 'auto' or [low, high]",
        )
    return values.astype(np.uint8 if values.dtype == np.int8 else np.uint16), notes


def _check(
    path: Path, pixels: Pixels, scale: tuple[int, int] | None, texts: Sequence[tuple[str, str]]
) -> None:
    """Check that libpng gives the pixels back, and Pillow the texts and the resolution."""
    import imagecodecs
    from PIL.PngImagePlugin import PngImageFile

    with reading_back(path):
        found = imagecodecs.png_decode(path.read_bytes())
        with PngImageFile(path) as file:
            said, dpi = dict(file.text), file.info.get("dpi")
    same_pixels(path, pixels, found.reshape(pixels.shape) if found.size == pixels.size else found)
    if said != dict(texts):
        raise VerificationError("its text entries read back differently", subject=str(path))
    meant = tuple(number * 0.0254 for number in scale) if scale else None
    if dpi != meant and (dpi is None or meant is None or not np.allclose(dpi, meant, rtol=DECIMAL_STRING)):
        raise VerificationError(f"its resolution reads back as {dpi} dpi, not {meant}", subject=str(path))


EXPORTER = Exporter(export, png_contents)

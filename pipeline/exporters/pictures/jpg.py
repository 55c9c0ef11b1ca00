"""Write JPEG: a lossy picture, 8 bits, grey or colour, no chroma subsampling."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image as PillowImage
from PIL.JpegImagePlugin import JpegImageFile
from PIL.TiffImagePlugin import IFDRational

from ...errors import ExportError, Note, VerificationError
from ...imaging.image import Image, Pixels
from ...output import Artifact, Context
from ..base import Exporter, only
from ..compare import reading_back
from .contents import jpg_contents
from .resolution import Resolution, resolution, whole_dpi
from .window import picture

if TYPE_CHECKING:
    from ..options import JpgOptions

LARGEST = 65500
"""libjpeg's bound on rows and columns."""

_X_RESOLUTION, _Y_RESOLUTION, _RESOLUTION_UNIT = 282, 283, 296
_UNITS = {"inch": 2, "centimetre": 3}
_BLOCK = 8


def export(images: Sequence[Image], options: JpgOptions, context: Context) -> Artifact:
    """Return one image as a baseline JPEG of its 8-bit levels, colour as 4:4:4.

    The spacing goes into Exif as exact fractions, and into JFIF where whole dots per inch are right to 0.1 %.

    Raises:
        ExportError: transparency, more than 65500 rows or columns, more than one image, no finite value.
    """
    image = only(images, "JPEG")
    if max(image.rows, image.columns) > LARGEST:
        raise ExportError(f"{image.rows} x {image.columns} pixels are more than a JPEG holds ({LARGEST})")
    shown = picture(image, options.window)
    levels, notes = _opaque(shown.levels, shown.notes)
    exact = resolution(image.geometry.spacing)
    dots = whole_dpi(image.geometry.spacing) if image.geometry.spacing else None
    buffer = io.BytesIO()
    PillowImage.fromarray(levels).save(
        buffer,
        "JPEG",
        quality=options.quality,
        subsampling=0,
        dpi=dots or (0, 0),
        exif=_exif(exact) if exact else b"",
    )
    encoded = buffer.getvalue()

    def check(path: Path) -> None:
        _check(path, levels, encoded, exact)

    return Artifact((encoded,), check, notes)


def _opaque(levels: Pixels, notes: tuple[Note, ...]) -> tuple[Pixels, tuple[Note, ...]]:
    if levels.ndim != 3 or levels.shape[2] != 4:
        return np.ascontiguousarray(levels), notes
    if levels[..., 3].min() < 255:
        raise ExportError("a JPEG holds no transparency", hint="write a PNG, or pick a 'channel'")
    note = Note("alpha-dropped", "the alpha channel is opaque everywhere and was left out")
    return np.ascontiguousarray(levels[..., :3]), (*notes, note)


def _exif(exact: Resolution) -> PillowImage.Exif:
    exif = PillowImage.Exif()
    exif[_X_RESOLUTION] = IFDRational(*exact.x)
    exif[_Y_RESOLUTION] = IFDRational(*exact.y)
    exif[_RESOLUTION_UNIT] = _UNITS[exact.unit]
    return exif


def _check(path: Path, levels: Pixels, encoded: bytes, exact: Resolution | None) -> None:
    """Check that the bytes are the encoder's, and that another decoder finds the levels within its error."""
    import imagecodecs

    with reading_back(path):
        written = path.read_bytes()
        found = imagecodecs.jpeg8_decode(written)
        with JpegImageFile(path) as file:
            tables, layers, exif = file.quantization, file.layer, file.getexif()
    if written != encoded:
        raise VerificationError("the bytes on the disk are not those that were written", subject=str(path))
    if found.shape != levels.shape:
        raise VerificationError(f"reads back as {found.shape}, not {levels.shape}", subject=str(path))
    bound = _largest_error(levels.shape, [tables[layer[3]] for layer in layers])
    error = _root_mean_square(levels, found)
    if error > bound:
        raise VerificationError(
            f"differs from its levels by {error:.2f} (root mean square), more than its quality allows "
            f"({bound:.2f})",
            subject=str(path),
        )
    if exact and (exif.get(_X_RESOLUTION), exif.get(_Y_RESOLUTION)) != (
        IFDRational(*exact.x),
        IFDRational(*exact.y),
    ):
        raise VerificationError("its resolution reads back differently", subject=str(path))


def _root_mean_square(levels: Pixels, found: Pixels) -> float:
    """Return the largest of the channels' root mean square errors."""
    channels = levels.reshape(*levels.shape[:2], -1), found.reshape(*found.shape[:2], -1)
    errors = []
    for channel in range(channels[0].shape[2]):
        difference = np.subtract(channels[0][..., channel], channels[1][..., channel], dtype=np.float32)
        errors.append(math.sqrt(float(np.mean(np.square(difference), dtype=np.float64))))
    return max(errors)


def _largest_error(shape: tuple[int, ...], tables: Sequence[Sequence[int]]) -> float:
    """Return a bound on the root mean square error that quantization can make.

    Half a step in each coefficient (Parseval), with 1.5 levels for rounding on the way; through YCbCr for
    colour (ITU-T T.871).
    """
    padded = math.prod(-(-size // _BLOCK) * _BLOCK for size in shape[:2]) / math.prod(shape[:2])
    steps = [0.5 * math.sqrt(sum(q * q for q in table) / len(table)) for table in tables]
    luma, blue, red = (*steps, 0.0, 0.0)[:3]
    worst = luma + max(1.402 * red, 0.344136 * blue + 0.714136 * red, 1.772 * blue)
    return (worst + 1.5) * math.sqrt(padded)


EXPORTER = Exporter(export, jpg_contents)

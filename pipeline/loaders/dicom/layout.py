"""Check what a DICOM dataset claims of its pixels against itself and the limits, before memory is taken."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import Struct

from ...errors import Note, SourceError
from ..base import check_claim

if TYPE_CHECKING:
    from pydicom import Dataset

    from ..options import Limits

JPEG = ("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51")
JPEG_LOSSLESS = ("1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70")
JPEG_LS = ("1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81")
JPEG_2000 = ("1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91")
HTJ2K = ("1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.202", "1.2.840.10008.1.2.4.203")
RLE = "1.2.840.10008.1.2.5"

COMPRESSED = frozenset((*JPEG, *JPEG_LOSSLESS, *JPEG_LS, *JPEG_2000, *HTJ2K, RLE))
PLAIN = frozenset(
    ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99")
)
"""Transfer syntaxes whose pixels are not compressed."""
KEYWORDS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")


class Layout(Struct, frozen=True):
    """The attributes of the Image Pixel module that describe the pixels (PS3.3 C.7.6.3)."""

    keyword: str
    syntax: str
    rows: int
    columns: int
    samples: int
    frames: int
    photometric: str
    allocated: int
    stored: int
    high: int
    signed: bool

    @property
    def compressed(self) -> bool:
        return self.syntax in COMPRESSED

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type that one sample is decoded to; single bits become uint8."""
        if self.keyword != "PixelData":
            return np.dtype(np.float32 if self.keyword == "FloatPixelData" else np.float64)
        return np.dtype(f"{'int' if self.signed else 'uint'}{max(8, self.allocated)}")

    @property
    def frame_bytes(self) -> float:
        """Bytes of one frame that is not compressed; in YBR_FULL_422 two pixels share their chroma."""
        samples = 2 if self.photometric == "YBR_FULL_422" else self.samples
        return self.rows * self.columns * samples * self.allocated / 8


def read_layout(path: Path, dataset: Dataset, limits: Limits, keyword: str) -> Layout:
    """Return the layout, its claims checked against `limits`.

    Raises: SourceError for what is missing or impossible.
    """

    def needed(name: str) -> Any:
        value = dataset.get(name)
        if value is None or value == "":
            raise SourceError(f"has pixels but no {name}", subject=str(path))
        return value

    def whole(name: str, default: int | None = None) -> int:
        value = needed(name) if default is None else dataset.get(name) or default
        try:
            return int(value)
        except (TypeError, ValueError, OverflowError):
            raise SourceError(f"has a {name} that is no whole number", subject=str(path)) from None

    integer = keyword == "PixelData"
    allocated = whole("BitsAllocated")
    stored = whole("BitsStored") if integer else allocated
    layout = Layout(
        keyword=keyword,
        syntax=str(dataset.file_meta.TransferSyntaxUID),
        rows=whole("Rows"),
        columns=whole("Columns"),
        samples=1 if dataset.get("SamplesPerPixel") in (None, "") else whole("SamplesPerPixel"),
        frames=whole("NumberOfFrames", 1),
        photometric=str(needed("PhotometricInterpretation")),
        allocated=allocated,
        stored=stored,
        high=_high(dataset, stored) if integer else stored - 1,
        signed=_is_signed(path, whole("PixelRepresentation")) if integer else False,
    )
    _check_syntax(path, layout.syntax)
    check_claim(
        path,
        limits,
        rows=layout.rows,
        columns=layout.columns,
        samples=layout.samples,
        pages=layout.frames,
    )
    _check_bits(path, layout)
    return layout


def _is_signed(path: Path, representation: int) -> bool:
    if representation not in (0, 1):
        raise SourceError(
            f"has a PixelRepresentation of {representation}, which is neither 0 nor 1", subject=str(path)
        )
    return representation == 1


def _high(dataset: Dataset, stored: int) -> int:
    value = dataset.get("HighBit")
    return value if isinstance(value, int) else stored - 1


def bit_notes(layout: Layout) -> tuple[Note, ...]:
    """Return a note on bits that other readers take from another place (PS3.3 C.7.6.3.1 allows one place)."""
    if layout.syntax not in PLAIN or layout.high == layout.stored - 1:
        return ()
    text = (
        f"HighBit is {layout.high} for {layout.stored} bits stored: its values are those of bits "
        f"{layout.high + 1 - layout.stored} to {layout.high}, and other programs may read other ones"
    )
    return (Note("high-bit", text, contradiction=True),)


def _check_syntax(path: Path, syntax: str) -> None:
    if syntax in COMPRESSED or syntax in PLAIN:
        return
    from pydicom.uid import UID

    name = UID(syntax).name
    how = f"{name} ({syntax})" if name != syntax else f"the unknown transfer syntax {syntax}"
    raise SourceError(
        f"is compressed with {how}, which is not read",
        subject=str(path),
        hint="convert it to another transfer syntax with the program that made it",
    )


def _check_bits(path: Path, layout: Layout) -> None:
    allowed = {"PixelData": (1, 8, 16, 32, 64), "FloatPixelData": (32,), "DoubleFloatPixelData": (64,)}
    if layout.allocated not in allowed[layout.keyword]:
        raise SourceError(
            f"has {layout.keyword} of {layout.allocated} bits allocated, which cannot be read",
            subject=str(path),
        )
    if not 1 <= layout.stored <= layout.allocated or not layout.stored - 1 <= layout.high < layout.allocated:
        raise SourceError(
            f"claims {layout.stored} bits stored up to bit {layout.high} of {layout.allocated} allocated",
            subject=str(path),
        )
    colour = layout.photometric not in ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR")
    if layout.samples != (3 if colour else 1) or (colour and layout.keyword != "PixelData"):
        raise SourceError(
            f"is {layout.photometric} with {layout.samples} samples per pixel, which cannot be read",
            subject=str(path),
        )

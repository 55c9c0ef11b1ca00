"""Compressed frames of DICOM: header looked at first, one fixed codec for each transfer syntax.

Baseline and extended JPEG are decoded by imagecodecs, which is always there and reads 12 bits; every other
codec is the first installed one of pydicom's plugins in the order of `PLUGINS`, so that the same codec is
used on every machine that has it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ...errors import SourceError
from ...imaging.exact import native
from ...imaging.image import Lossy, Pixels
from .codestream import Codestream, ends, read_jpeg, read_jpeg2000
from .layout import HTJ2K, JPEG, JPEG_2000, JPEG_LOSSLESS, JPEG_LS, RLE, Layout
from .ybr import rgb_of_ybr

if TYPE_CHECKING:
    from pydicom import Dataset

PLUGINS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(JPEG_LOSSLESS, ("pylibjpeg", "gdcm")),
    **dict.fromkeys(JPEG_LS, ("pyjpegls", "gdcm")),
    **dict.fromkeys(JPEG_2000, ("pylibjpeg", "gdcm", "pillow")),
    **dict.fromkeys(HTJ2K, ("pylibjpeg",)),
    RLE: ("pydicom",),
}

_LOSSY = {
    "1.2.840.10008.1.2.4.50": "ISO_10918_1",
    "1.2.840.10008.1.2.4.51": "ISO_10918_1",
    "1.2.840.10008.1.2.4.81": "ISO_14495_1",
    "1.2.840.10008.1.2.4.91": "ISO_15444_1",
    "1.2.840.10008.1.2.4.203": "ISO_15444_15",
}


def decode(path: Path, dataset: Dataset, layout: Layout, data: bytes) -> tuple[Pixels, Lossy | None]:
    """The pixels of one compressed frame, colour as RGB, and what the compression lost.

    Raises:
        SourceError: no codec, or a codestream that is cut off or of another size than the dataset says.
        ValueError, RuntimeError: from the codec, for a broken codestream.
    """
    header = _header(path, layout, data)
    if layout.syntax in JPEG and header is not None:
        pixels = _jpeg(layout, header, data)
    else:
        # Boxes around the codestream are left out: pydicom walks them without end where they are broken.
        pixels = _by_plugin(path, dataset, layout, data[header.start if header else 0 :])
    return pixels, _loss(dataset, layout, header, data)


def by_pydicom(dataset: Dataset, layout: Layout, *, index: int = 0, plugin: str = "") -> Pixels:
    """One frame by pydicom, YBR_FULL and YBR_FULL_422 turned into RGB."""
    from pydicom.pixels.decoders.base import get_decoder

    options: Any = {"view_only": True, "correct_unused_bits": False, "allow_excess_frames": False}
    pixels, said = get_decoder(layout.syntax).as_array(
        dataset, index=index, raw=True, decoding_plugin=plugin, **options
    )
    now = said["photometric_interpretation"]
    if layout.samples > 1 and now in ("YBR_FULL", "YBR_FULL_422") and pixels.dtype == np.uint8:
        return rgb_of_ybr(pixels)
    if layout.samples > 1 and now != "RGB":
        raise ValueError(f"{now} colour cannot be turned into RGB")
    return native(pixels)


def _header(path: Path, layout: Layout, data: bytes) -> Codestream | None:
    """The codestream's header, held against the dataset's. Raises: SourceError where they disagree."""
    if layout.syntax == RLE:
        return None
    header = (read_jpeg2000 if layout.syntax in JPEG_2000 + HTJ2K else read_jpeg)(data)
    claims = (layout.rows, layout.columns, layout.samples)
    if (header.rows, header.columns, header.samples) != claims:
        raise SourceError(
            f"says {claims[0]} x {claims[1]} x {claims[2]} and its compressed frame"
            f" {header.rows} x {header.columns} x {header.samples}",
            subject=str(path),
        )
    if header.precision > layout.allocated:
        raise SourceError(
            f"has frames of {header.precision} bits in {layout.allocated} allocated", subject=str(path)
        )
    if not ends(data):
        raise SourceError("is truncated: a compressed frame does not come to its end", subject=str(path))
    return header


def _jpeg(layout: Layout, header: Codestream, data: bytes) -> Pixels:
    import imagecodecs

    if header.samples == 1:
        decoded = imagecodecs.jpeg_decode(data)
    elif header.precision != 8:
        raise ValueError(f"colour JPEG of {header.precision} bits cannot be decoded")
    else:
        space = _jpeg_space(layout, header)
        decoded = imagecodecs.jpeg8_decode(data, colorspace=space, outcolorspace="RGB")
    if layout.signed:
        raise ValueError("signed JPEG pixels cannot be decoded")
    shape = (layout.rows, layout.columns, *((3,) if layout.samples == 3 else ()))
    return np.asarray(decoded).reshape(shape).astype(layout.dtype)


def _jpeg_space(layout: Layout, header: Codestream) -> Literal["RGB", "YCBCR"]:
    """What the three components are: the codestream's own word counts before the dataset's.

    Component ids "RGB" and the markers of Adobe and JFIF say it; so colour is converted once and not twice.
    """
    if bytes(header.component_ids) in (b"RGB", b"rgb") or header.adobe_transform == 0:
        return "RGB"
    if header.adobe_transform == 1 or header.jfif:
        return "YCBCR"
    return "RGB" if layout.photometric == "RGB" else "YCBCR"


def _by_plugin(path: Path, dataset: Dataset, layout: Layout, data: bytes) -> Pixels:
    from pydicom.encaps import encapsulate
    from pydicom.pixels.decoders.base import get_decoder

    available = get_decoder(layout.syntax).available_plugins
    plugin = next((name for name in PLUGINS[layout.syntax] if name in available), None)
    if plugin is None:
        from pydicom.uid import UID

        raise SourceError(
            f"is compressed as {UID(layout.syntax).name}, and no codec for that is installed",
            subject=str(path),
            hint="pip install dicombake[codecs]",
        )
    return by_pydicom(_one_frame(dataset, encapsulate([data])), layout, plugin=plugin)


def _one_frame(dataset: Dataset, value: bytes) -> Dataset:
    """A dataset with what a decoder reads, and one frame."""
    from pydicom import Dataset
    from pydicom.dataelem import DataElement

    single = Dataset()
    single.file_meta = dataset.file_meta
    for name in (
        "Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration",
        "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation",
    ):  # fmt: skip
        if name in dataset:
            single[name] = dataset[name]
    single.add(DataElement(0x7FE00010, "OB", value))
    single["PixelData"].is_undefined_length = True
    return single


def declared_loss(dataset: Dataset) -> Lossy | None:
    if str(dataset.get("LossyImageCompression", "")) != "01":
        return None
    return Lossy(_last(dataset, "LossyImageCompressionMethod") or "", _ratio(dataset) or 1.0)


def _ratio(dataset: Dataset) -> float | None:
    try:
        return float(_last(dataset, "LossyImageCompressionRatio"))
    except (TypeError, ValueError):
        return None


def _last(dataset: Dataset, name: str) -> Any:
    """The value, of several (one per compression) the last."""
    value = dataset.get(name)
    return value[-1] if value and not isinstance(value, str | float) else value


def _loss(dataset: Dataset, layout: Layout, header: Codestream | None, data: bytes) -> Lossy | None:
    """What the dataset declares; else what the transfer syntax and the codestream show."""
    declared = declared_loss(dataset)
    method = _LOSSY.get(layout.syntax)
    if method is None or (layout.syntax in JPEG_2000 + HTJ2K and not (header and header.irreversible)):
        return declared
    raw = layout.rows * layout.columns * layout.samples * layout.dtype.itemsize
    ratio = (declared and _ratio(dataset)) or round(raw / len(data), 2)
    return Lossy((declared.method if declared else "") or method, ratio)

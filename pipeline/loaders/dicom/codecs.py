"""Decode compressed frames of DICOM: the header is checked first, then codecs are tried in one fixed order.

JPEG, lossless too, is decoded by imagecodecs, which is always installed. For every other transfer syntax, and
where imagecodecs refuses a stream, the installed plugins of pydicom are tried in the order of `PLUGINS`: the
first that can decode a frame does so on every machine that has the same plugins. Plugins that data can crash
run in a process of their own (`cage`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ...errors import SourceError
from ...imaging.exact import native
from ...imaging.image import Lossy, Pixels
from ..codecs.cage import CAGED, decode_caged
from ..codecs.jpeg import JPEG_LS as SOF_JPEG_LS
from ..codecs.jpeg import LOSSLESS, CodestreamError, JpegHeader, JpegStream, TruncatedError, read_jpeg
from ..codecs.jpeg2000 import Jpeg2000, read_jpeg2000
from ..codecs.jpeg_pixels import decode_jpeg
from ..codecs.jpeg_whole import MISSING, check_whole, continued
from ..codecs.plugin import decode_frame, description_of
from ..said import said_by
from .dataset import broken
from .layout import HTJ2K, JPEG, JPEG_2000, JPEG_LOSSLESS, JPEG_LS, RLE, Layout
from .ybr import rgb_of_ybr

if TYPE_CHECKING:
    from pydicom import Dataset

PLUGINS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(JPEG, ()),
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

Decoder = tuple[str, Callable[[], Pixels]]
"""The name of a codec, and a function that decodes one frame with it."""


def decode(
    path: Path, dataset: Dataset, layout: Layout, data: bytes
) -> tuple[Pixels, Lossy | None, tuple[str, ...]]:
    """Return the pixels of one compressed frame, colour as RGB; what was lost; what else it holds.

    Raises:
        SourceError: no codec, or none that can decode it; a codestream that is cut off or of another size
            than the dataset says.
    """
    try:
        header = _header(path, layout, data)
        pixels = _first_that_can(_decoders(dataset, layout, header, data), layout, path)
    except CodestreamError as error:
        how = "truncated" if isinstance(error, TruncatedError) else "damaged"
        raise SourceError(f"has a compressed frame that is {how}: {error}", subject=str(path)) from None
    besides = header.besides if isinstance(header, JpegStream) else ()
    return pixels, _loss(dataset, layout, header, data), besides


def _first_that_can(decoders: list[Decoder], layout: Layout, path: Path) -> Pixels:
    """Return the pixels of the first decoder that raises nothing.

    Raises: CodestreamError, the first one's.
    """
    if not decoders:
        from pydicom.uid import UID

        raise SourceError(
            f"is compressed as {UID(layout.syntax).name}, and no codec for that is installed",
            subject=str(path),
            hint="pip install dicombake[codecs]",
        )
    first: CodestreamError | None = None
    for name, decoder in decoders:
        try:
            return decoder()
        except TruncatedError:
            raise  # no other decoder has what is missing; some make it up
        except CodestreamError as error:
            first = first or error
        except broken() as error:
            # pydicom puts the name of the plugin before its message
            said = said_by(error, "it is broken").rpartition(f"{name}: ")[2]
            first = first or CodestreamError(f"its decoder ({name}) says: {said}")
    assert first is not None
    raise first


def _decoders(
    dataset: Dataset, layout: Layout, header: JpegStream | Jpeg2000 | None, data: bytes
) -> list[Decoder]:
    """Return the codecs for a frame that are installed, in the order in which they are tried."""
    from ...pydicom_versions.frames import decoding_plugins

    found: list[Decoder] = []
    if isinstance(header, JpegStream) and layout.syntax in JPEG + JPEG_LOSSLESS:
        found.append(("imagecodecs", partial(_jpeg, layout, header, data)))
    available = decoding_plugins(layout.syntax) if PLUGINS[layout.syntax] else ()
    for name in PLUGINS[layout.syntax]:
        if name in available:
            decoders = [partial(_by_plugin, dataset, layout, name, coded) for coded in _streams(header, data)]
            if isinstance(header, JpegStream) and header.header.sof <= LOSSLESS:
                more = partial(_by_plugin, dataset, layout, name, continued(data, header))
                decoders = [partial(_whole, header, data, decoder, more) for decoder in decoders]
            found += [(name, decoder) for decoder in decoders]
    return found


def _whole(
    header: JpegStream, data: bytes, decoder: Callable[[], Pixels], more: Callable[[], Pixels]
) -> Pixels:
    """Return the pixels of a stream, where what would follow its coded data (`more`) does not change them.

    Raises: CodestreamError, also where the coded data are too few.
    """
    check_whole(data, header)
    pixels = decoder()
    if not np.array_equal(pixels, more()):
        raise TruncatedError(MISSING)
    return pixels


def _streams(header: JpegStream | Jpeg2000 | None, data: bytes) -> Iterator[bytes]:
    """Yield the codestream without its container.

    Then without a zero byte that pads it before its end marker.

    A container (JP2 boxes) is left out because pydicom reads broken ones for ever. CharLS takes no padding
    within JPEG-LS, which NEMA's own samples have; only a try tells such a byte from a coded one.
    """
    if header is None:
        yield data
        return
    start = header.start if isinstance(header, Jpeg2000) else 0
    yield data[start : header.end]
    if isinstance(header, JpegStream) and header.header.sof == SOF_JPEG_LS:
        last = header.scans[-1].stop
        if data[last - 1] == 0:
            yield data[: last - 1] + data[last : header.end]


def _by_plugin(dataset: Dataset, layout: Layout, plugin: str, data: bytes) -> Pixels:
    described = description_of(dataset)
    if plugin in CAGED:
        size = layout.rows * layout.columns * layout.samples * layout.dtype.itemsize
        return _rgb(layout, *decode_caged(layout.syntax, plugin, described, data, size))
    return _rgb(layout, *decode_frame(layout.syntax, plugin, described, data))


def by_pydicom(dataset: Dataset, layout: Layout, *, index: int = 0) -> Pixels:
    """Return one frame that is not compressed, by pydicom; YBR_FULL and YBR_FULL_422 become RGB."""
    from ...pydicom_versions.frames import decode_frame as decode_one

    return _rgb(layout, *decode_one(dataset, layout.syntax, index, ""))


def _rgb(layout: Layout, pixels: Pixels, now: str) -> Pixels:
    """Return pixels whose photometric interpretation is `now`, colour as RGB. Raises: ValueError."""
    if layout.samples > 1 and now in ("YBR_FULL", "YBR_FULL_422") and pixels.dtype == np.uint8:
        return rgb_of_ybr(pixels)
    if layout.samples > 1 and now != "RGB":
        raise ValueError(f"{now} colour cannot be turned into RGB")
    return native(pixels)


def _header(path: Path, layout: Layout, data: bytes) -> JpegStream | Jpeg2000 | None:
    """Return the codestream's header after comparing it with the dataset.

    Raises:
        SourceError: where they disagree.
        CodestreamError: no sound codestream, or one that does not come to its end.
    """
    if layout.syntax == RLE:
        return None
    found: JpegStream | Jpeg2000
    if layout.syntax in JPEG_2000 + HTJ2K:
        found = read_jpeg2000(data)
        says = (found.rows, found.columns, found.samples, found.precision)
    else:
        found = read_jpeg(data)
        frame = found.header
        says = (frame.rows, frame.columns, frame.components, frame.precision)
    claims = (layout.rows, layout.columns, layout.samples)
    if says[:3] != claims:
        raise SourceError(
            f"says {claims[0]} x {claims[1]} x {claims[2]} and its compressed frame"
            f" {says[0]} x {says[1]} x {says[2]}",
            subject=str(path),
        )
    if says[3] > layout.allocated:
        raise SourceError(f"has frames of {says[3]} bits in {layout.allocated} allocated", subject=str(path))
    return found


def _jpeg(layout: Layout, stream: JpegStream, data: bytes) -> Pixels:
    """Return the pixels of a JPEG by libjpeg-turbo; colour as RGB, converted once.

    Raises: CodestreamError, ValueError.
    """
    header = stream.header
    lossless = layout.syntax in JPEG_LOSSLESS
    options: dict[str, str] = {}
    if header.components > 1:
        if header.precision != 8:
            raise ValueError(f"colour JPEG of {header.precision} bits cannot be decoded")
        # samples of lossless coding are taken as they are, without a conversion of colour
        options = {"colorspace": "RGB" if lossless else _jpeg_space(layout, header), "outcolorspace": "RGB"}
    decoded = decode_jpeg(data, stream, **options)
    shape = (layout.rows, layout.columns, *((3,) if layout.samples == 3 else ()))
    if not lossless:
        if layout.signed:
            raise ValueError("signed JPEG pixels cannot be decoded")
        return decoded.reshape(shape).astype(layout.dtype, copy=False)
    wide = decoded.astype(layout.dtype.str.replace("i", "u")).reshape(shape)
    return _rgb(layout, _signed(wide, layout, header.precision), layout.photometric)


def _signed(pixels: Pixels, layout: Layout, precision: int) -> Pixels:
    """Return numbers of the layout's type from two's complement of `precision` bits (PS3.5 8.2.2)."""
    if not layout.signed:
        return pixels
    shift = 8 * pixels.dtype.itemsize - precision
    wide: Pixels = np.left_shift(pixels, shift).view(layout.dtype)
    return np.right_shift(wide, shift)


def _jpeg_space(layout: Layout, header: JpegHeader) -> Literal["RGB", "YCBCR"]:
    """Return the colour model of three components: what the codestream itself says outranks the dataset.

    Component ids "RGB" and the markers of Adobe and JFIF name it, so colour is converted once and not twice.
    """
    if bytes(part.identifier for part in header.parts) in (b"RGB", b"rgb") or header.adobe_transform == 0:
        return "RGB"
    if header.adobe_transform == 1 or header.jfif:
        return "YCBCR"
    return "RGB" if layout.photometric == "RGB" else "YCBCR"


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
    """Return the value of an attribute; of several (one per compression) the last."""
    value = dataset.get(name)
    return value[-1] if value and not isinstance(value, str | float) else value


def _loss(
    dataset: Dataset, layout: Layout, header: JpegStream | Jpeg2000 | None, data: bytes
) -> Lossy | None:
    """Return the loss that the dataset declares; else what the transfer syntax and the codestream show."""
    declared = declared_loss(dataset)
    method = _LOSSY.get(layout.syntax)
    if method is None or (isinstance(header, Jpeg2000) and not header.irreversible):
        return declared
    raw = layout.rows * layout.columns * layout.samples * layout.dtype.itemsize
    ratio = (declared and _ratio(dataset)) or round(raw / len(data), 2)
    return Lossy((declared.method if declared else "") or method, ratio)

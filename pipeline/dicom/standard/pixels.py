"""Check that the attributes that describe the pixels agree with each other and with the bytes."""

from __future__ import annotations

from collections.abc import Iterator

from pydicom import Dataset
from pydicom.uid import UID

from .findings import Finding
from .supply import removed_by

_ELEMENTS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_SAMPLES = {"MONOCHROME1": 1, "MONOCHROME2": 1, "PALETTE COLOR": 1, "RGB": 3, "YBR_FULL": 3, "YBR_RCT": 3,
            "YBR_ICT": 3, "YBR_FULL_422": 3}  # fmt: skip
_FLOAT_BITS = {"FloatPixelData": 32, "DoubleFloatPixelData": 64}
_ALLOCATED = (1, 8, 16, 24, 32, 40, 48, 56, 64)
_OURS = "dicombake writes it from the pixels"


def pixels(dataset: Dataset, syntax: UID | None) -> Iterator[Finding]:
    """Check Image Pixel (PS3.3 C.7.6.3) against the pixel element. `syntax`: of the file meta, if known."""
    element = next((name for name in _ELEMENTS if name in dataset), None)
    if element is None:
        return
    yield from _bits(dataset, element)
    yield from _samples(dataset)
    if syntax is not None and syntax.is_transfer_syntax and syntax.is_compressed and not syntax.is_deflated:
        yield from _frames(dataset, element)
    else:
        yield from _size(dataset, element)
        if syntax is not None:
            yield from _compressed_items(dataset, "")


def _compressed_items(dataset: Dataset, prefix: str) -> Iterator[Finding]:
    """Find compressed pictures in items, such as icons, in a file that is not compressed (PS3.5 A.4)."""
    for nested in dataset:
        if nested.VR != "SQ":
            continue
        for index, item in enumerate(nested.value):
            name = f"{prefix}{nested.keyword or nested.tag}[{index}]"
            if "PixelData" in item and item["PixelData"].is_undefined_length:
                what = "is compressed, which the transfer syntax does not allow"
                yield Finding(
                    f"{name}.PixelData", what, "Icon Image", "1", removed_by(name.partition("[")[0])
                )
            yield from _compressed_items(item, f"{name}.")


def _number(dataset: Dataset, keyword: str, default: int | None = None) -> int | None:
    value = dataset.get(keyword)
    try:
        return default if value in (None, "") else int(value)
    except (TypeError, ValueError):
        return None


def _bits(dataset: Dataset, element: str) -> Iterator[Finding]:
    allocated = _number(dataset, "BitsAllocated")
    if element in _FLOAT_BITS:
        if allocated != _FLOAT_BITS[element]:
            what = f"is {allocated}, and {element} has {_FLOAT_BITS[element]} bits"
            yield Finding("BitsAllocated", what, "Image Pixel", "1", _OURS)
        return
    stored, high = _number(dataset, "BitsStored"), _number(dataset, "HighBit")
    if allocated is not None and allocated not in _ALLOCATED:
        yield Finding(
            "BitsAllocated", f"is {allocated}, neither 1 nor whole bytes", "Image Pixel", "1", _OURS
        )
    if allocated is not None and stored is not None and not 0 < stored <= allocated:
        yield Finding("BitsStored", f"is {stored} of {allocated} allocated", "Image Pixel", "1", _OURS)
    if stored is not None and high is not None and high != stored - 1:
        what = f"is {high}, not BitsStored - 1 = {stored - 1}"
        yield Finding("HighBit", what, "Image Pixel", "1", _OURS)


def _samples(dataset: Dataset) -> Iterator[Finding]:
    samples, meant = _number(dataset, "SamplesPerPixel"), str(dataset.get("PhotometricInterpretation") or "")
    if meant in _SAMPLES and samples is not None and samples != _SAMPLES[meant]:
        what = f"is {samples}, and {meant} has {_SAMPLES[meant]}"
        yield Finding("SamplesPerPixel", what, "Image Pixel", "1", _OURS)


def _size(dataset: Dataset, element: str) -> Iterator[Finding]:
    """Check that native pixels have as many bytes as the attributes say, padded to an even number."""
    parts = [_number(dataset, name) for name in ("Rows", "Columns", "SamplesPerPixel", "BitsAllocated")]
    frames = _number(dataset, "NumberOfFrames", 1)
    value = dataset[element].value
    if value is None or frames is None or any(part is None for part in parts):
        return
    bits = frames
    for part in parts:
        bits *= part or 0
    if str(dataset.get("PhotometricInterpretation")) == "YBR_FULL_422":
        bits = bits * 2 // 3
    expected = -(-bits // 8)
    expected += expected % 2
    if len(value) != expected:
        what = f"has {len(value)} bytes; Rows, Columns, samples, bits and frames need {expected}"
        yield Finding(element, what, "Image Pixel", "1C", _OURS)
    vr = dataset[element].VR
    wide = (parts[3] or 0) > 8
    if element == "PixelData" and wide and vr == "OB":
        yield Finding(element, "has the VR OB; pixels of more than 8 bits are OW", "Image Pixel", "1C", _OURS)


def _frames(dataset: Dataset, element: str) -> Iterator[Finding]:
    """Check that there are as many compressed frames as NumberOfFrames says."""
    from ...pydicom_versions.frames import generate_frames

    frames = _number(dataset, "NumberOfFrames", 1) or 1
    try:
        found = sum(1 for _ in generate_frames(dataset[element].value, number_of_frames=frames))
    except (ValueError, EOFError, RuntimeError, TypeError, StopIteration):
        yield Finding(element, "is no sequence of compressed frames", "Image Pixel", "1C", _OURS)
        return
    if found != frames:
        yield Finding(element, f"has {found} compressed frames, not {frames}", "Image Pixel", "1C", _OURS)

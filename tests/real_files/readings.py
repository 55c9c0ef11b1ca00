"""Pixels as other programs read them: GDCM and dcmtk of DICOM, ITK and Pillow of pictures."""

from __future__ import annotations

import subprocess
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
_DECOMPRESS = ("dcmdrle", "dcmdjpeg", "dcmdjpls")


def with_gdcm(path: Path) -> Array | None:
    """Return the stored values, flat; None where GDCM reads none, or colour in another space than RGB."""
    import gdcm

    gdcm.Trace.WarningOff()
    gdcm.Trace.ErrorOff()
    reader = gdcm.ImageReader()
    reader.SetFileName(str(path))
    if not reader.Read():
        return None
    image = reader.GetImage()
    layout = image.GetPixelFormat()
    samples = layout.GetSamplesPerPixel()
    if samples > 1 and "YBR" in str(image.GetPhotometricInterpretation()):
        return None
    dtype = np.dtype(layout.GetScalarTypeAsString().lower())
    values = np.frombuffer(image.GetBuffer().encode("utf-8", "surrogateescape"), dtype)
    return _by_pixel(values, samples, image.GetPlanarConfiguration() == 1, image.GetDimensions())


def _by_pixel(values: Array, samples: int, planar: bool, dimensions: list[int]) -> Array | None:
    """Return colour by pixel and not by plane, flat."""
    if values.size != samples * int(np.prod(dimensions)):
        return None
    if samples == 1 or not planar:
        return values
    return np.moveaxis(values.reshape(-1, samples, dimensions[1], dimensions[0]), 1, -1).reshape(-1)


def with_dcmtk(path: Path) -> Array | None:
    """Return the stored values, flat; None where dcmtk does not decompress them."""
    from pydicom import dcmread

    with tempfile.TemporaryDirectory() as name:
        folder, current = Path(name), path
        for program in _DECOMPRESS:
            made = folder / program
            if _done(program, str(current), str(made)):
                current = made
        plain = folder / "plain"
        if not _done("dcmconv", "+te", str(current), str(plain)):
            return None
        if not _done("dcmdump", "-q", "+W", str(folder), str(plain)):
            return None
        (raw, *more) = [*folder.glob("*.raw"), None]
        header = dcmread(plain, stop_before_pixels=True, force=True)
        if raw is None or more != [None] or "YBR" in str(header.get("PhotometricInterpretation")):
            return None
        bits = int(header.get("BitsAllocated") or 0)
        if bits not in (8, 16, 32):
            return None
        values = np.frombuffer(raw.read_bytes(), f"<{'ui'[header.PixelRepresentation]}{bits // 8}")
        samples, frames = int(header.SamplesPerPixel), int(header.get("NumberOfFrames") or 1)
        count = frames * int(header.Rows) * int(header.Columns) * samples
        planar = int(header.get("PlanarConfiguration") or 0) == 1
        return _by_pixel(values[:count], samples, planar, [header.Columns, header.Rows, frames])


def _done(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def with_itk(path: Path) -> Array | None:
    """Return the samples of a picture's first page, flat; ITK turns nothing by EXIF."""
    import SimpleITK

    SimpleITK.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        array: Array = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))
    except RuntimeError:
        return None
    return array.reshape(-1)


def with_pillow(path: Path) -> Array | None:
    """Return the samples of a picture's first page, flat, turned by EXIF."""
    from PIL import Image, ImageOps

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(path) as opened:
                picture = ImageOps.exif_transpose(opened)
                mode = {"P": "RGBA" if "transparency" in opened.info else "RGB", "PA": "RGBA"}.get(
                    picture.mode
                )
                return np.asarray(picture.convert(mode) if mode else picture).reshape(-1)
        except Exception:  # noqa: BLE001 - whatever it is, Pillow does not read this file
            return None


READERS = {"GDCM": with_gdcm, "dcmtk": with_dcmtk, "ITK": with_itk, "Pillow": with_pillow}

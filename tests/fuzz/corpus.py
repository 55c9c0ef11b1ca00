"""What each target starts from: small inputs, all made here."""

from __future__ import annotations

import io
import sqlite3
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import PIL.Image
import tifffile
from dicombake.pipeline.samples import files, xim

from ..pipeline.loaders.dicom.made_files import DEFLATED, EXPLICIT, IMPLICIT, compressed, dataset_of, encoded
from ..pipeline.loaders.made_files import make_npy, make_png

GREY = np.arange(24 * 20, dtype=np.uint16).reshape(24, 20) * 97
EIGHT = (GREY % 251).astype(np.uint8)
COLOUR = np.stack([EIGHT, 255 - EIGHT, EIGHT // 2], axis=-1)


def _saved(pixels: np.ndarray[Any, Any], kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    PIL.Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def _tiff(pixels: np.ndarray[Any, Any], **options: Any) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, pixels, **options)
    return file.getvalue()


def jpegs() -> list[bytes]:
    return [
        _saved(EIGHT, "JPEG"),
        _saved(COLOUR, "JPEG", progressive=True),
        _saved(COLOUR, "JPEG", restart_marker_blocks=2),
        imagecodecs.jpeg8_encode(EIGHT, lossless=True),
        imagecodecs.jpeg8_encode(GREY >> 4, bitspersample=12),
        imagecodecs.jpegls_encode(GREY),
    ]


def jpeg2000s() -> list[bytes]:
    kinds = ("J2K", "JP2")
    return [imagecodecs.jpeg2k_encode(GREY, level=0, codecformat=kind, reversible=True) for kind in kinds]


def pictures() -> list[bytes]:
    return [
        *jpegs(),
        *jpeg2000s(),
        _tiff(GREY, photometric="minisblack"),
        _tiff(COLOUR, photometric="rgb", compression="lzw"),
        _tiff(EIGHT, photometric="minisblack", compression="jpeg"),
        _tiff(np.stack([GREY, GREY]), photometric="minisblack", bigtiff=True),
        make_png(4, 2, 8, 0, [b"\1\2\3\4"] * 2),
        _saved(COLOUR, "PNG"),
        _saved(COLOUR, "BMP"),
        _saved(EIGHT, "GIF"),
        _saved(COLOUR, "WEBP", lossless=True),
    ]


def dicoms() -> list[bytes]:
    coded = {
        "1.2.840.10008.1.2.4.50": _saved(EIGHT, "JPEG"),
        "1.2.840.10008.1.2.4.80": imagecodecs.jpegls_encode(EIGHT),
        "1.2.840.10008.1.2.4.90": imagecodecs.jpeg2k_encode(
            EIGHT, level=0, codecformat="J2K", reversible=True
        ),
    }
    return [
        *(encoded(dataset_of(GREY), GREY, syntax) for syntax in (EXPLICIT, IMPLICIT, DEFLATED)),
        *(compressed(dataset_of(EIGHT), [data], syntax) for syntax, data in coded.items()),
    ]


def xims() -> list[bytes]:
    properties = {"Name": "text", "Number": 3, "Real": 1.5, "Reals": [1.0, 2.0]}
    return [
        xim.encode(GREY.astype(kind), properties, compressed=how)
        for kind in (np.int32, np.uint16)
        for how in (True, False)
    ]


def arrays() -> list[bytes]:
    packed = io.BytesIO()
    np.savez(packed, a=GREY)
    return [make_npy(GREY), make_npy(GREY.astype(">f4"), (3, 0)), packed.getvalue()]


def raws() -> list[bytes]:
    return [files.cyberknife(GREY), GREY.astype("<u4").tobytes(), b"P5\n20 24\n65535\n" + GREY.tobytes()]


def states() -> list[bytes]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.sqlite"
        database = sqlite3.connect(path)
        database.execute("CREATE TABLE journal (line TEXT)")
        database.execute("INSERT INTO journal VALUES ('out a.dcm')")
        database.commit()
        database.close()
        return [path.read_bytes()]


def texts(*lines: str) -> Callable[[], list[bytes]]:
    return lambda: [line.encode() for line in lines]


RECIPE = """version: 1
vars: {patient: A}
conversions:
  film:
    inputs: {files: "film/g{gantry:d}_*.tif", exclude: "*.bak"}
    source: {format: image, channel: red}
    geometry: {dpi: 300, sid: 1000, gantry: "{gantry}"}
    process: [{crop: {top: 2}}, invert]
    exports: [{to: rt-image, path: "dicom/{stem}.dcm"}, {to: png, path: "p/{index:04d}.png"}]
    tags: {PatientID: "{vars.patient}", "(0010,0020)": x, ExposureSequence[0].ExposureTime: 3}
"""

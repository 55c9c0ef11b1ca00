"""One file of every kind, dtype and way of storing, with the values that its readers should find."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pydicom
from dicombake.pipeline.errors import ExportError
from dicombake.pipeline.exporters.registry import exporter
from dicombake.pipeline.imaging.image import Image, SourceFile
from dicombake.schemas.exports import EXPORT_TARGETS

from ..pipeline.exporting import PLACED, context, export, slice_of

DATE = {"ContentDate": "20240102", "ContentTime": "120000"}
"""A Parametric Map has to say when it was made."""

Array = npt.NDArray[Any]

KINDS = {
    "rt-image": ("rt-image", 1),
    "rt-image, 2 frames": ("rt-image", 2),
    "ct-series": ("ct-series", 1),
    "secondary-capture": ("secondary-capture", 1),
    "secondary-capture, 2 frames": ("secondary-capture", 2),
    "parametric-map": ("parametric-map", 1),
}
"""Targets of an export, and the number of frames."""
INTEGERS = ("bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64")
FLOATS = ("float16", "float32", "float64")
COLOURS = ("RGB8", "RGB16")
ROWS, COLUMNS = 12, 17
"""An odd number of bytes at 8 bits: DICOM pads them, and a reader has to take the padding off."""


@dataclass(frozen=True)
class Case:
    """One row of the table."""

    kind: str
    dtype: str
    how: str

    @property
    def stem(self) -> str:
        return f"{self.to}_{self.dtype}_{self.how}{'_frames' if self.frames > 1 else ''}"

    @property
    def to(self) -> str:
        return KINDS[self.kind][0]

    @property
    def frames(self) -> int:
        return KINDS[self.kind][1]


@dataclass(frozen=True)
class Written:
    """The file of a case, and what it should be read as."""

    case: Case
    path: Path
    truth: Array
    """The source's values."""
    error: float
    """By how much a value may differ: 0, or what `quantize` told."""
    rescaled: bool
    """Whether the file has a rescale other than 1 and 0."""
    integers: bool
    """Whether its pixels are integers in Pixel Data, which all but pydicom and pylinac need."""

    def holds(self, values: Array) -> bool:
        """Whether these values, of whatever dtype, are the source's."""
        if values.shape != self.truth.shape:
            return False
        if self.error:
            away = np.abs(values.astype(np.float64) - self.truth.astype(np.float64)).max()
            return bool(away <= self.error * (1 + 1e-9))
        with np.errstate(invalid="ignore"):
            same = values.astype(self.truth.dtype)
        # there and back: a value that wrapped on its way into the dtype is none of the source's
        return bool(np.array_equal(same, self.truth)) and bool(
            np.array_equal(same.astype(values.dtype), values)
        )


def cases() -> Iterator[Case]:
    for kind in KINDS:
        for dtype in (*INTEGERS, *FLOATS, *COLOURS):
            for how in ("retain", "portable", *(("quantize",) if dtype in FLOATS else ())):
                yield Case(kind, dtype, how)


def values(case: Case) -> Array:
    """All over the dtype's range under `retain`; under the others what such arrays hold: a detector's."""
    rng = np.random.default_rng(7)
    if case.dtype in COLOURS:
        most = 255 if case.dtype == "RGB8" else 65535
        return rng.integers(0, most, (ROWS, COLUMNS, 3), endpoint=True).astype(f"u{1 if most == 255 else 2}")
    dtype = np.dtype(case.dtype)
    if dtype.kind == "b":
        return rng.random((ROWS, COLUMNS)) > 0.5
    if dtype.kind == "f":
        array = rng.normal(20, 60, (ROWS, COLUMNS))
        # thousandths are on no grid of a power of two, quarters are
        return (np.round(array * 4) / 4 if case.how == "portable" else np.round(array, 3)).astype(dtype)
    ends = np.iinfo(dtype)
    low, high = int(ends.min), int(ends.max)
    if case.how == "portable" and dtype.itemsize > 2:
        low, high = (-300 if low < 0 else 0), 65000
    array = rng.integers(low, high, (ROWS, COLUMNS), dtype=dtype, endpoint=True)
    array.flat[0], array.flat[-1] = low, high
    return array


def write(case: Case, folder: Path) -> Written | str:
    """The case's file, or why there is none."""
    array = values(case)
    images = [_image(case, np.flipud(array) if frame else array, frame) for frame in range(case.frames)]
    options = EXPORT_TARGETS[case.to].model_validate({"to": case.to, "path": "out.dcm", "pixels": case.how})
    try:
        written, _ = export(
            exporter(case.to),
            images,
            options,
            context({"PatientID": case.stem} | DATE, stem="reader"),
            folder,
        )
    except ExportError as error:
        return str(error)
    path = written.rename(folder / f"{case.stem}.dcm")
    dataset = pydicom.dcmread(path)
    slope, intercept = float(dataset.get("RescaleSlope", 1)), float(dataset.get("RescaleIntercept", 0))
    truth = _stored_as(np.stack([image.pixels for image in images]), dataset)
    return Written(
        case=case,
        path=path,
        truth=truth if case.frames > 1 else truth[0],
        # half a step of 16 bits is what rounding may cost
        error=slope / 2 if case.how == "quantize" else 0.0,
        rescaled=(slope, intercept) != (1, 0),
        integers="PixelData" in dataset,
    )


def _image(case: Case, array: Array, frame: int) -> Image:
    photometric: Any = "RGB" if array.ndim == 3 else "MONOCHROME2"
    geometry = PLACED
    if case.kind == "ct-series":
        geometry = slice_of(np.zeros((1, 1), np.uint8)).geometry
    source = SourceFile(Path("array.npy"), "array", page=frame + 1, pages=case.frames)
    return Image(np.ascontiguousarray(array), geometry, photometric, sources=(source,))


def _stored_as(array: Array, dataset: pydicom.Dataset) -> Array:
    """The values of `array` (frames, rows, columns[, samples]) in the dtype that DICOM has for them."""
    if array.ndim == 4 and dataset.SamplesPerPixel == 1:
        # an RT Image is grey: the luminance of ITU-R 601
        return np.rint(array @ np.array([0.299, 0.587, 0.114])).astype(np.uint8)
    return array.astype({"bool": "uint8", "float16": "float32"}.get(array.dtype.name, array.dtype.name))

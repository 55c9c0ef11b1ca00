"""One made file of each kind of DICOM whose pixels may be moved, with whatever says where they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import Dataset
from pydicom.sequence import Sequence

from ...loaders.input_files import dataset_of, encoded
from . import rulers
from .rulers import Ruler

ROWS, COLUMNS, FRAMES = 7, 10, 3
_ROOT = "1.2.840.10008.5.1.4.1.1."
_COSINES = [0.8, 0.6, 0, -0.36, 0.48, 0.8]
_PLANE = {"ImagePositionPatient": [-11.5, 7.25, 30], "ImageOrientationPatient": _COSINES}
_SLICE = {**_PLANE, "PixelSpacing": [0.5, 0.75], "SliceThickness": 2}
_SQUARE = {**_PLANE, "PixelSpacing": [0.5, 0.5], "SliceThickness": 2}


def _opening(name: str) -> dict[str, Any]:
    return {
        f"{name}Shape": ["RECTANGULAR", "POLYGONAL"],
        f"{name}LeftVerticalEdge": 3,
        f"{name}RightVerticalEdge": 8,
        f"{name}UpperHorizontalEdge": 2,
        f"{name}LowerHorizontalEdge": 5,
        f"VerticesOfThePolygonal{name}": [2, 3, 2, 8, 5, 5],
    }


_XRAY = {
    "ImagerPixelSpacing": [0.2, 0.2],
    "PatientOrientation": ["A", "FR"],
    "FieldOfViewOrigin": [10, 20],
    "FieldOfViewRotation": 90,
    "FieldOfViewHorizontalFlip": "NO",
    "FieldOfViewDimensions": [10, 20],
    **_opening("Shutter"),
    **_opening("Collimator"),
}
_XRAY_RULERS = (rulers.sizes, rulers.letters, rulers.openings, rulers.detector_origin)


def _item(**values: Any) -> Dataset:
    item = Dataset()
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return item


def _region(kind: int, x: tuple[int, int], y: tuple[int, int], units: tuple[int, int]) -> Dataset:
    return _item(
        RegionSpatialFormat=1, RegionDataType=kind, RegionFlags=0,
        RegionLocationMinX0=x[0], RegionLocationMaxX1=x[1],
        RegionLocationMinY0=y[0], RegionLocationMaxY1=y[1],
        PhysicalUnitsXDirection=units[0], PhysicalUnitsYDirection=units[1],
        ReferencePixelX0=1, ReferencePixelY0=2,
        ReferencePixelPhysicalValueX=5.0, ReferencePixelPhysicalValueY=-1.0,
        PhysicalDeltaX=0.25, PhysicalDeltaY=0.125, TMLinePositionX0=3,
    )  # fmt: skip


def _ultrasound() -> dict[str, Any]:
    found = [_region(1, (1, 4), (1, 5), (3, 4)), _region(3, (6, 9), (0, 2), (4, 7))]
    return {"SequenceOfUltrasoundRegions": Sequence(found), "PixelAspectRatio": [2, 1]}


def _detectors(count: int) -> Sequence:
    return Sequence(
        [_item(**_PLANE, CenterOfRotationOffset=[float(n)], ZoomFactor=[1, 1]) for n in range(count)]
    )


@dataclass(frozen=True)
class Kind:
    """A kind of file: its SOP class, modality, frames, and what it says of its pixels' places."""

    uid: str
    modality: str
    says: dict[str, Any]
    rulers: tuple[Ruler, ...]
    frames: int = 1

    def file(self, path: Path, pixels: np.ndarray) -> Path:
        says = {"SOPClassUID": _ROOT + self.uid, "Modality": self.modality, "InstanceNumber": 1, **self.says}
        path.write_bytes(encoded(dataset_of(pixels, **says), pixels))
        return path


_MR = {"InPlanePhaseEncodingDirection": "ROW", "AcquisitionMatrix": [0, 10, 7, 0]}
_RECEPTOR = {
    "ImagePlanePixelSpacing": [0.3, 0.4],
    "RTImagePosition": [-2, 1.5],
    "RTImageOrientation": [1, 0, 0, 0, -1, 0],
    "RTImageLabel": "a",
    "RTImageSID": 1500,
    "ConversionType": "DI",
}
_DOSE = {"DoseUnits": "GY", "DoseType": "PHYSICAL", "DoseSummationType": "PLAN", "DoseGridScaling": "0.001"}
_NM = {"PixelSpacing": [0.5, 0.75]}
_AXIAL = {"ImagePositionPatient": [-11.5, 7.25, 30], "ImageOrientationPatient": [1, 0, 0, 0, 1, 0]}
_POINTER = {"FrameIncrementPointer": 0x3004000C}

KINDS = {
    "CR": Kind("1", "CR", _XRAY, _XRAY_RULERS),
    "DX": Kind("1.1", "DX", _XRAY, _XRAY_RULERS),
    "MG": Kind("1.2", "MG", _XRAY, _XRAY_RULERS),
    "IO": Kind("1.3", "IO", _XRAY, _XRAY_RULERS),
    "XA": Kind("12.1", "XA", _XRAY, _XRAY_RULERS),
    "XA cine": Kind("12.1", "XA", {**_XRAY, "FrameTime": 40}, _XRAY_RULERS, frames=FRAMES),
    "RF": Kind("12.2", "RF", _XRAY, _XRAY_RULERS),
    "CT": Kind("2", "CT", {**_SLICE, "ReconstructionDiameter": 500}, (rulers.plane, rulers.sizes)),
    "CT square": Kind("2", "CT", _SQUARE, (rulers.plane, rulers.sizes)),
    "MR": Kind("4", "MR", {**_SLICE, **_MR}, (rulers.plane, rulers.sizes)),
    "PET": Kind("128", "PT", {**_SLICE, "Units": "BQML"}, (rulers.plane, rulers.sizes)),
    "NM static": Kind(
        "20", "NM", {**_NM, "DetectorInformationSequence": _detectors(2)}, (rulers.detectors, rulers.sizes)
    ),
    "NM slices": Kind(
        "20",
        "NM",
        {
            **_NM,
            "SpacingBetweenSlices": 3,
            "SliceVector": [1, 2, 3],
            "DetectorInformationSequence": _detectors(1),
        },
        (rulers.detectors, rulers.sizes),
        frames=FRAMES,
    ),
    "US": Kind("6.1", "US", _ultrasound(), (rulers.regions, rulers.sizes)),
    "US cine": Kind("3.1", "US", {**_ultrasound(), "FrameTime": 40}, (rulers.regions, rulers.sizes), FRAMES),
    "SC": Kind("7", "OT", {"NominalScannedPixelSpacing": [0.2, 0.3]}, (rulers.sizes,)),
    "SC pages": Kind("7.3", "OT", {"PixelSpacing": [0.2, 0.3]}, (rulers.sizes,), FRAMES),
    "VL": Kind(
        "77.1.4",
        "XC",
        {"PixelAspectRatio": [2, 1], "PatientOrientation": ["L", "F"]},
        (rulers.sizes, rulers.letters),
    ),
    "RT Image": Kind("481.1", "RTIMAGE", _RECEPTOR, (rulers.receptor,)),
    "RT Dose": Kind(
        "481.2",
        "RTDOSE",
        {**_DOSE, **_SLICE, **_POINTER, "GridFrameOffsetVector": [0, 2, 5]},
        (rulers.dose,),
        FRAMES,
    ),
    "RT Dose down": Kind(
        "481.2", "RTDOSE", {**_DOSE, **_SLICE, **_AXIAL, **_POINTER, "GridFrameOffsetVector": [30, 32, 35]},
        (rulers.dose,), FRAMES,
    ),
    "RT Dose plane": Kind("481.2", "RTDOSE", {**_DOSE, **_SLICE}, (rulers.dose,)),
}  # fmt: skip


OPERATIONS: dict[str, tuple[Any, ...]] = {
    "crop": ({"crop": {"top": 1, "left": 2, "right": 1}},),
    "crop bottom": ({"crop": {"bottom": 3}},),
    "flip_horizontal": ("flip_horizontal",),
    "flip_vertical": ("flip_vertical",),
    "rotate90": ({"rotate90": {"turns": 1}},),
    "rotate90 twice": ({"rotate90": {"turns": 2}},),
    "rotate90 thrice": ({"rotate90": {"turns": 3}},),
    "roll": ({"roll": {"rows": 1, "columns": -2}},),
    "flip and turn": ("flip_horizontal", "rotate90"),
    "crop and flip": ({"crop": {"top": 1, "left": 2}}, "flip_vertical"),
    "all": ("rotate90", {"crop": {"top": 2}}, "flip_horizontal", {"crop": {"right": 1}}, "rotate90"),
}


def marked(frames: int) -> np.ndarray:
    """An image whose every pixel has a value of its own, from 1."""
    count = frames * ROWS * COLUMNS
    values = np.random.default_rng(7).permutation(count).astype(np.uint16) + np.uint16(1)
    shape = (ROWS, COLUMNS) if frames == 1 else (frames, ROWS, COLUMNS)
    return values.reshape(shape)


def pixels_of(array: np.ndarray) -> Iterator[tuple[int, int, int, int]]:
    """Value, frame, row and column of each pixel."""
    stack = array if array.ndim == 3 else array[np.newaxis]
    for (frame, row, column), value in np.ndenumerate(stack):
        yield int(value), frame, row, column

"""Where a pixel is, as the attributes of a file say: each ruler reads the standard for itself.

A ruler takes (dataset, frame, row, column), all from 0, and gives names and numbers; an empty answer says
that the file claims nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from pydicom import Dataset

Answer = Mapping[str, object]
Ruler = Callable[[Dataset, int, float, float], Answer]


def _plane(holder: Dataset, spacing: object, row: float, column: float) -> np.ndarray:
    """PS3.3 C.7.6.2.1.1, equation C.7.6.2.1-1."""
    (dy, dx) = (float(part) for part in spacing)  # type: ignore[attr-defined]
    axes = np.array(holder.ImageOrientationPatient, float)
    return np.array(holder.ImagePositionPatient, float) + axes[:3] * dx * column + axes[3:] * dy * row


def plane(dataset: Dataset, frame: int, row: float, column: float) -> Answer:
    return {"patient": _plane(dataset, dataset.PixelSpacing, row, column)}


def dose(dataset: Dataset, frame: int, row: float, column: float) -> Answer:
    """PS3.3 C.8.8.3.2: offsets along the normal, or z itself for an axial grid that begins with its own z."""
    at = _plane(dataset, dataset.PixelSpacing, row, column)
    if "NumberOfFrames" not in dataset:
        return {"patient": at}
    offsets = np.atleast_1d(np.array(dataset.GridFrameOffsetVector, float))
    assert len(offsets) == int(dataset.NumberOfFrames)
    axes = np.array(dataset.ImageOrientationPatient, float)
    if offsets[0] != 0:
        assert np.array_equal(axes, [1, 0, 0, 0, 1, 0])
        assert np.isclose(offsets[0], dataset.ImagePositionPatient[2])
        return {"patient": np.array([at[0], at[1], offsets[frame]])}
    assert np.all(np.diff(offsets) > 0)
    return {"patient": at + offsets[frame] * np.cross(axes[:3], axes[3:])}


def receptor(dataset: Dataset, frame: int, row: float, column: float) -> Answer:
    """PS3.3 C.8.8.2."""
    (dy, dx), axes = map(float, dataset.ImagePlanePixelSpacing), np.array(dataset.RTImageOrientation, float)
    start = np.array([*map(float, dataset.RTImagePosition), 0])
    return {"receptor": start + axes[:3] * dx * column + axes[3:] * dy * row}


def detectors(dataset: Dataset, frame: int, row: float, column: float) -> Answer:
    """PS3.3 C.8.4.11; slices of a reconstruction lie along the normal."""
    found = {}
    for number, item in enumerate(dataset.DetectorInformationSequence):
        at = _plane(item, dataset.PixelSpacing, row, column)
        axes = np.array(item.ImageOrientationPatient, float)
        along = float(dataset.get("SpacingBetweenSlices") or 0) * frame
        found[f"detector {number}"] = at + along * np.cross(axes[:3], axes[3:])
    return found


def regions(dataset: Dataset, frame: int, row: float, column: float) -> Answer:
    """PS3.3 C.8.5.5: what each region that has this pixel says of it, by its unit."""
    found: dict[str, object] = {}
    for item in dataset.get("SequenceOfUltrasoundRegions") or ():
        left, top = item.RegionLocationMinX0, item.RegionLocationMinY0
        if not (left <= column <= item.RegionLocationMaxX1 and top <= row <= item.RegionLocationMaxY1):
            continue
        x = (column - left - item.ReferencePixelX0) * item.PhysicalDeltaX + item.ReferencePixelPhysicalValueX
        y = (row - top - item.ReferencePixelY0) * item.PhysicalDeltaY + item.ReferencePixelPhysicalValueY
        found |= {f"{item.RegionDataType} {item.PhysicalUnitsXDirection}": x}
        found |= {f"{item.RegionDataType} {item.PhysicalUnitsYDirection}": y}
    return found


def openings(dataset: Dataset, frame: int, row: float, column: float) -> Answer:
    """PS3.3 C.7.6.11 and C.8.7.3: whether a pixel lies within shutter and collimator."""
    found: dict[str, object] = {}
    for name in ("Shutter", "Collimator"):
        if f"{name}Shape" not in dataset:
            for part in ("LeftVerticalEdge", "UpperHorizontalEdge"):
                assert f"{name}{part}" not in dataset
            assert f"VerticesOfThePolygonal{name}" not in dataset
            continue
        left, right = dataset[f"{name}LeftVerticalEdge"].value, dataset[f"{name}RightVerticalEdge"].value
        top, bottom = dataset[f"{name}UpperHorizontalEdge"].value, dataset[f"{name}LowerHorizontalEdge"].value
        found[name] = left <= column + 1 <= right and top <= row + 1 <= bottom
        corner = dataset[f"VerticesOfThePolygonal{name}"].value[:2]
        found[f"{name} from its vertex"] = [row + 1 - corner[0], column + 1 - corner[1]]
    return found


def detector_origin(dataset: Dataset, frame: int, row: float, column: float) -> Answer:
    """PS3.3 C.8.11.4: nothing moves these, so that nothing may be said by them."""
    words = ("FieldOfViewOrigin", "FieldOfViewRotation", "FieldOfViewHorizontalFlip", "FieldOfViewDimensions")
    return {word: str(dataset[word].value) for word in words if word in dataset}


_LETTERS = dict(zip("LRPAHF", np.vstack([row for axis in np.eye(3) for row in (axis, -axis)]), strict=True))


def letters(dataset: Dataset, frame: int, row: float, column: float) -> Answer:
    """PS3.3 C.7.6.1.1.1: anatomical directions; only differences between pixels mean anything."""
    said = list(dataset.get("PatientOrientation") or ())
    if not said:
        return {}
    along, down = (sum((_LETTERS[letter] for letter in text), np.zeros(3)) for text in said)
    return {"difference": along * column + down * row}


def sizes(dataset: Dataset, frame: int, row: float, column: float) -> Answer:
    """Spacings, aspect, phase direction and matrix: lengths of differences along the grid."""
    found: dict[str, object] = {}
    for word in ("ImagerPixelSpacing", "PixelSpacing", "NominalScannedPixelSpacing", "PixelAspectRatio"):
        if word in dataset:
            found[f"length {word}"] = np.array([row, column]) * np.array(dataset[word].value, float)
    if "InPlanePhaseEncodingDirection" in dataset:
        phase = column if dataset.InPlanePhaseEncodingDirection == "ROW" else row
        found["length phase"] = np.array([phase])
    if "AcquisitionMatrix" in dataset:
        a = dataset.AcquisitionMatrix
        found["length matrix"] = np.array([row * (a[0] + 7 * a[2]), column * (a[1] + 7 * a[3])])
    return found

"""Read the geometry of a DICOM image from its attributes: RT Image, slices, projection images with a SID."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from ...errors import Note
from ...imaging.angles import wrapped
from ...imaging.image import Geometry, Origin, PatientPlane
from ...imaging.tolerances import DIRECTION, PLANE_OFFSET, orthonormal
from ...imaging.vectors import normal_of
from .dataset import broken

if TYPE_CHECKING:
    from pydicom import Dataset

Six = tuple[float, float, float, float, float, float]

RT_IMAGE = "1.2.840.10008.5.1.4.1.1.481.1"

_RT_NUMBERS = {
    "sid": "RTImageSID",
    "sad": "RadiationMachineSAD",
    "gantry": "GantryAngle",
    "collimator": "BeamLimitingDeviceAngle",
    "couch": "PatientSupportAngle",
    "receptor_angle": "XRayImageReceptorAngle",
}
_RT_VECTORS = {
    "spacing": ("ImagePlanePixelSpacing", 2),
    "position": ("RTImagePosition", 2),
    "orientation": ("RTImageOrientation", 6),
    "translation": ("XRayImageReceptorTranslation", 3),
}
_EXPOSED = ("gantry", "collimator", "couch")
"""Attributes that an item of ExposureSequence may hold as well."""
_ANGLES = ("gantry", "collimator", "couch", "receptor_angle")


def read_geometry(dataset: Dataset, index: int = 0) -> tuple[Geometry, tuple[Note, ...]]:
    """Return the geometry of a frame (from 0), each value with the attribute it came from.

    An impossible value (a spacing of 0, a SID below 0, direction cosines of another length than 1) counts as
    absent, and a note says so.
    """
    reader = _Reader(dataset, index)
    if is_rt_image(dataset):
        reader.rt_image()
    else:
        reader.slice()
        if reader.geometry.patient is None:
            reader.projection()
    return reader.geometry, tuple(reader.notes)


def is_rt_image(dataset: Dataset) -> bool:
    """Tell whether its geometry is that of an image receptor, and not of a slice."""
    return dataset.get("SOPClassUID") == RT_IMAGE or "ImagePlanePixelSpacing" in dataset


class _Reader:
    def __init__(self, dataset: Dataset, index: int) -> None:
        self.dataset = dataset
        self.index = index
        self.frames = int(dataset.get("NumberOfFrames") or 1)
        self.geometry = Geometry()
        self.notes: list[Note] = []

    def rt_image(self) -> None:
        for field, keyword in _RT_NUMBERS.items():
            value = self._number(keyword)
            if field in _EXPOSED:
                value, keyword = self._exposed(keyword, value)
            if value is not None and field in ("sid", "sad") and value <= 0:
                self._invalid(keyword, value)
            elif value is not None:
                turned = field in _ANGLES and not 0 <= value < 360
                self._set(keyword, **{field: wrapped(value) if turned else value})
        for field, (keyword, count) in _RT_VECTORS.items():
            vector = self._vector(self.dataset, keyword, count)
            if vector is None:
                continue
            if (field == "spacing" and min(vector) <= 0) or (
                field == "orientation" and not orthonormal(vector)
            ):
                self._invalid(keyword, vector)
            else:
                self._set(keyword, **{field: vector})

    def _exposed(self, keyword: str, outside: float | None) -> tuple[float | None, str]:
        """Return the value that this frame's exposures give, which supersedes the outer one (C.8.8.2)."""
        items = self.dataset.get("ExposureSequence") or ()
        said = set()
        for item in items:
            number = item.get("ReferencedFrameNumber")
            if self.frames == 1 or number in (None, "") or int(number) == self.index + 1:
                said.add(_floats(self._value(item, keyword)))
        said.discard(None)
        found = next(iter(said)) if len(said) == 1 else None
        if found is None or len(found) != 1 or found[0] == outside:
            return outside, keyword
        if outside is not None:
            text = (
                f"{keyword} of ExposureSequence ({found[0]:.6g}) supersedes that of the image ({outside:.6g})"
            )
            self.notes.append(Note("exposure-supersedes", text, contradiction=abs(found[0] - outside) > 0.1))
        return found[0], f"ExposureSequence.{keyword}"

    def slice(self) -> None:
        """Set plane and spacing in patient coordinates, from functional groups if the frame has any."""
        found, place = self._grouped("PlanePositionSequence", "ImagePositionPatient", 3)
        orientation, _ = self._grouped("PlaneOrientationSequence", "ImageOrientationPatient", 6)
        spacing, where = self._grouped("PixelMeasuresSequence", "PixelSpacing", 2)
        position = self._dose_plane(found, orientation, place)
        if position is None or orientation is None or spacing is None:
            return
        if min(spacing) <= 0 or not orthonormal(orientation):
            self._invalid("ImageOrientationPatient or PixelSpacing", (*orientation, *spacing))
            return
        measures = where if where is not None else self.dataset
        uid = self.dataset.get("FrameOfReferenceUID")
        plane = PatientPlane(
            position=(position[0], position[1], position[2]),
            orientation=cast(Six, orientation),
            thickness=_positive(measures.get("SliceThickness")),
            spacing=self._dose_spacing() or _positive(measures.get("SpacingBetweenSlices")),
            frame_of_reference=str(uid) if uid else None,
        )
        self._set("ImagePositionPatient", patient=plane)
        self._set("PixelSpacing", spacing=(spacing[0], spacing[1]))

    def _dose_plane(
        self, position: Sequence[float] | None, orientation: Sequence[float] | None, item: Dataset | None
    ) -> Sequence[float] | None:
        """Return the position of a frame of a dose grid (PS3.3 C.8.8.3.2).

        Other frames without one have none.
        """
        if position is None or orientation is None or self.frames == 1 or item is not self.dataset:
            return position
        offsets = self._offsets()
        if offsets is None or not orthonormal(orientation):
            return None
        normal = normal_of(orientation)
        if offsets[0] == 0:
            return [start + offsets[self.index] * part for start, part in zip(position, normal, strict=True)]
        if math.isclose(offsets[0], position[2], abs_tol=PLANE_OFFSET) and abs(normal[2]) > 1 - DIRECTION:
            return [position[0], position[1], offsets[self.index]]
        return None

    def _offsets(self) -> list[float] | None:
        vector = self._vector(self.dataset, "GridFrameOffsetVector", self.frames)
        return None if vector is None else list(vector)

    def _dose_spacing(self) -> float | None:
        """Return the distance of the planes of a dose grid, in mm, where it is the same between all."""
        offsets = self._offsets() if self.frames > 1 else None
        if not offsets:
            return None
        steps = [abs(after - before) for before, after in itertools.pairwise(offsets)]
        return steps[0] if steps[0] > 0 and max(steps) - min(steps) < PLANE_OFFSET else None

    def projection(self) -> None:
        """Set spacing at the receptor and the distances, for CR, DX, Secondary Capture and the like."""
        for keyword in ("ImagerPixelSpacing", "PixelSpacing", "NominalScannedPixelSpacing"):
            spacing = self._vector(self.dataset, keyword, 2)
            if spacing is not None and min(spacing) > 0:
                self._set(keyword, spacing=spacing)
                break
        distance = self._number("DistanceSourceToDetector")
        if distance is not None and distance > 0:
            self._set("DistanceSourceToDetector", sid=distance)

    def _grouped(
        self, sequence: str, keyword: str, count: int
    ) -> tuple[tuple[float, ...] | None, Dataset | None]:
        """Return a vector of the frame's, the shared or the top level attributes, and the item it is in."""
        per_frame = self.dataset.get("PerFrameFunctionalGroupsSequence") or ()
        shared = self.dataset.get("SharedFunctionalGroupsSequence") or ()
        for items, place in ((per_frame, self.index), (shared, 0)):
            found = items[place].get(sequence) if place < len(items) else None
            if found:
                return self._vector(found[0], keyword, count), found[0]
        return self._vector(self.dataset, keyword, count), self.dataset

    def _number(self, keyword: str) -> float | None:
        value = self._value(self.dataset, keyword)
        numbers = _floats(value)
        if value is not None and (numbers is None or len(numbers) != 1):
            self._invalid(keyword, value)
            return None
        return None if numbers is None else numbers[0]

    def _vector(self, holder: Dataset, keyword: str, count: int) -> tuple[float, ...] | None:
        value = self._value(holder, keyword)
        numbers = _floats(value)
        if value is not None and (numbers is None or len(numbers) != count):
            self._invalid(keyword, value)
            return None
        return numbers

    def _value(self, holder: Dataset, keyword: str) -> Any:
        """Return the value of an attribute; None where it is absent or empty."""
        try:
            value = holder.get(keyword)
        except broken():
            # pydicom converts values when they are read: text that is no number fails here.
            self._invalid(keyword, "not readable")
            return None
        return (
            None
            if value is None or value == "" or (not isinstance(value, float | int) and not len(value))
            else value
        )

    def _set(self, keyword: str, **values: Any) -> None:
        self.geometry = self.geometry.having(Origin("file", keyword), **values)

    def _invalid(self, keyword: str, value: Any) -> None:
        note = Note("value-invalid", f"{keyword} is no sound value ({value}) and is left out")
        if note not in self.notes:
            self.notes.append(note)


def _floats(value: Any) -> tuple[float, ...] | None:
    if value is None:
        return None
    several = [value] if isinstance(value, str | int | float) else value
    try:
        numbers = tuple(float(part) for part in several)
    except (TypeError, ValueError):
        return None
    return numbers if all(math.isfinite(number) for number in numbers) else None


def _positive(value: Any) -> float | None:
    numbers = _floats(value if value != "" else None)
    return numbers[0] if numbers and numbers[0] > 0 else None

"""Write geometry as DICOM attributes: which keyword holds which value, for receptors and patient planes."""

from __future__ import annotations

import math
from collections.abc import Mapping

from ...decimal_string import ds, ds_list
from ...errors import GeometryError
from ...imaging.image import Geometry

Places = Mapping[str, tuple[str, tuple[float, ...] | None]]
"""Keyword, and (field of `Geometry`, its numbers; None where unknown)."""

REQUIRED_IN_RT_IMAGE = frozenset(
    {
        "ImagePlanePixelSpacing", "RTImagePosition", "RTImageOrientation", "XRayImageReceptorAngle",
        "RadiationMachineSAD", "RTImageSID",
    }
)  # fmt: skip
"""Attributes that every RT Image has, empty where unknown; the others are left out then."""


def receptor_places(geometry: Geometry) -> Places:
    """Return the attributes of the RT Image module (PS3.3 C.8.8.2); mm and degrees."""
    return {
        "ImagePlanePixelSpacing": ("spacing", geometry.spacing),
        "RTImagePosition": ("position", geometry.position),
        "RTImageOrientation": ("orientation", geometry.orientation),
        "XRayImageReceptorAngle": ("receptor_angle", _one(geometry.receptor_angle)),
        "XRayImageReceptorTranslation": ("translation", geometry.translation),
        "RadiationMachineSAD": ("sad", _one(geometry.sad)),
        "RTImageSID": ("sid", _one(geometry.sid)),
        "GantryAngle": ("gantry", _one(geometry.gantry)),
        "BeamLimitingDeviceAngle": ("collimator", _one(geometry.collimator)),
        "PatientSupportAngle": ("couch", _one(geometry.couch)),
    }


def patient_places(geometry: Geometry) -> Places:
    """Return the attributes of the Image Plane module (PS3.3 C.7.6.2); mm."""
    plane = geometry.patient
    return {
        "PixelSpacing": ("spacing", geometry.spacing),
        "ImagePositionPatient": ("patient", plane.position if plane else None),
        "ImageOrientationPatient": ("patient", plane.orientation if plane else None),
        "SliceThickness": ("patient", _one(plane.thickness) if plane else None),
        "SpacingBetweenSlices": ("patient", _one(plane.spacing) if plane else None),
    }


def texts(values: tuple[float, ...]) -> str | list[str]:
    """Return the text of one or several numbers. Raises: GeometryError for what is no finite number."""
    if not all(math.isfinite(value) for value in values):
        raise GeometryError("a length or an angle of the geometry is no finite number")
    return ds(values[0]) if len(values) == 1 else ds_list(values)


def text(values: tuple[float, ...]) -> str:
    """Return the text of numbers as in a file, a backslash between them."""
    found = texts(values)
    return found if isinstance(found, str) else "\\".join(found)


def _one(value: float | None) -> tuple[float, ...] | None:
    return None if value is None else (value,)

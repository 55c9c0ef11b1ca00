"""Find the attributes that might say where pixels are: those that the table has to decide on.

An attribute is one if its keyword has a word of place, direction, size or order in it. The words are
deliberately broad: the table says of many that they hold, and why.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

KINDS = {
    "1.2.840.10008.5.1.4.1.1.1": "computed-radiography-image",
    "1.2.840.10008.5.1.4.1.1.1.1": "digital-x-ray-image",
    "1.2.840.10008.5.1.4.1.1.1.1.1": "digital-x-ray-image",
    "1.2.840.10008.5.1.4.1.1.1.2": "digital-mammography-x-ray-image",
    "1.2.840.10008.5.1.4.1.1.1.2.1": "digital-mammography-x-ray-image",
    "1.2.840.10008.5.1.4.1.1.1.3": "digital-intra-oral-x-ray-image",
    "1.2.840.10008.5.1.4.1.1.1.3.1": "digital-intra-oral-x-ray-image",
    "1.2.840.10008.5.1.4.1.1.12.1": "x-ray-angiographic-image",
    "1.2.840.10008.5.1.4.1.1.12.2": "x-ray-radiofluoroscopic-image",
    "1.2.840.10008.5.1.4.1.1.128": "positron-emission-tomography-image",
    "1.2.840.10008.5.1.4.1.1.2": "ct-image",
    "1.2.840.10008.5.1.4.1.1.20": "nuclear-medicine-image",
    "1.2.840.10008.5.1.4.1.1.3.1": "ultrasound-multi-frame-image",
    "1.2.840.10008.5.1.4.1.1.4": "mr-image",
    "1.2.840.10008.5.1.4.1.1.481.1": "rt-image",
    "1.2.840.10008.5.1.4.1.1.481.2": "rt-dose",
    "1.2.840.10008.5.1.4.1.1.6.1": "ultrasound-image",
    "1.2.840.10008.5.1.4.1.1.7": "secondary-capture-image",
    "1.2.840.10008.5.1.4.1.1.7.2": "multi-frame-grayscale-byte-secondary-capture-image",
    "1.2.840.10008.5.1.4.1.1.7.3": "multi-frame-grayscale-word-secondary-capture-image",
    "1.2.840.10008.5.1.4.1.1.7.4": "multi-frame-true-color-secondary-capture-image",
    "1.2.840.10008.5.1.4.1.1.77.1.1": "vl-endoscopic-image",
    "1.2.840.10008.5.1.4.1.1.77.1.2": "vl-microscopic-image",
    "1.2.840.10008.5.1.4.1.1.77.1.4": "vl-photographic-image",
    "1.2.840.10008.5.1.4.1.1.77.1.5.1": "ophthalmic-photography-8-bit-image",
    "1.2.840.10008.5.1.4.1.1.77.1.5.2": "ophthalmic-photography-16-bit-image",
}
"""SOP class -> IOD: the kinds whose every attribute the table knows. Pixels of others are not moved."""

_WORDS = re.compile(
    "Position|Orient|Direction|Spacing|Pixel|Row|Column|Cent(er|re)|Origin|Angle|Vector|Matrix|Matrices"
    "|Coordinate|Locat|Region|Area|Edge|Vert|Shutter|Overlay|Point|Contour|Offset|Aspect|FieldOfView"
    "|Collimator|Lateral|Left|Right|Upper|Lower|Top|Bottom|Horizontal|Rotat|Flip|Distance|Displace|Translat"
    "|Tile|Plane|Frame|Slice|Axis|Axes|Shift|Segment|Corner|Bound|Mask|ROI|Line|Grid|Dimension|Diameter"
    "|Transform|Registration|Zoom|Magnif|Resample|Crop|Trim|Geometr|X0|X1|Y0|Y1|Size|Extent|Width|Height"
    "|Length|Radius|Tilt|Isocent|Mirror|Icon"
)


def is_candidate(keyword: str) -> bool:
    """Tell whether an attribute might say where pixels are, by its keyword."""
    return _WORDS.search(keyword) is not None


def candidates(folder: Path) -> set[str]:
    """Return the candidates among the modules of `KINDS`, at any depth.

    `folder`: that of highdicom's JSON tables.
    """
    modules_of, attributes_of = (
        json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("iod_module_map", "module_attribute_map")
    )
    keys = {part["key"] for kind in KINDS.values() for part in modules_of[kind]}
    rows = (attribute["keyword"] for key in keys for attribute in attributes_of.get(key, ()))
    return {keyword for keyword in rows if is_candidate(keyword)}

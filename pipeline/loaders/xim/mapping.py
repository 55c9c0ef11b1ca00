"""Turn XIM properties into geometry and DICOM attributes: the rules of docs/formats/xim.md, and nothing else.

Pure functions: properties go in ("not set" ones left out), values come out. Lengths are cm in the file and mm
here; angles are Varian standard scale in the file and IEC 61217 here. The rules were checked on real files of
three machines and against RT Images of the vendor's own console; what could not be checked is not used and
stays in the private block (`attribute_table`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, structs

from ...errors import Note
from ...imaging.image import Geometry, Origin
from .attribute_table import keep_rest
from .exposure import exposure_sequence
from .identity import identity
from .units import DECIMALS, KV, MV, Properties, half_of, iec, is_dark, millimetres, number

if TYPE_CHECKING:
    from pydicom import Dataset

_PARKED_PITCH = 1.0
"""Degrees of detector pitch beyond which the panel is folded away."""
_PARKED_LNG = 20.0
"""cm of detector travel beyond which the panel is parked."""
_BEAMS_EYE_VIEW = (1.0, 0.0, 0.0, 0.0, -1.0, 0.0)
"""Row 0 lies toward the gantry, columns run to +x: measured with a phantom on a couch that was moved."""

_UNKNOWN_SOURCE = Note(
    "xim-source-unknown",
    "ImageSourceType says neither MV (1) nor kV (2), so nothing of the file's geometry is used",
)


class Mapped(Struct, frozen=True):
    """The meaning of the properties of one XIM file."""

    geometry: Geometry
    attributes: Dataset
    notes: tuple[Note, ...]
    rescale: tuple[float, float] | None = None
    """Slope and intercept that the file states for its values, where they are not 1 and 0."""


def map_properties(properties: Properties, rows: int, columns: int) -> Mapped:
    """Return geometry, DICOM attributes and notes for an image of `rows` x `columns`."""
    half, rescale = half_of(properties), _rescale(properties)
    if half is None:
        notes = (_UNKNOWN_SOURCE, *_rescale_note(rescale))
        attributes = identity(properties, None, None)
        keep_rest(attributes, Geometry(), properties)
        return Mapped(Geometry(), attributes, notes, rescale)
    geometry = geometry_of(properties, half, rows, columns)
    attributes = identity(properties, half, geometry.gantry)
    if not is_dark(properties):
        # nothing was exposed in a dark field, whatever numbers its file holds
        attributes.ExposureSequence = exposure_sequence(properties, half)
    keep_rest(attributes, geometry, properties)
    notes = _parked_note(geometry) + _rescale_note(rescale)
    return Mapped(geometry, attributes, notes, rescale)


def geometry_of(properties: Properties, half: str, rows: int, columns: int) -> Geometry:
    """Return the geometry; what a parked panel makes meaningless is blank, with the reason."""
    geometry = _distances(_spacing(Geometry(), properties), properties, half)
    geometry = _angles(geometry, properties, half).having(
        Origin("rule", "XIM images are a beam's eye view on a panel that does not turn"),
        orientation=_BEAMS_EYE_VIEW,
        receptor_angle=0.0,
    )
    if geometry.spacing:
        down, across = geometry.spacing
        first = (round(-(columns - 1) / 2 * across, DECIMALS), round((rows - 1) / 2 * down, DECIMALS))
        geometry = geometry.having(Origin("derived", "PixelHeight, PixelWidth and shape"), position=first)
    parked = _parked(properties, half)
    return _without_receptor(geometry, parked) if parked else geometry


def _spacing(geometry: Geometry, properties: Properties) -> Geometry:
    """Set the spacing at the panel, whatever its distance: 0.336 mm at SID 1000, 1400 and 1500 alike."""
    height, width = number(properties, "PixelHeight"), number(properties, "PixelWidth")
    if height is None or width is None or height <= 0 or width <= 0:
        return geometry
    spacing = (millimetres(height), millimetres(width))
    return geometry.having(Origin("file", "PixelHeight, PixelWidth"), spacing=spacing)


def _distances(geometry: Geometry, properties: Properties, half: str) -> Geometry:
    source = number(properties, f"{half}SourceVrt")
    lat, lng, vrt = (number(properties, f"{half}Detector{axis}") for axis in ("Lat", "Lng", "Vrt"))
    if source is not None and source > 0:
        geometry = geometry.having(Origin("file", f"{half}SourceVrt"), sad=millimetres(source))
        if vrt is not None and source > vrt:
            sid = round(10.0 * source - 10.0 * vrt, DECIMALS)
            geometry = geometry.having(Origin("file", f"{half}DetectorVrt"), sid=sid)
    if lat is not None and lng is not None and vrt is not None:
        moved = (millimetres(lat), millimetres(lng), millimetres(vrt))
        names = f"{half}DetectorLat, {half}DetectorLng, {half}DetectorVrt"
        geometry = geometry.having(Origin("file", names), translation=moved)
    return geometry


def _angles(geometry: Geometry, properties: Properties, half: str) -> Geometry:
    """Set the angles of the source that made the image: of a kV image the kV source's; +x is right."""
    names = {"gantry": "GantryRtn" if half == MV else "KVSourceRtn", "couch": "CouchRtn"}
    if half == MV:
        names["collimator"] = "MVCollimatorRtn"
    for field, name in names.items():
        angle = number(properties, name)
        if angle is not None:
            geometry = geometry.having(Origin("file", name), **{field: iec(angle)})
    if half == KV:
        geometry = geometry.having(Origin("rule", "the blades of a kV source do not turn"), collimator=0.0)
    return geometry


def _parked(properties: Properties, half: str) -> str:
    """Return the reason why the panel was not where images are taken; empty where it was."""
    pitch, lng = number(properties, f"{half}DetectorPitch"), number(properties, f"{half}DetectorLng")
    if pitch is not None and abs(pitch) > _PARKED_PITCH:
        return f"the panel was folded away ({half}DetectorPitch {pitch:.6g} degrees)"
    if lng is not None and lng > _PARKED_LNG:
        return f"the panel was parked ({half}DetectorLng {lng:.6g} cm)"
    return ""


def _without_receptor(geometry: Geometry, reason: str) -> Geometry:
    fields = ("sid", "position", "translation")
    empty = geometry.having(Origin("file"), **dict.fromkeys(fields))
    return structs.replace(empty, blank=dict.fromkeys(fields, reason))


def _parked_note(geometry: Geometry) -> tuple[Note, ...]:
    reason = geometry.blank.get("sid")
    if not reason:
        return ()
    text = f"{reason}: SID, image position and receptor translation have no meaning and stay empty"
    return (Note("panel-parked", text),)


def _rescale(properties: Properties) -> tuple[float, float] | None:
    """Return gain and offset; by the vendor's description, value = stored x gain + offset."""
    gain, offset = number(properties, "DataGain"), number(properties, "DataOffset")
    gain, offset = 1.0 if gain is None else gain, 0.0 if offset is None else offset
    return None if (gain, offset) == (1.0, 0.0) or gain == 0 else (gain, offset)


def _rescale_note(rescale: tuple[float, float] | None) -> tuple[Note, ...]:
    """Return a note on the rescale, which is never applied without one."""
    if rescale is None:
        return ()
    gain, offset = rescale
    text = (
        f"the file says that its values are x {gain:.10g} + {offset:.10g}: the rescale of a DICOM output "
        "that stores the file's own integers says so too; nothing is applied to the pixels"
    )
    return (Note("xim-rescale", text, contradiction=True),)

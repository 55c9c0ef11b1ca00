"""What a conversion may say under `deidentify`: no name or path of a source reaches an output."""

from __future__ import annotations

from collections.abc import Iterator

from ..language.suggest import suggestion
from ..language.tags import keywords
from ..language.template import Place, places
from ..recipe import Conversion
from .rows import Rows
from .templates import Location, templates

COUNTED = ("index", "slice", "page", "frame")
_TARGETS = ("dicom", "png", "jpg", "tiff", "npy")
_CHECKED = ("exports", "tags", "study")


def problems_of_deidentified(conversion: Conversion, rows: Rows) -> Iterator[tuple[Location, str]]:
    """Yield each mistake with its location in the conversion."""
    if conversion.deidentify is None:
        return
    source = conversion.source.format
    if rows.formats[source].dicom == "never":
        yield ("deidentify",), f"is for DICOM sources, and the source is '{source}'"
    for index, export in enumerate(conversion.exports):
        if export.to not in _TARGETS:
            known = ", ".join(_TARGETS)
            yield ("exports", index, "to"), f"'{export.to}' is no target of 'deidentify'; those are {known}"
        if str(getattr(export, "transfer_syntax", "")) == "keep":
            yield (
                ("exports", index, "transfer_syntax"),
                "'keep' keeps what stands in a compressed stream, which 'deidentify' cannot look into",
            )
    for location, text in templates(conversion):
        if location[0] in _CHECKED:
            for place in places(text):
                what = wrong_place(place, path=location[0] == "exports")
                if what:
                    yield location, f"'{{{place}}}': {what}"


def is_own(place: Place) -> bool:
    """Tell whether a place of a path names an element of the output."""
    return not place.namespace and place.name in keywords()


def wrong_place(place: Place, *, path: bool) -> str | None:
    """Say why a place may not stand under `deidentify`."""
    if place.namespace in ("vars", "env") or (not place.namespace and place.name in COUNTED):
        return None
    if path and is_own(place):
        return None
    if place.namespace in ("source", "csv"):
        what = "under 'deidentify' nothing of the source or of a table may stand here"
    else:
        what = "under 'deidentify' no file's or folder's name may stand here"
    return what + _way_out(place, path=path)


def _way_out(place: Place, *, path: bool) -> str:
    if not path:
        return ""
    hint = suggestion(place.name, keywords())
    return hint or "; an element of the output may, as in {PatientID} or {SOPInstanceUID}"

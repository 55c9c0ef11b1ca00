"""Apply companion files: a sidecar fills what the file leaves open, a table's row overrules the file."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from ....schemas.language.tags import TagPath, TagValue
from ....schemas.language.words import TABLE_GEOMETRY, UNKNOWN
from ...errors import Note
from ...imaging.image import Image, Origin
from ...imaging.stated import Stated, Unknown
from ...inputs.tables import geometry_cells, tag_cells
from ...plan.lowered import LoweredConversion
from ...plan.model import Companions, InputFile

if TYPE_CHECKING:
    from pydicom import Dataset

    from ...inputs.check_xml import Check

_SH = 16
_SAME_SESSION = datetime.timedelta(days=1)
"""The longest time between an image and its machine performance check for which the check's time zone is
used: one of another day may be of another season.
"""
_TIMES = (("AcquisitionDate", "AcquisitionTime"), ("ContentDate", "ContentTime"))


def with_sidecar(image: Image, item: InputFile, data: Path) -> Image:
    """Return the image with what its sidecar says and the file does not. Raises: SourceError."""
    if not item.companions.sidecar:
        return image
    from pydicom import Dataset

    from ...inputs.check_xml import read_check

    check = read_check(data.joinpath(*item.companions.sidecar.split("/")))
    source = image.source
    said = Dataset()
    for known in (source.dataset, source.attributes):
        if known is not None:
            said.update({tag: known[tag] for tag in known.keys()})  # noqa: SIM118
    attributes = Dataset()
    if source.attributes is not None:
        attributes.update(source.attributes)
    notes = list(_filled(attributes, said, check, item.companions.sidecar))
    new = [each.keyword for each in attributes if each.tag not in (source.attributes or ())]
    companions = {**source.companions, **dict.fromkeys(new, item.companions.sidecar)}
    sources = (replace(source, attributes=attributes, companions=companions), *image.sources[1:])
    return image.replace(sources=sources).noting(*notes)


def _filled(attributes: Dataset, said: Dataset, check: Check, name: str) -> Iterator[Note]:
    """Add to `attributes` what the file leaves open, and yield a note for each contradiction."""
    short = check.serial if len(check.serial) <= _SH else ""
    values = {"DeviceSerialNumber": check.serial, "RadiationMachineName": short, "StationName": short}
    serial = str(said.get("DeviceSerialNumber") or "")
    if check.serial and serial not in ("", check.serial):
        text = f"{name} is of the machine {check.serial}, the file says another, which is kept"
        yield Note("sidecar-differs", text, contradiction=True)
        return
    if _far(said, check):
        text = (
            f"{name} is of {check.date}, more than a day from the image: its date and time zone are not used"
        )
        yield Note("sidecar-of-another-day", text)
    else:
        values |= {
            "StudyDate": check.date,
            "PerformedProcedureStepStartDate": check.date,
            "PerformedProcedureStepStartTime": check.time,
            "TimezoneOffsetFromUTC": check.zone,
        }
    for keyword, value in values.items():
        if value and not said.get(keyword):
            setattr(attributes, keyword, value)


def _far(said: Dataset, check: Check) -> bool:
    """Tell whether the image is of another session than the check."""
    taken = next((found for names in _TIMES if (found := _moment(*map(said.get, names)))), None)
    checked = _moment(check.date, check.time)
    return taken is not None and checked is not None and abs(taken - checked) > _SAME_SESSION


def _moment(date: Any, time: Any) -> datetime.datetime | None:
    try:
        return datetime.datetime.strptime(f"{date} {str(time or '0000')[:4]}", "%Y%m%d %H%M")
    except ValueError:
        return None


def with_row(
    stated: Stated[float], companions: Companions, origins: Mapping[str, Origin], weak: frozenset[str]
) -> tuple[Stated[float], dict[str, Origin], frozenset[str], tuple[Note, ...]]:
    """Return the geometry that a recipe states together with that of the file's row.

    A row outranks the file and values that only fill gaps; what the conversion itself states outranks the
    row.
    """
    cells = geometry_cells(companions.row)
    if not cells:
        return stated, dict(origins), weak, ()
    keys = (*TABLE_GEOMETRY, "pixel_spacing")
    own = {name for name in keys if getattr(stated, name) is not None and name not in weak}
    overruled = {key for key in cells if key in own or (key == "dpi" and "pixel_spacing" in own)}
    given = Origin("csv", f"{companions.table}:{companions.line}")
    taken = {key: _quantity(cell) for key, cell in cells.items() if key not in overruled}
    changes: dict[str, Any] = taken | ({"pixel_spacing": None} if "dpi" in taken else {})
    notes = tuple(_overruled(stated, cells, overruled, given, origins))
    return replace(stated, **changes), {**origins, **dict.fromkeys(taken, given)}, weak - taken.keys(), notes


def _quantity(cell: str) -> float | Unknown:
    return UNKNOWN if cell == UNKNOWN else float(cell)


def _overruled(
    stated: Stated[float],
    cells: Mapping[str, str],
    keys: set[str],
    given: Origin,
    origins: Mapping[str, Origin],
) -> Iterator[Note]:
    """Yield a note for each value of the row that the conversion itself overrules."""
    for key in sorted(keys):
        if getattr(stated, key) != _quantity(cells[key]):
            place = origins[key].detail if key in origins else "the recipe"
            text = f"geometry.{key} of {place} is used, and {given.detail} says {cells[key]}"
            yield Note("csv-differs", text, contradiction=True)


def row_origins(tags: Mapping[TagPath, TagValue], inputs: Sequence[InputFile]) -> dict[TagPath, Origin]:
    """Return the row as the origin of every tag; the recipe's own origins are laid over it."""
    if not inputs or not inputs[0].companions.row:
        return {}
    return dict.fromkeys(tags, Origin("csv", f"{inputs[0].companions.table}:{inputs[0].companions.line}"))


def with_row_tags(
    tags: Mapping[TagPath, TagValue], conversion: LoweredConversion, inputs: Sequence[InputFile]
) -> tuple[dict[TagPath, TagValue], tuple[Note, ...]]:
    """Return the recipe's tags over those of the row; of several inputs, those that all rows share."""
    rows = [tag_cells(item.companions.row, conversion.other_columns) for item in inputs]
    differing = {path for row in rows for path in row if any(other.get(path) != row[path] for other in rows)}
    settled = {path.steps for path in (*tags, *conversion.remove_tags)}
    shared = {
        path: value for path, value in rows[0].items() if path not in differing and path.steps not in settled
    }
    notes: tuple[Note, ...] = ()
    if differing:
        names = ", ".join(sorted(map(str, differing)))
        text = f"{names}: not the same in the rows of {inputs[0].path} and others; left out"
        notes = (Note("csv-rows-differ", text, contradiction=True),)
    return {**shared, **tags}, notes

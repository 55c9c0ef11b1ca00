"""Join what a recipe states of the geometry with what the file says: one value each, with its origin.

A value that the conversion itself gives overrides the file; one from `defaults`, `extends` or a machine only
fills what the file leaves open. Differences are reported, and refused under `strict`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Literal

from msgspec import structs

from ...schemas.language.plausible import doubtful_number
from ...schemas.language.words import UNKNOWN
from ..errors import GeometryError, Note
from .angles import Axis, apart, to_iec
from .deterministic import cosine_and_sine
from .image import Geometry, Image, Origin
from .stated import Stated
from .tolerances import ANGLE, INVERTIBLE, SPACING, STATED_DISTANCE

STANDARD_ORIENTATION = (1.0, 0.0, 0.0, 0.0, -1.0, 0.0)
"""Columns run along +x, rows along -y of the receptor, as in every Varian RT Image."""

AXES: tuple[Axis, ...] = ("gantry", "collimator", "couch")
DISTANCES: tuple[Literal["sid", "sad"], ...] = ("sid", "sad")


def resolve(
    image: Image,
    recipe_geometry: Stated[float],
    *,
    weak: frozenset[str] = frozenset(),
    origins: Mapping[str, Origin] | None = None,
    strict: bool = False,
) -> Image:
    """Return the image with the recipe's geometry joined to its own.

    Args:
        image: as it was loaded; its pixels are not read.
        recipe_geometry: what the recipe states, with what companion files say of this image.
        weak: fields of `recipe_geometry` that come from defaults: they fill and never replace.
        origins: the places of the recipe's values, by field.
        strict: differences are errors.

    A slice (``image.geometry.patient``) keeps its plane and spacing: its `spacing` lies in the slice and not
    at a SID, so spacing and center of a recipe do not apply to it.

    Raises:
        GeometryError: a spacing at the isocenter without SID and SAD; under `strict` every difference.
    """
    resolution = _Resolution(image, recipe_geometry, weak, origins or {})
    for name in DISTANCES:
        resolution.distance(name)
    for axis in AXES:
        resolution.angle(axis)
    if image.geometry.patient is None:
        resolution.spacing()
        resolution.translation()
        resolution.center()
    differences = [note for note in resolution.notes if note.contradiction]
    if strict and differences:
        raise GeometryError(
            "; ".join(note.text for note in differences),
            subject=resolution.subject,
            hint="correct one of the two, or leave the key out of the recipe",
        )
    if resolution.geometry is not image.geometry:
        image = image.replace(geometry=resolution.geometry)
    return image.noting(*resolution.notes)


class _Resolution:
    """The geometry of one image while the recipe's values are joined to it."""

    def __init__(
        self, image: Image, stated: Stated[float], weak: frozenset[str], origins: Mapping[str, Origin]
    ) -> None:
        self.image = image
        self.before = image.geometry
        self.geometry = image.geometry
        self.stated = stated
        self.weak = weak
        self.origins = origins
        self.notes: list[Note] = []
        self.subject = str(image.source.path) if image.sources else ""

    def distance(self, name: Literal["sid", "sad"]) -> None:
        value = getattr(self.stated, name)
        if self._applies(name, name, value):
            self._take(name, name, value, lambda one, other: abs(one - other) <= STATED_DISTANCE, show=_mm)

    def angle(self, axis: Axis) -> None:
        value = getattr(self.stated, axis)
        if self._applies(axis, axis, value):
            iec = to_iec(value, axis, self.stated.scale)
            self._take(axis, axis, iec, lambda one, other: apart(one, other) <= ANGLE, show=_degrees)

    def spacing(self) -> None:
        """Set dpi or pixel_spacing; without them the file's spacing stays, whatever becomes of the SID.

        A panel's pixels are as far apart at 1500 mm as at 1000 mm (docs/formats/xim.md): a recipe that
        corrects the SID says where the image plane was, not how large its pixels are.
        """
        key = "dpi" if self.stated.dpi is not None else "pixel_spacing"
        value: Any = self.stated.dpi if key == "dpi" else self.stated.pixel_spacing
        if not self._applies(key, "spacing", value):
            return
        spacing = (25.4 / value, 25.4 / value) if key == "dpi" else value
        given = self._origin(key)
        origin = Origin("derived", f"{key}, {given}") if key == "dpi" else given
        if self.stated.at == "isocenter":
            sid, sad = self._projection(key)
            spacing = (spacing[0] * sid / sad, spacing[1] * sid / sad)
            origin = Origin("derived", f"{key} at the isocenter, {given}; sid; sad")
        show = _dpi if key == "dpi" and self.stated.at == "image_plane" else _mm_pair
        self._take(key, "spacing", spacing, _same_spacing, show=show, origin=origin)
        self._scale_position()

    def _projection(self, key: str) -> tuple[float, float]:
        sid, sad = self.geometry.sid, self.geometry.sad
        if sid is None or sad is None:
            missing = " and ".join(name for name, has in (("sid", sid), ("sad", sad)) if has is None)
            raise GeometryError(
                f"geometry.{key} at the isocenter needs sid and sad, and {missing} is not known",
                subject=self.subject,
                hint=f"give geometry.{missing.replace(' and ', ' and geometry.')}, or 'at: image_plane'",
            )
        return sid, sad

    def _scale_position(self) -> None:
        """Scale the position with the spacing: the receptor's origin stays on its pixel."""
        old, new, position = self.before.spacing, self.geometry.spacing, self.before.position
        if position is None or old is None or new is None or old == new:
            return
        pixel = axis_pixel(position, self.before.orientation, old)
        if pixel is None or self.before.orientation is None:
            self._lose("position", "the file's position does not fit the recipe's spacing")
            return
        moved = axis_position(pixel, self.before.orientation, new)
        self.geometry = self.geometry.having(Origin("derived", "RTImagePosition, spacing"), position=moved)

    def translation(self) -> None:
        """Recompute the translation's z, which is SAD - SID (exact in 23 of 23 Varian files)."""
        before, now = self.before, self.geometry
        if before.translation is None or (before.sid, before.sad) == (now.sid, now.sad):
            return
        x, y, z = before.translation
        old, new = _receptor_height(before), _receptor_height(now)
        if old is not None and new is not None and abs(z - old) <= STATED_DISTANCE:
            origin = Origin("derived", "XRayImageReceptorTranslation, sad, sid")
            self.geometry = now.having(origin, translation=(x, y, new))
            return
        if before.sid is not None and now.sid is not None and before.sid != now.sid:
            self._lose("translation", "the file's receptor translation does not fit the recipe's SID")

    def center(self) -> None:
        stated = self.stated.center
        if stated is None or not self._applies("center", "position", stated):
            return
        middle = ((self.image.rows - 1) / 2, (self.image.columns - 1) / 2)
        pixel: Any = middle if stated == "image" else stated
        spacing = self.geometry.spacing
        if spacing is None:
            self.geometry = self.geometry.having(Origin("rule"), position=None)
            self.geometry = self._blanking("position", "center is given in pixels and no spacing is known")
            return
        orientation = self.geometry.orientation or STANDARD_ORIENTATION
        position = axis_position(pixel, orientation, spacing)
        if "center" in self.weak:
            # The panel's offset stays as the file says it; the position is the remaining distance.
            offset = _axis_offset(self.geometry)
            position = (position[0] - offset[0], position[1] - offset[1])
        self._compare_center(position)
        given = self._origin("center")
        self.geometry = self.geometry.having(
            Origin("derived", f"center, {given}; spacing"), position=position
        )
        if self.geometry.orientation is None:
            self.geometry = self.geometry.having(Origin("rule", "center"), orientation=orientation)
        self._unblank("position", "orientation")
        if self.geometry.translation is not None and "center" not in self.weak:
            # The offset of the panel is now in the position, and must not count twice.
            z = self.geometry.translation[2]
            self.geometry = self.geometry.having(
                Origin("derived", f"center, {given}"), translation=(0.0, 0.0, z)
            )

    def _compare_center(self, position: tuple[float, float]) -> None:
        if self.geometry.position is None:
            return
        offset = _axis_offset(self.geometry)
        file = (self.geometry.position[0] + offset[0], self.geometry.position[1] + offset[1])
        if math.dist(file, position) > STATED_DISTANCE:
            self._differs("center", "center", _point(position), "RTImagePosition", _point(file))

    # The following methods are used for every value.

    def _applies(self, key: str, field: str, value: Any) -> bool:
        """Tell whether the recipe's value takes effect as a value; ``unknown`` takes effect here."""
        if value is None or (key in self.weak and (self._known(field) or field in self.geometry.blank)):
            return False
        if value != UNKNOWN:
            self._doubt(key, value)
            return True
        self.geometry = self.geometry.having(Origin("rule"), **{field: None})
        self.geometry = self._blanking(field, f"{key}: unknown, {self._origin(key)}")
        if field == "spacing" and key not in self.weak and self.before.position is not None:
            self.geometry = self.geometry.having(Origin("rule"), position=None)
            self.geometry = self._blanking("position", f"{key}: unknown, {self._origin(key)}")
        return False

    def _doubt(self, key: str, value: Any) -> None:
        """Note a value that hardly anybody means, and what was likely meant."""
        for number in value if isinstance(value, tuple) else (value,):
            what = doubtful_number(key, number) if isinstance(number, int | float) else None
            if what:
                text = f"geometry.{key} ({self._origin(key).detail}) {what}"
                self.notes.append(Note("implausible", text, contradiction=True))
                return

    def _known(self, field: str) -> bool:
        return getattr(self.geometry, field) is not None

    def _take(
        self,
        key: str,
        field: str,
        value: Any,
        same: Callable[[Any, Any], bool],
        *,
        show: Callable[[Any], str],
        origin: Origin | None = None,
    ) -> None:
        old = getattr(self.geometry, field)
        if old is not None and not same(value, old):
            found = self.geometry.origins.get(field)
            self._differs(field, key, show(value), found.detail if found else "", show(old))
        self.geometry = self.geometry.having(origin or self._origin(key), **{field: value})
        self._unblank(field)

    def _differs(self, code: str, key: str, new: str, field: str, old: str) -> None:
        where = self._origin(key).detail
        file = f"the file ({field})" if field else "the file"
        text = f"geometry.{key} is {new} ({where}) and {file} says {old}; the recipe's value is used"
        self.notes.append(Note(f"{code}-differs", text, contradiction=True))

    def _origin(self, key: str) -> Origin:
        default = Origin("defaults" if key in self.weak else "conversion", f"geometry.{key}")
        return self.origins.get(key, default)

    def _lose(self, field: str, reason: str) -> None:
        """Empty a value of the file that is no longer true, with a note."""
        self.geometry = self.geometry.having(Origin("rule"), **{field: None})
        self.geometry = self._blanking(field, reason)
        self.notes.append(Note(f"{field}-lost", f"{field}: {reason}; left empty"))

    def _blanking(self, field: str, reason: str) -> Geometry:
        return structs.replace(self.geometry, blank={**self.geometry.blank, field: reason})

    def _unblank(self, *fields: str) -> None:
        if any(field in self.geometry.blank for field in fields):
            left = {name: why for name, why in self.geometry.blank.items() if name not in fields}
            self.geometry = structs.replace(self.geometry, blank=left)


def axis_position(
    pixel: tuple[float, float],
    orientation: tuple[float, float, float, float, float, float],
    spacing: tuple[float, float],
) -> tuple[float, float]:
    """Return RTImagePosition (x, y in mm of pixel 0, 0) if the beam's axis meets the pixel (row, column)."""
    down, along = pixel[0] * spacing[0], pixel[1] * spacing[1]
    return (
        0.0 - down * orientation[3] - along * orientation[0],
        0.0 - down * orientation[4] - along * orientation[1],
    )


def axis_pixel(
    position: tuple[float, float],
    orientation: tuple[float, float, float, float, float, float] | None,
    spacing: tuple[float, float],
) -> tuple[float, float] | None:
    """Return the (row, column) at x = y = 0: the inverse of `axis_position`; None if that is undefined."""
    if orientation is None:
        return None
    (a, b), (c, d) = (orientation[3], orientation[0]), (orientation[4], orientation[1])
    determinant = a * d - b * c
    if abs(determinant) < INVERTIBLE:
        return None
    down = -(d * position[0] - b * position[1]) / determinant
    along = -(a * position[1] - c * position[0]) / determinant
    return down / spacing[0], along / spacing[1]


def _axis_offset(geometry: Geometry) -> tuple[float, float]:
    """Return the receptor's origin relative to the beam's axis, in the receptor's directions (IEC 61217)."""
    x, y, _ = geometry.translation or (0.0, 0.0, 0.0)
    cosine, sine = cosine_and_sine(geometry.receptor_angle or 0.0)
    return x * cosine + y * sine, y * cosine - x * sine


def _receptor_height(geometry: Geometry) -> float | None:
    return None if geometry.sad is None or geometry.sid is None else geometry.sad - geometry.sid


def _same_spacing(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return all(abs(new - old) <= SPACING * old for new, old in zip(one, other, strict=True))


def _mm(value: float) -> str:
    return f"{value:.10g} mm"


def _dpi(spacing: tuple[float, float]) -> str:
    """Return a spacing as dpi, one number where rows and columns agree."""
    rows, columns = (f"{25.4 / each:.6g}" for each in spacing)
    return f"{rows} dpi" if rows == columns else f"{rows} x {columns} dpi"


def _mm_pair(value: tuple[float, float]) -> str:
    return f"{value[0]:.6g} x {value[1]:.6g} mm"


def _point(value: tuple[float, float]) -> str:
    return f"a first pixel at {value[0]:.6g}, {value[1]:.6g} mm"


def _degrees(value: float) -> str:
    return f"{value:.6g} degrees"

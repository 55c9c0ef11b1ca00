"""Encode the values of a Parametric Map: floats unchanged, which no other kind of DICOM may hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...errors import ExportError, Note
from ...imaging.image import Pixels
from .encoding import PARAMETRIC_MAP, Encoded
from .pixels import retained

if TYPE_CHECKING:
    from ....schemas.exports import Pixels as How


def encode_map(values: Pixels, how: How) -> Encoded:
    """Return values, (rows, columns) or (frames, rows, columns), as a Parametric Map stores them.

    `retain` keeps any type, with a note where the IOD does not allow it. `auto` keeps an allowed type and
    puts any other into the smallest allowed one that holds every value. `portable` and `quantize` prefer
    16-bit integers, which more programs can draw, where those hold every value. Nothing is ever rounded: a
    Parametric Map needs no rescale (PS3.3 C.7.6.16.2.9 asks for the identity).

    Raises:
        ExportError: no pixels, or 64-bit integers that no float holds exactly.
    """
    if values.size == 0:
        raise ExportError("the image has no pixels")
    if how == "retain":
        return retained(values, PARAMETRIC_MAP)
    if values.dtype.name in PARAMETRIC_MAP.dtypes and not (how != "auto" and values.dtype.kind == "f"):
        return retained(values, PARAMETRIC_MAP)
    whole = () if values.dtype.kind == "f" and how == "auto" else ("uint16", "int16")
    for name in (*whole, "float32", "float64"):
        if _holds(name, values):
            return _changed(values, name)
    raise ExportError(
        f"{values.dtype} values beyond 2^53 fit no type of a Parametric Map exactly",
        hint="use 'pixels: retain', which few programs read",
    )


def _holds(name: str, values: Pixels) -> bool:
    """Tell whether a type holds every value of an array exactly, NaN and the sign of zero included."""
    with np.errstate(invalid="ignore", over="ignore"):
        cast = values.astype(name)
        if values.dtype.kind != "f":
            limit = {"float32": 2**24, "float64": 2**53}.get(name)
            if limit is not None:
                return -limit <= int(values.min()) and int(values.max()) <= limit
            return bool(np.array_equal(cast, values))
        if cast.dtype.kind != "f" and (np.signbit(values) & (values == 0)).any():
            return False
        return bool(np.array_equal(cast.astype(values.dtype), values, equal_nan=cast.dtype.kind == "f"))


def _changed(values: Pixels, name: str) -> Encoded:
    encoded = retained(values.astype(name), PARAMETRIC_MAP)
    if name == values.dtype.name:
        return encoded
    text = f"{values.dtype} is stored as {name}, with the same values: a Parametric Map may not hold it"
    if values.dtype.name in PARAMETRIC_MAP.dtypes:
        text = f"{values.dtype} is stored as {name}, with the same values"
    return Encoded(
        encoded.stored, encoded.element, encoded.bits_stored, notes=(Note("map-type-changed", text),)
    )

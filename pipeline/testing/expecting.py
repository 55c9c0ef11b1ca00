"""Compare what a test states of outputs with the outputs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from msgspec import Struct

from ...schemas.testing.models import Expectation, Mean, Near
from ..errors import DicombakeError
from ..imaging.tolerances import EXPECTED
from .elements import wrong_tags
from .found import Found

SOP_CLASSES: Mapping[str, tuple[str, ...]] = {
    "rt-image": ("1.2.840.10008.5.1.4.1.1.481.1",),
    "ct-image": ("1.2.840.10008.5.1.4.1.1.2",),
    "mr-image": ("1.2.840.10008.5.1.4.1.1.4",),
    "pet-image": ("1.2.840.10008.5.1.4.1.1.128",),
    "rt-dose": ("1.2.840.10008.5.1.4.1.1.481.2",),
    "secondary-capture": tuple(
        f"1.2.840.10008.5.1.4.1.1.7{number}" for number in ("", ".1", ".2", ".3", ".4")
    ),
    "parametric-map": ("1.2.840.10008.5.1.4.1.1.30",),
}
"""SOP classes (PS3.4 B.5) of the kinds that a test can name."""


class Mismatch(Struct, frozen=True):
    """A difference from what was stated; `file` is empty where it is about all of the outputs."""

    file: str
    what: str
    expected: str
    found: str

    def __str__(self) -> str:
        start = f"{self.file}: " if self.file else ""
        return f"{start}{self.what}: expected {self.expected}, found {self.found}"


def mismatches(stated: Expectation, name: str, path: Path) -> Iterator[Mismatch]:
    """Yield how an output differs from what is stated; the number of outputs is checked by the caller."""
    found = Found(path)
    try:
        for what, expected, seen in _all(stated, found):
            yield Mismatch(name, what, expected, seen)
    except DicombakeError as error:
        yield Mismatch(name, "reading it", "an image", str(error).replace(str(path), name))


Told = Iterator[tuple[str, str, str]]


def _all(stated: Expectation, found: Found) -> Told:
    if stated.kind is not None:
        yield from _kind(stated.kind, found)
    if stated.tags or stated.absent:
        yield from wrong_tags(stated, found)
    if stated.shape is not None and found.values.shape != stated.shape:
        yield "shape", _shown_shape(stated.shape), _shown_shape(found.values.shape)
    if stated.dtype is not None and found.stored.dtype != np.dtype(stated.dtype):
        yield "dtype", stated.dtype, str(found.stored.dtype)
    for what, near in (("min", stated.min), ("max", stated.max)):
        if near is not None:
            value = float(found.values.min() if what == "min" else found.values.max())
            if not _near(value, near):
                yield what, _shown(near), f"{value:.10g}"
    for mean in stated.mean:
        yield from _mean(mean, found)
    if stated.spacing is not None:
        yield from _spacing(stated.spacing, found)


def _kind(kind: str, found: Found) -> Told:
    seen = found.kind
    if found.dataset is not None and kind in SOP_CLASSES:
        uid = found.dataset.get("SOPClassUID")
        if str(uid) not in SOP_CLASSES[kind]:
            yield "kind", kind, f"{uid.name}" if uid is not None else "no SOP class"
    elif seen != kind:
        yield "kind", kind, seen


def _mean(stated: Mean, found: Found) -> Told:
    planes = found.planes
    rows, columns = planes.shape[1:3]
    top, left, bottom, right = stated.region or (0, 0, rows, columns)
    what = f"mean of {list(stated.region)}" if stated.region else "mean"
    if not (top < bottom <= rows and left < right <= columns):
        yield what, "a region of the image", f"an image of {rows} x {columns}"
        return
    value = float(planes[:, top:bottom, left:right].astype(np.float64).mean())
    near = Near(value=stated.value, tolerance=stated.tolerance)
    if not _near(value, near):
        yield what, _shown(near), f"{value:.10g}"


def _spacing(stated: tuple[float, float], found: Found) -> Told:
    seen = found.images[0].geometry.spacing
    if seen is None:
        yield "spacing", _pair(stated), "none"
    elif not all(math.isclose(*pair, rel_tol=EXPECTED) for pair in zip(stated, seen, strict=True)):
        yield "spacing", _pair(stated), _pair(seen)


def _near(value: float, near: Near) -> bool:
    return abs(value - near.value) <= near.tolerance or math.isclose(value, near.value, rel_tol=1e-12)


def _shown(near: Near) -> str:
    return f"{near.value:.10g}" + (f" within {near.tolerance:.10g}" if near.tolerance else "")


def _pair(pair: tuple[float, float]) -> str:
    return f"{pair[0]:.10g} x {pair[1]:.10g} mm"


def _shown_shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))

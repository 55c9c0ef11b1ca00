"""Inspect a file: format, shape, type, range, geometry with the origin of each value, and metadata."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import Struct

from ...errors import Note, SourceError
from ...exporters.pictures.text import plain
from ...imaging.image import Geometry, Image, Lossy, Origin
from ...imaging.probe import Probe
from ...loaders.options import Limits, SourceOptions
from ...loaders.registry import load, probe

if TYPE_CHECKING:
    from pydicom import Dataset

MAX_BYTES = 64
"""The most bytes of a DICOM element that are shown; of more, only their number."""


class Kind(Struct, frozen=True):
    """The properties that some pages of a file share."""

    shape: tuple[int, ...]
    """(rows, columns) or (rows, columns, samples)."""
    dtype: str
    photometric: str | None
    pages: int


class Inspection(Struct, frozen=True):
    """The result for one file.

    The range is over all its pages; the rest but `kinds` is that of the first one.
    """

    path: Path
    format: str
    pages: int
    kinds: tuple[Kind, ...]
    """In the order of their first pages; nearly always one."""
    geometry: Geometry
    properties: Mapping[str, Any]
    minimum: int | float | None = None
    """Of the finite values; None where there is none, or where only headers were read."""
    maximum: int | float | None = None
    not_finite: int | None = None
    """How many values are NaN or infinite."""
    units: str | None = None
    lossy: Lossy | None = None
    notes: tuple[Note, ...] = ()


def inspect_file(path: Path, source: SourceOptions, *, headers: bool = False) -> Inspection:
    """Inspect a file, every page of it; with `headers` only what these claim, without pixels.

    Raises:
        SourceError: for what cannot be read truly.
    """
    if path.is_dir():
        raise SourceError("is a folder", subject=str(path), hint="name the files in it")
    limits = Limits()
    return _of_probe(path, probe(path, source, limits)) if headers else _of_images(path, source, limits)


def _of_probe(path: Path, found: Probe) -> Inspection:
    kind = Kind(found.shape, found.dtype, None, found.pages)
    return Inspection(path, found.format, found.pages, (kind,), found.geometry, found.properties)


def _of_images(path: Path, source: SourceOptions, limits: Limits) -> Inspection:
    kinds: dict[tuple[tuple[int, ...], str, str], int] = {}
    span = _Span()
    notes: dict[Note, None] = {}
    first: Image | None = None
    for image in load(path, source, limits):
        if first is None:
            first = _without_pixels(image)
        key = (image.pixels.shape, image.pixels.dtype.name, image.photometric)
        kinds[key] = kinds.get(key, 0) + 1
        span.add(image)
        notes |= dict.fromkeys(image.notes)
    if first is None:
        raise SourceError("holds no image", subject=str(path))
    return Inspection(
        path=path,
        format=first.source.format,
        pages=sum(kinds.values()),
        kinds=tuple(Kind(*key, pages) for key, pages in kinds.items()),
        geometry=first.geometry,
        properties=_properties(first),
        minimum=span.minimum,
        maximum=span.maximum,
        not_finite=span.not_finite,
        units=first.units,
        lossy=first.lossy,
        notes=tuple(notes),
    )


def _without_pixels(image: Image) -> Image:
    """Return the image without its pixels, whose memory is freed."""
    return image.replace(pixels=np.zeros_like(image.pixels[:1, :1]), stored=None)


@dataclass(slots=True)
class _Span:
    """The range of the values seen so far."""

    minimum: Any = None
    maximum: Any = None
    not_finite: int = 0

    def add(self, image: Image) -> None:
        values = image.pixels
        if values.dtype.kind == "f":
            finite = np.isfinite(values)
            count = int(np.count_nonzero(finite))
            self.not_finite += values.size - count
            if count < values.size:
                values = values[finite]
        if values.size:
            low, high = _number(values.min()), _number(values.max())
            self.minimum = low if self.minimum is None else min(low, self.minimum)
            self.maximum = high if self.maximum is None else max(high, self.maximum)


def _number(value: np.generic) -> Any:
    return int(value) if value.dtype == bool else value.item()


def _properties(image: Image) -> Mapping[str, Any]:
    """Return the format's own properties; of DICOM every element, sequences and private ones included."""
    dataset = image.source.dataset
    if dataset is None:
        return image.source.properties
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return dict(_elements(dataset))


def _elements(dataset: Dataset) -> Iterator[tuple[str, Any]]:
    from ...pydicom_versions.elements import tag_text

    for tag in sorted(dataset.keys()):
        try:
            element = dataset[tag]
            name, value = element.keyword or tag_text(tag), element.value
            yield (
                name,
                _long_bytes([dict(_elements(item)) for item in value] if element.VR == "SQ" else value),
            )
        except (ValueError, TypeError, OverflowError, NotImplementedError, AttributeError, LookupError):
            yield tag_text(tag), "(no value of its VR)"


def _long_bytes(value: Any) -> Any:
    if isinstance(value, bytes) and len(value) > MAX_BYTES:
        return f"({len(value)} bytes)"
    return value


class Fact(Struct, frozen=True):
    """One value of a geometry: its name, value (mm, degrees in IEC 61217), and where it came from."""

    name: str
    value: Any
    origin: Origin | None = None
    blank: str | None = None
    """The reason why it is deliberately empty."""


def facts(geometry: Geometry) -> Iterator[Fact]:
    """Yield every value that is known or deliberately empty; of a slice's plane as ``patient.position``."""
    for name in geometry.__struct_fields__:
        if name in ("origins", "blank"):
            continue
        value, origin = getattr(geometry, name), geometry.origins.get(name)
        if name == "patient" and value is not None:
            for inner in value.__struct_fields__:
                if (found := getattr(value, inner)) is not None:
                    yield Fact(f"{name}.{inner}", found, geometry.origins.get(inner, origin))
        elif value is not None:
            yield Fact(name, value, origin)
        elif name in geometry.blank:
            yield Fact(name, None, None, geometry.blank[name])


class Failure(Struct, frozen=True):
    """A file that could not be read, and why."""

    path: Path
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


def as_json(found: Inspection | Failure) -> dict[str, Any]:
    """Return one file for programs. These keys are stable.

    ``file``, and ``error`` where it could not be read; else ``format``, ``pages``, ``shape`` and ``dtype`` of
    the first page, ``kinds`` (shape, dtype, photometric and number of pages of each kind of page),
    ``minimum``, ``maximum``, ``not_finite`` (null with --headers), ``units``, ``lossy`` (method, ratio),
    ``geometry`` (by name: value, origin, detail; or blank, the reason for an empty value), ``properties``
    and ``notes`` (code, text).
    """
    if isinstance(found, Failure):
        return {"file": str(found.path), "error": found.reason}
    return {
        "file": str(found.path),
        "format": found.format,
        "pages": found.pages,
        "shape": list(found.kinds[0].shape),
        "dtype": found.kinds[0].dtype,
        "kinds": [
            {
                "shape": list(kind.shape),
                "dtype": kind.dtype,
                "photometric": kind.photometric,
                "pages": kind.pages,
            }
            for kind in found.kinds
        ],
        "minimum": found.minimum,
        "maximum": found.maximum,
        "not_finite": found.not_finite,
        "units": found.units,
        "lossy": {"method": found.lossy.method, "ratio": found.lossy.ratio} if found.lossy else None,
        "geometry": {fact.name: _fact(fact) for fact in facts(found.geometry)},
        "properties": {name: plain(value) for name, value in found.properties.items()},
        "notes": [{"code": note.code, "text": note.text} for note in found.notes],
    }


def _fact(fact: Fact) -> dict[str, Any]:
    if fact.blank is not None:
        return {"value": None, "blank": fact.blank}
    origin = fact.origin
    return {
        "value": plain(fact.value),
        "origin": origin.kind if origin else None,
        "detail": origin.detail if origin else "",
    }

"""Load Varian .xim, compressed or not, recognised by content whatever its name (docs/formats/xim.md).

Pixels are exactly those of the file: unsigned 16 bit for 2-byte images, signed 32 bit for 4-byte ones.
Geometry and attributes are made by `mapping`; every property that is set is kept under its own name.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ...imaging.image import Image, SourceFile, Stored
from ...imaging.probe import Probe
from ..base import Certainty, Loader
from ..files import opened
from ..options import Limits, XimOptions
from ..signatures import XIM
from .attribute_table import properties_behind
from .file import Cursor, read_header, read_pixels, read_properties, skip_pixels
from .mapping import map_properties


def load(path: Path, source: XimOptions, limits: Limits, pages: range | None = None) -> Iterator[Image]:
    """Yield the one image of a XIM file. Raises: SourceError."""
    if pages is not None and 0 not in pages:
        return
    with opened(path) as file:
        cursor = Cursor(file, path)
        header = read_header(cursor, limits)
        pixels = read_pixels(cursor, header)
        properties = read_properties(cursor, limits)
    mapped = map_properties(properties, header.rows, header.columns)
    yield Image(
        pixels=pixels,
        geometry=mapped.geometry,
        sources=(SourceFile(path, "xim", properties, attributes=mapped.attributes),),
        notes=mapped.notes,
        stored=None if mapped.rescale is None else Stored(pixels, *mapped.rescale, "US", pixels.itemsize * 8),
    )


def probe(path: Path, source: XimOptions, limits: Limits) -> Probe:
    """Return shape, geometry and properties; skip the pixels. Raises: SourceError."""
    with opened(path) as file:
        cursor = Cursor(file, path)
        header = read_header(cursor, limits)
        skip_pixels(cursor, header)
        properties = read_properties(cursor, limits)
    mapped = map_properties(properties, header.rows, header.columns)
    return Probe(
        format="xim",
        shape=(header.rows, header.columns),
        dtype=header.dtype.name,
        pages=1,
        geometry=mapped.geometry,
        properties=properties,
        attributes=mapped.attributes,
    )


def sniff(head: bytes, path: Path) -> Certainty:
    """Recognise XIM by the identifier that the file starts with."""
    return Certainty.SIGNED if head.startswith(XIM) else Certainty.NO


LOADER = Loader(load, probe, sniff, XimOptions(), properties_behind=properties_behind)

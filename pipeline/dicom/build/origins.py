"""Tell where the elements of a DICOM output come from, layer by layer (`pipeline.trace`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ....schemas.language.tags import TagPath
from ...imaging.image import Geometry, Origin, SourceFile
from ...loaders.registry import FORMATS, loader
from ...trace import UNTRACED, Trace
from .places import Places

if TYPE_CHECKING:
    from pydicom import Dataset

    from ....schemas.exports import Pixels as How

FRAMES = Origin("derived", "the images that the file holds")
_IN_GROUPS = {
    "PixelSpacing": "spacing",
    "ImagePositionPatient": "patient",
    "ImageOrientationPatient": "patient",
    "SliceThickness": "patient",
    "SpacingBetweenSlices": "patient",
}


def from_dataset(source: SourceFile) -> Callable[[str], Origin]:
    """Return a function that gives an element of a DICOM source as the origin."""
    return lambda name: (
        Origin("rule", source.decided[name])
        if name in source.decided
        else Origin("file", f"{name} of {source.path.name}")
    )


def trace_source(trace: Trace, dataset: Dataset, source: SourceFile) -> None:
    """Tell of the elements of a source; of one that was de-identified also of those that were removed."""
    if source.decided and trace is not UNTRACED:
        from pydicom import DataElement, Dataset
        from pydicom.datadict import tag_for_keyword
        from pydicom.tag import Tag

        tags = [tag for name in source.decided if (tag := tag_for_keyword(name)) and tag not in dataset]
        gone = Dataset({Tag(tag): DataElement(tag, "LO", "") for tag in tags})
        trace.layer(gone, Origin("file", "the source, which had it"))
    trace.layer(dataset, from_dataset(source))


def from_properties(source: SourceFile) -> Callable[[str], Origin]:
    """Return a function that gives the properties that an element was made of, else the file as a whole."""

    def origin(name: str) -> Origin:
        if name in source.companions:
            return Origin("file", f"{source.companions[name]}, beside {source.path.name}")
        names = _properties(source, name.rpartition(".")[2])
        return Origin("file", f"{', '.join(names)} of {source.path.name}" if names else source.path.name)

    return origin


def _properties(source: SourceFile, keyword: str) -> tuple[str, ...]:
    if not FORMATS[source.format].traces_properties:
        return ()
    behind = loader(source.format).properties_behind
    return () if behind is None else behind(source, keyword)


def of_pixels(how: How) -> Origin:
    """Return the origin of attributes that describe the pixels."""
    return Origin("derived", f"the pixels, stored as 'pixels: {how}' says")


def of_geometry(places: Places, geometry: Geometry) -> Callable[[str], Origin]:
    """Return a function that gives the origin that the geometry has recorded for a spatial value."""

    def origin(name: str) -> Origin:
        field, values = places.get(name, ("", None))
        if values is None:
            return Origin("rule", geometry.blank.get(field, "nobody says it"))
        return geometry.origins.get(field, Origin("file"))

    return origin


def of_groups(geometry: Geometry) -> Callable[[str], Origin]:
    """Return a function for functional groups: the places of slices and their spacing, else the frames."""

    def origin(name: str) -> Origin:
        field = _IN_GROUPS.get(name.rpartition(".")[2], "")
        return geometry.origins.get(field, FRAMES)

    return origin


def named(path: TagPath) -> str:
    """Return the name of the element at a path, as in `trace.elements`."""
    from pydicom.datadict import keyword_for_tag

    steps = []
    for step in path.steps:
        group, element = step.number >> 16, step.number & 0xFFFF
        if step.creator is not None:
            name = f"({group:04X},{step.creator},{element & 0xFF:02X})"
        else:
            name = keyword_for_tag(step.number) or f"({group:04X},{element:04X})"
        steps.append(name if step.index is None else f"{name}[{step.index}]")
    return ".".join(steps)

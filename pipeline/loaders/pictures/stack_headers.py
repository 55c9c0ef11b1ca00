"""Read the headers of pictures that are to be the slices of a volume, and compare them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from ...errors import Note, SourceError
from ...imaging.image import Geometry, Origin
from ...imaging.tolerances import SPACING
from ..options import ImageStackOptions, Limits
from .imagej import ImageJ, imagej_of
from .loader import chosen_samples, open_picture
from .page import Page, turned_geometry, whole

_FROM_IMAGEJ = Origin("file", "XResolution and the unit of ImageJ")
_OME = re.compile(r'\bSize(C|T)="(\d+)"')


class Slice(Struct, frozen=True):
    """A picture of a stack, from its headers."""

    path: Path
    index: int
    """Of its page in the file, from 0."""
    pages: int
    """Of the file."""
    shape: tuple[int, int]
    dtype: str
    photometric: str
    pixel: Geometry
    """With the spacing of rows and columns, as far as the file says it."""
    step: float | None
    rescale: tuple[float, float] | None
    """Slope and intercept of ImageJ's calibration."""
    properties: Mapping[str, Any]
    notes: tuple[Note, ...]


def slices_of(paths: Sequence[Path], source: ImageStackOptions, limits: Limits) -> tuple[Slice, ...]:
    """Return the slices in the order of the files and of their pages.

    Raises:
        SourceError: what is no picture; colour; several files of several pages; pictures that differ.
    """
    slices = [each for path in paths for each in _of_file(path, source, limits)]
    if len(paths) > 1:
        _refuse_pages(slices)
    _alike(slices)
    return tuple(slices)


def _of_file(path: Path, source: ImageStackOptions, limits: Limits) -> Iterator[Slice]:
    with open_picture(path, limits) as found:
        pages = [found.page(index) for index in range(found.count)]
    said = imagej_of(pages[0].properties, path)
    notes = _axes(pages, said, path)
    for index, page in enumerate(pages):
        samples, photometric = chosen_samples(page, source.channel, path)
        if samples:
            raise SourceError(
                f"is {photometric}, and the slices of a volume are grey",
                subject=str(path),
                hint="choose one with 'channel: luminance', 'red', 'green' or 'blue'",
            )
        yield Slice(
            path,
            index,
            len(pages),
            (page.shape[0], page.shape[1]),
            page.dtype,
            photometric,
            _pixel(page, said),
            None if said is None else said.step,
            None if said is None else said.rescale,
            page.properties,
            notes,
        )


def _pixel(page: Page, said: ImageJ | None) -> Geometry:
    """Return the spacing of rows and columns: ImageJ's unit counts before ResolutionUnit."""
    if said is None or said.pixel is None:
        return page.geometry
    found = Geometry().having(_FROM_IMAGEJ, spacing=said.pixel)
    return turned_geometry(found, whole(page.properties.get("Orientation")) or 1)


def _axes(pages: Sequence[Page], said: ImageJ | None, path: Path) -> tuple[Note, ...]:
    """Return a note where a file calls its slices channels or times.

    Raises: SourceError, where its pages are several of these, or not all are found.
    """
    count = len(pages)
    if said is not None and said.images > count:
        raise SourceError(
            f"says that it holds {said.images} images, and only {count} can be found by its directories",
            subject=str(path),
            hint="save it from ImageJ as an image sequence (File > Save As)",
        )
    channels, times = (1, 1) if said is None else (said.channels, said.times)
    for axis, text in _OME.findall(str(pages[0].properties.get("ImageDescription") or "")):
        channels, times = (int(text), times) if axis == "C" else (channels, int(text))
    if count == 1 or (channels, times) == (1, 1):
        return ()
    if count in (channels, times):
        name = "channels" if count == channels else "times"
        text = f"its description calls its pages {name}; they are read as slices, as the recipe says"
        return (Note("pages-of-another-axis", text, contradiction=True),)
    raise SourceError(
        f"holds {channels} channels and {times} times, and a volume has one of each",
        subject=str(path),
        hint="save each channel and each time as a stack of its own",
    )


def _refuse_pages(slices: Sequence[Slice]) -> None:
    """Refuse files of several pages beside other files: nobody says whether they are one volume."""
    several = next((each for each in slices if each.pages > 1), None)
    if several is not None:
        raise SourceError(
            f"holds {several.pages} pages, and a stack of several files has a slice in each",
            subject=str(several.path),
            hint="'group_by: [stem]' in 'inputs' makes a volume of each file",
        )


def _alike(slices: Sequence[Slice]) -> None:
    """Compare the pictures. Raises: SourceError, naming the first that is not as most are."""
    differing: tuple[tuple[str, list[Hashable]], ...] = (
        ("rows and columns", [f"{each.shape[0]} x {each.shape[1]}" for each in slices]),
        ("type", [each.dtype for each in slices]),
        ("photometric interpretation", [each.photometric for each in slices]),
        ("calibration", [each.rescale for each in slices]),
    )
    for what, values in differing:
        usual = Counter(values).most_common(1)[0][0]
        for each, value in zip(slices, values, strict=True):
            if value != usual:
                raise _other(each, f"{what}: {value}, and most of the {len(slices)} slices have {usual}")
    first = slices[0]
    for each in slices[1:]:
        if not (_near(first.pixel.spacing, each.pixel.spacing) and _near((first.step,), (each.step,))):
            own, others = (shown((*(one.pixel.spacing or (None, None)), one.step)) for one in (each, first))
            raise _other(each, f"spacing: {own} mm, and '{first.path.name}' has {others}")


def _other(each: Slice, what: str) -> SourceError:
    who = "it" if each.pages == 1 else f"page {each.index + 1}"
    return SourceError(
        f"is no slice of this stack: {who} has another {what}",
        subject=str(each.path),
        hint="keep other pictures out with 'exclude' or 'group_by'",
    )


def _near(one: Sequence[float | None] | None, other: Sequence[float | None] | None) -> bool:
    if one is None or other is None:
        return one is other
    return all(
        a is b if a is None or b is None else abs(a - b) <= SPACING * a
        for a, b in zip(one, other, strict=True)
    )


def shown(spacing: Sequence[float | None]) -> str:
    return " x ".join("unknown" if each is None else f"{each:.6g}" for each in spacing)

"""Load folders of CT, MR or PET slices, one DICOM file each, as one volume.

All headers are read first: which series is meant, and whether its slices are a volume (`stack`). Only then
are pixels read, one slice at a time, by the loader of DICOM files. Slice 1 is the first along the normal of
the planes (row x column; for axial slices the lowest z), whatever the names and InstanceNumbers say.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from ...errors import Note, SourceError
from ...imaging.exact import rescaled
from ...imaging.image import Image, Origin
from ...imaging.probe import Probe
from ...imaging.tolerances import POSITION, STEP
from ..base import Loader, SeriesLoader
from ..options import DicomOptions, DicomSeriesOptions, Limits
from ..remembered import remembered
from .alike import AlikeFiles, Read
from .codecs import declared_loss
from .dataset import guarded
from .geometry import read_geometry
from .layout import Layout, bit_notes, read_layout
from .loader import Header, image_at, images_of
from .properties import DicomProperties
from .stack import Slice, Stack, stacked
from .values import modality_notes, read_modality

if TYPE_CHECKING:
    from pydicom import Dataset


_OWN = frozenset(
    {
        0x00080012, 0x00080013, 0x00080018, 0x00080022, 0x00080023, 0x0008002A, 0x00080032, 0x00080033,
        0x00181150, 0x00181151, 0x00181152, 0x00200012, 0x00200013, 0x00200032, 0x00201041, 0x00280106,
        0x00280107, 0x00281050, 0x00281051,
    }
)  # fmt: skip
"""Attributes of a slice that decide neither its layout, nor its values, nor its geometry, but for
ImagePositionPatient: instance, times, acquisition, exposure, SliceLocation, extremes and window."""


class _File(Struct, frozen=True):
    """A file, its elements before the pixels, and what they mean where they are those of a slice."""

    path: Path
    read: Read

    @property
    def dataset(self) -> Dataset:
        return self.read.dataset

    def text(self, keyword: str) -> str:
        value = DicomProperties(self.read.known).get(keyword)
        return "" if value is None else str(value).strip()


class _Sliced(Struct, frozen=True):
    """A slice, and the header that its pixels are read with."""

    slice: Slice
    header: Header


class Series(Struct, frozen=True):
    """The one series of some files that the recipe chooses: its slices in order, and their headers."""

    stack: Stack
    probes: tuple[Probe, ...]
    """One per slice, in the order of the stack."""
    headers: Mapping[Path, Header]
    reads: Mapping[Path, Read]

    @property
    def paths(self) -> tuple[Path, ...]:
        """Files in order along the normal."""
        return tuple(each.path for each in self.stack.slices)


@remembered
def survey(paths: Sequence[Path], source: DicomSeriesOptions, limits: Limits) -> Series:
    """Return the series that `source` chooses among some files, from their headers only.

    Raises:
        SourceError: a file that is not DICOM, none or several series to choose from, slices without a
            position, and whatever keeps them from being a volume, with the names of the files.
    """
    found, files = [], AlikeFiles(limits)
    for path in paths:
        with guarded(path):
            found.append(_File(path, files.read(path, pixels=False)))
    subject = str(paths[0].parent if len(paths) > 1 else paths[0])
    chosen = _chosen(found, source, subject)
    if len(chosen) > limits.frames:
        raise SourceError(
            f"has {len(chosen)} slices, more than the limit of {limits.frames}",
            subject=subject,
            hint="raise limits.frames in the recipe if that is right",
        )
    slices = {each.path: sliced for each, sliced in zip(chosen, _slices(chosen, limits), strict=True)}
    places = tuple(each.slice for each in slices.values())
    stack = stacked(places, subject, any_distance=source.any_distance)
    datasets = {each.path: each.dataset for each in chosen}
    headers = {path: each.header for path, each in slices.items()}
    probes = (
        Probe(
            "dicom-series",
            each.shape,
            each.dtype,
            len(chosen),
            headers[each.path].geometry,
            DicomProperties(datasets[each.path]),
        )
        for each in stack.slices
    )
    return Series(stack, tuple(probes), headers, {each.path: each.read for each in chosen})


def _slices(files: Sequence[_File], limits: Limits) -> Iterator[_Sliced]:
    """Yield the slice of each file; of one that differs in what is its own, only its place is read.

    Raises: SourceError where it is no single grey slice with a place.
    """
    first: _Sliced | None = None
    for each in files:
        differing = each.read.differing
        if differing is None or first is None or not differing <= _OWN:
            found = _slice(each, limits)
            first = found if differing is None else first
        else:
            found = _moved(each, first)
        yield found


def _moved(file: _File, first: _Sliced) -> _Sliced:
    """Return a slice that differs from another one in its place."""
    with guarded(file.path):
        x, y, z = (float(part) for part in file.read.known.ImagePositionPatient)
    if not (math.isfinite(x) and math.isfinite(y) and math.isfinite(z)):
        raise SourceError("has a place that is no sound one", subject=str(file.path))
    geometry = first.header.geometry
    plane = replace(first.slice.plane, position=(x, y, z))
    header = replace(first.header, geometry=replace(geometry, patient=plane))
    return _Sliced(replace(first.slice, path=file.path, plane=plane), header)


def load_series(
    paths: Sequence[Path], source: DicomSeriesOptions, limits: Limits, pages: range | None = None
) -> Iterator[tuple[Path, Image]]:
    """Yield the slices of a series in order along the normal, with the file of each, one in memory at a time.

    `page` counts slices, from 1; `pages` picks some, from 0. Pixels are modality values or the integers as
    stored; the plane of each slice is that of its file, the distance of slices that of their positions.

    Raises:
        SourceError: as `survey`; and for pixels that cannot be decoded truly.
    """
    series = survey(paths, source, limits)
    stack = series.stack
    count, files = len(stack.slices), AlikeFiles(limits)
    for index in range(count) if pages is None else pages:
        if not 0 <= index < count:
            continue
        each = stack.slices[index]
        header, read = series.headers[each.path], series.reads[each.path]
        dataset = read.again() if read.again is not None else None
        image = None if dataset is None else image_at(each.path, dataset, header, read.offset)
        if image is None:
            with guarded(each.path):
                read = files.read(each.path)
            header = replace(header, settled=read.settled)
            image = next(images_of(read.dataset, each.path, DicomOptions(), limits, header=header))
        if image.pixels.dtype.name != each.dtype:
            raise SourceError(
                f"has values of type {image.pixels.dtype.name} where its header says {each.dtype}",
                subject=str(each.path),
            )
        yield each.path, _placed(image, stack, index)


def load(
    path: Path, source: DicomSeriesOptions, limits: Limits, pages: range | None = None
) -> Iterator[Image]:
    """Load a single file as a series of one slice. Raises: SourceError."""
    for _, image in load_series((path,), source, limits, pages):
        yield image


def probe(path: Path, source: DicomSeriesOptions, limits: Limits) -> Probe:
    """Return what the header of a single slice says. Raises: SourceError."""
    return survey((path,), source, limits).probes[0]


def _chosen(headers: Sequence[_File], source: DicomSeriesOptions, subject: str) -> list[_File]:
    """Return the files of one series. Raises: SourceError, which names the series that there are."""
    groups: dict[str, list[_File]] = {}
    for header in headers:
        groups.setdefault(header.text("SeriesInstanceUID"), []).append(header)
    wanted = source.series
    fitting = list(groups)
    if wanted is not None:
        fitting = [wanted] if wanted in groups else [uid for uid in groups if _fits(groups[uid][0], wanted)]
    if len(fitting) == 1:
        return groups[fitting[0]]
    found = "; ".join(_described(uid, groups[uid]) for uid in (fitting or groups))
    if wanted is not None and not fitting:
        raise SourceError(f"has no series '{wanted}'; it holds {found}", subject=subject)
    what = f"'{wanted}' names {len(fitting)} series" if wanted else f"holds {len(fitting)} series"
    raise SourceError(
        f"{what}, and a volume is one: {found}",
        subject=subject,
        hint="choose one with 'source: {format: dicom-series, series: ...}' (UID, description or number), "
        "or split the files with 'group_by'",
    )


def _fits(header: _File, wanted: str) -> bool:
    return wanted.strip() in (header.text("SeriesDescription"), header.text("SeriesNumber"))


def _described(uid: str, members: Sequence[_File]) -> str:
    """Return what tells a series from others; not its description, which is free text and may hold a name."""
    first = members[0]
    number = f"number {first.text('SeriesNumber')}, " if first.text("SeriesNumber") else ""
    files = "1 file" if len(members) == 1 else f"{len(members)} files"
    return f"{uid or 'no UID'} ({first.text('Modality') or 'no modality'}, {number}{files})"


def _slice(file: _File, limits: Limits) -> _Sliced:
    """Return what a file says as a slice.

    Raises: SourceError where it is no single grey slice with a place.
    """
    path, dataset = file.path, file.dataset
    with guarded(path):
        if "Rows" not in dataset or "BitsAllocated" not in dataset:
            raise SourceError("is no image, and a series of slices has images only", subject=str(path))
        keyword = "PixelData"
        if "BitsStored" not in dataset:
            keyword = "FloatPixelData" if dataset.BitsAllocated == 32 else "DoubleFloatPixelData"
        layout = read_layout(path, dataset, limits, keyword)
        geometry, remarks = read_geometry(dataset)
        _check_kind(path, dataset, layout)
        modality = read_modality(path, dataset, 0)
        dtype = layout.dtype.name if modality.lut is None else modality.lut.dtype.name
        if modality.lut is None and not modality.identity:
            dtype = _rescaled(layout, modality.slope, modality.intercept)
    if geometry.patient is None or geometry.spacing is None:
        missing = [
            name
            for name in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing")
            if not file.text(name)
        ]
        what = f"has no {' and no '.join(missing)}" if missing else "has a place that is no sound one"
        raise SourceError(f"{what}, so its place in a volume is not known", subject=str(path))
    return _Sliced(
        Slice(
            path,
            (layout.rows, layout.columns),
            geometry.spacing,
            geometry.patient,
            dtype,
            modality.units,
            layout.photometric,
            file.text("Modality"),
        ),
        Header(
            file.read.settled,
            layout,
            modality,
            geometry,
            remarks,
            bit_notes(layout) + modality_notes(dataset),
            declared_loss(dataset),
        ),
    )


def _check_kind(path: Path, dataset: Dataset, layout: Layout) -> None:
    if layout.frames > 1:
        raise SourceError(
            f"holds {layout.frames} frames, and a series has one slice in a file",
            subject=str(path),
            hint="a multi-frame file is read with 'source: dicom'",
        )
    if layout.photometric not in ("MONOCHROME1", "MONOCHROME2"):
        raise SourceError(f"is {layout.photometric}, and the slices of a volume are grey", subject=str(path))


def _rescaled(layout: Layout, slope: float, intercept: float) -> str:
    """Return the dtype that the loader gives the rescaled values of this file."""
    bits = max(8, layout.stored) if layout.allocated == 1 else layout.stored
    bounds = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if layout.signed else (0, (1 << bits) - 1)
    nothing = np.zeros(1, layout.dtype)
    integers = layout.dtype.kind in "iu"
    return rescaled(nothing, slope, intercept, bounds=bounds if integers else None).dtype.name


def _placed(image: Image, stack: Stack, index: int) -> Image:
    """Return the image as a slice of the stack: with its number and the distance of its neighbours."""
    plane = image.geometry.patient
    assert plane is not None  # survey has refused slices without a position
    notes: tuple[Note, ...] = ()
    if stack.spacing is not None:
        said = plane.spacing
        if said is not None and abs(said - stack.spacing) > max(POSITION, STEP * stack.spacing):
            text = (
                f"SpacingBetweenSlices says {said:.6g} mm and the slices lie {stack.spacing:.6g} mm apart; "
                "their positions count"
            )
            notes = (Note("slice-spacing-differs", text, contradiction=True),)
        if said is None or notes:
            plane = replace(plane, spacing=stack.spacing)
    geometry = image.geometry.having(Origin("file", "ImagePositionPatient"), patient=plane)
    source = replace(
        image.source, format="dicom-series", page=index + 1, pages=len(stack.slices), in_volume=True
    )
    return image.replace(geometry=geometry, sources=(source,)).noting(*notes)


LOADER = Loader(load, probe, series=SeriesLoader(survey, load_series))

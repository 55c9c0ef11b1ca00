"""Load folders of CT, MR or PET slices, one DICOM file each, as one volume.

All headers are read first: which series is meant, and whether its slices are a volume (`stack`). Only then
are pixels read, one slice at a time, by the loader of DICOM files. Slice 1 is the first along the normal of
the planes (row x column; for axial slices the lowest z), whatever the names and InstanceNumbers say.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
from .dataset import guarded, read_dataset
from .geometry import read_geometry
from .layout import Layout, read_layout
from .loader import images_of
from .properties import DicomProperties
from .sound import settle
from .stack import Slice, Stack, stacked
from .values import read_modality

if TYPE_CHECKING:
    from pydicom import Dataset


class _Header(Struct, frozen=True):
    """A file and its elements before the pixels."""

    path: Path
    dataset: Dataset

    def text(self, keyword: str) -> str:
        value = DicomProperties(self.dataset).get(keyword)
        return "" if value is None else str(value).strip()


class Series(Struct, frozen=True):
    """The one series of some files that the recipe chooses: its slices in order, and their headers."""

    stack: Stack
    probes: tuple[Probe, ...]
    """One per slice, in the order of the stack."""

    @property
    def paths(self) -> tuple[Path, ...]:
        """Files in order along the normal."""
        return tuple(each.path for each in self.stack.slices)


def survey(paths: Sequence[Path], source: DicomSeriesOptions, limits: Limits) -> Series:
    """Return the series that `source` chooses among some files, from their headers only.

    Raises:
        SourceError: a file that is not DICOM, none or several series to choose from, slices without a
            position, and whatever keeps them from being a volume, with the names of the files.
    """
    headers = []
    for path in paths:
        with guarded(path):
            dataset = read_dataset(path, limits, pixels=False)
            settle(dataset)
            headers.append(_Header(path, dataset))
    subject = str(paths[0].parent if len(paths) > 1 else paths[0])
    chosen = _chosen(headers, source, subject)
    if len(chosen) > limits.frames:
        raise SourceError(
            f"has {len(chosen)} slices, more than the limit of {limits.frames}",
            subject=subject,
            hint="raise limits.frames in the recipe if that is right",
        )
    slices = {header.path: _slice(header, limits) for header in chosen}
    stack = stacked(tuple(slices.values()), subject, any_distance=source.any_distance)
    datasets = {header.path: header.dataset for header in chosen}
    return Series(stack, tuple(_probe(each, datasets[each.path], len(chosen)) for each in stack.slices))


def load_series(
    paths: Sequence[Path], source: DicomSeriesOptions, limits: Limits, pages: range | None = None
) -> Iterator[tuple[Path, Image]]:
    """Yield the slices of a series in order along the normal, with the file of each, one in memory at a time.

    `page` counts slices, from 1; `pages` picks some, from 0. Pixels are modality values or the integers as
    stored; the plane of each slice is that of its file, the distance of slices that of their positions.

    Raises:
        SourceError: as `survey`; and for pixels that cannot be decoded truly.
    """
    stack = survey(paths, source, limits).stack
    count = len(stack.slices)
    for index in range(count) if pages is None else pages:
        if not 0 <= index < count:
            continue
        each = stack.slices[index]
        image = next(images_of(read_dataset(each.path, limits), each.path, DicomOptions(), limits))
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


def _chosen(headers: Sequence[_Header], source: DicomSeriesOptions, subject: str) -> list[_Header]:
    """Return the files of one series. Raises: SourceError, which names the series that there are."""
    groups: dict[str, list[_Header]] = {}
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


def _fits(header: _Header, wanted: str) -> bool:
    return wanted.strip() in (header.text("SeriesDescription"), header.text("SeriesNumber"))


def _described(uid: str, members: Sequence[_Header]) -> str:
    first = members[0]
    description = f" '{first.text('SeriesDescription')}'" if first.text("SeriesDescription") else ""
    number = f"number {first.text('SeriesNumber')}, " if first.text("SeriesNumber") else ""
    files = "1 file" if len(members) == 1 else f"{len(members)} files"
    return f"{uid or 'no UID'}{description} ({first.text('Modality') or 'no modality'}, {number}{files})"


def _slice(header: _Header, limits: Limits) -> Slice:
    """Return what a file says as a slice.

    Raises: SourceError where it is no single grey slice with a place.
    """
    path, dataset = header.path, header.dataset
    with guarded(path):
        if "Rows" not in dataset or "BitsAllocated" not in dataset:
            raise SourceError("is no image, and a series of slices has images only", subject=str(path))
        keyword = "PixelData"
        if "BitsStored" not in dataset:
            keyword = "FloatPixelData" if dataset.BitsAllocated == 32 else "DoubleFloatPixelData"
        layout = read_layout(path, dataset, limits, keyword)
        geometry, _ = read_geometry(dataset)
        _check_kind(path, dataset, layout)
        modality = read_modality(path, dataset, 0)
        dtype = layout.dtype.name if modality.lut is None else modality.lut.dtype.name
        if modality.lut is None and not modality.identity:
            dtype = _rescaled(layout, modality.slope, modality.intercept)
    if geometry.patient is None or geometry.spacing is None:
        missing = [
            name
            for name in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing")
            if not header.text(name)
        ]
        what = f"has no {' and no '.join(missing)}" if missing else "has a place that is no sound one"
        raise SourceError(f"{what}, so its place in a volume is not known", subject=str(path))
    return Slice(
        path,
        (layout.rows, layout.columns),
        geometry.spacing,
        geometry.patient,
        dtype,
        modality.units,
        layout.photometric,
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


def _probe(each: Slice, dataset: Dataset, count: int) -> Probe:
    geometry, _ = read_geometry(dataset)
    return Probe("dicom-series", each.shape, each.dtype, count, geometry, DicomProperties(dataset))


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

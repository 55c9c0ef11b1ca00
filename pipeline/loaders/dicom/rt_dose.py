"""Load RT Dose (PS3.3 A.18) as a volume: its frames are the slices, values are dose in Gy, or relative.

GridFrameOffsetVector says where the frames lie, either from the first one on along the normal of its plane,
or as places along z (PS3.3 C.8.8.3.2). Grids whose frames are not at equal distances are refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from ...errors import SourceError
from ...imaging.image import Geometry, Image, PatientPlane
from ...imaging.probe import Probe
from ...imaging.tolerances import POSITION
from ...imaging.vectors import dot, normal_of
from ..base import Loader
from ..options import DicomOptions, Limits
from . import loader
from .dataset import guarded, read_dataset
from .geometry import read_geometry
from .properties import DicomProperties
from .sound import settle

if TYPE_CHECKING:
    from pydicom import Dataset

    from ..options import RtDoseOptions


class _Grid(Struct, frozen=True):
    """Frames in order along the normal of their planes."""

    frames: tuple[int, ...]
    """From 0, as the file counts them."""
    planes: tuple[Geometry, ...]


def load(path: Path, source: RtDoseOptions, limits: Limits, pages: range | None = None) -> Iterator[Image]:
    """Yield slices in order along the normal, dose in Gy or relative; `pages` picks some, from 0.

    Raises: SourceError.
    """
    dataset = read_dataset(path, limits)
    grid = _grid(dataset, path)
    count = len(grid.frames)
    wanted = [page for page in (range(count) if pages is None else pages) if 0 <= page < count]
    if not wanted:
        return
    backwards = count > 1 and grid.frames[0] > grid.frames[-1]
    stored = sorted(grid.frames[page] for page in wanted)
    images = loader.images_of(dataset, path, DicomOptions(), limits, range(stored[0], stored[-1] + 1))
    # frames run with the slices, or against them
    found = list(images) if backwards else images
    ordered = reversed(found) if isinstance(found, list) else found
    for image, page in zip(ordered, wanted, strict=True):
        file = replace(image.source, format="rt-dose", page=page + 1, pages=count, in_volume=False)
        yield image.replace(geometry=grid.planes[page], sources=(file,))


def probe(path: Path, source: RtDoseOptions, limits: Limits) -> Probe:
    """Return what the header says of the grid. Raises: SourceError."""
    dataset = read_dataset(path, limits, pixels=False)
    grid = _grid(dataset, path)
    with guarded(path):
        shape = (int(dataset.Rows), int(dataset.Columns))
    return Probe("rt-dose", shape, "float64", len(grid.frames), grid.planes[0], DicomProperties(dataset))


def _grid(dataset: Dataset, path: Path) -> _Grid:
    """Return the frames in order. Raises: SourceError for what is no RT Dose, or no even grid."""
    with guarded(path):
        settle(dataset, None)
        if str(dataset.get("Modality")) != "RTDOSE" or "Rows" not in dataset:
            raise SourceError(
                f"is no dose grid but {dataset.get('Modality') or 'of no modality'}",
                subject=str(path),
                hint="'source: dicom' reads images, 'source: dicom-series' slices of a volume",
            )
        count = int(dataset.get("NumberOfFrames") or 1)
        places = [_placed(dataset, index, path) for index in range(count)]
    normal = normal_of(places[0][1].orientation)
    along = [dot(plane.position, normal) for _, plane in places]
    steps = [after - before for before, after in pairwise(along)]
    if steps and max(steps) - min(steps) > POSITION:
        raise SourceError(
            f"has frames {min(map(abs, steps)):.6g} to {max(map(abs, steps)):.6g} mm apart, and the slices "
            "of a volume lie at equal distances",
            subject=str(path),
        )
    if steps and abs(steps[0]) <= POSITION:
        raise SourceError("has frames that lie in one place", subject=str(path))
    order = tuple(range(count)) if not steps or steps[0] > 0 else tuple(range(count))[::-1]
    spacing = abs(along[-1] - along[0]) / len(steps) if steps else None
    return _Grid(order, tuple(_spaced(*places[index], spacing) for index in order))


def _placed(dataset: Dataset, index: int, path: Path) -> tuple[Geometry, PatientPlane]:
    geometry, _ = read_geometry(dataset, index)
    if geometry.patient is None or geometry.spacing is None:
        raise SourceError(
            "does not say where its frames lie (ImagePositionPatient, ImageOrientationPatient, "
            "PixelSpacing, GridFrameOffsetVector)",
            subject=str(path),
        )
    return geometry, geometry.patient


def _spaced(geometry: Geometry, plane: PatientPlane, spacing: float | None) -> Geometry:
    """Return the geometry with the distance of the frames, which no SliceThickness has to say."""
    if spacing is None:
        return geometry
    known: Any = round(spacing, 10)
    return replace(geometry, patient=replace(plane, spacing=known, thickness=known))


LOADER = Loader(load, probe)

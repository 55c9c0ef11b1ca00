"""The grid of a source, and the one that a recipe asks for, from headers alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ...errors import SourceError
from ...loaders.auto import recognise
from ...loaders.options import AutoOptions, DicomSeriesOptions, Limits, RtDoseOptions, SourceOptions
from ...loaders.registry import FORMATS, probe, survey
from .lattice import GridError, Lattice, slices, spaced, stack

if TYPE_CHECKING:
    from ...imaging.probe import Probe
    from ..operations import Operation, Resample

Named = Mapping[str, Sequence[Path]]


def lattice_of(probes: Sequence[Probe], subject: str) -> Lattice:
    """Return the grid that headers say: of each slice of a series, or of one file with all its slices.

    Raises: SourceError where the place of the slices is not known.
    """
    first = probes[0]
    try:
        if len(probes) > 1:
            return slices([each.geometry for each in probes], first.shape)
        return stack(first.geometry, first.shape, first.pages)
    except GridError as error:
        raise SourceError(f"cannot be resampled: {error}", subject=subject) from None


def headers(paths: Sequence[Path], source: SourceOptions, limits: Limits) -> tuple[Probe, ...]:
    """Return what headers say: of each slice of a series, else of the one file. Raises: SourceError."""
    if FORMATS[source.format].series:
        return survey(paths, source, limits).probes
    return (probe(paths[0], source, limits),)


def wanted(source: Lattice, options: Resample, named: Named, limits: Limits, subject: str) -> Lattice:
    """Return the grid that a recipe asks for. Raises: SourceError."""
    if options.like is not None:
        target = _like(named.get(options.like, ()), options.like, limits)
    else:
        assert options.spacing is not None  # the model has seen to it
        try:
            target = spaced(source, options.spacing)
        except GridError as error:
            raise SourceError(f"cannot be resampled: {error}", subject=subject) from None
    if len(target.positions) > limits.frames:
        raise SourceError(
            f"resample: {len(target.positions)} slices are more than the limit of {limits.frames}",
            subject=subject,
            hint="raise limits.frames in the recipe if that is right",
        )
    return target


def _like(paths: Sequence[Path], name: str, limits: Limits) -> Lattice:
    if not paths:
        raise SourceError(f"resample: 'like: {name}' is known only where a recipe is run")
    source = _format(paths)
    try:
        found = lattice_of(headers(paths, source, limits), str(paths[0]))
        if len(found.positions) > 1 and not (found.even and found.straight):
            raise GridError("its slices lie unevenly, or not above each other")
        found = replace(found, thickness=found.gaps[0])
    except GridError as error:
        raise SourceError(f"gives no grid to resample to: {error}", subject=str(paths[0])) from None
    return found


def _format(paths: Sequence[Path]) -> SourceOptions:
    """Return how the files that `like` names are read: by content; DICOM as a series, or as a dose."""
    if recognise(paths[0]) != "dicom":
        if len(paths) > 1:
            raise SourceError(
                f"'like' names {len(paths)} files, and only slices in DICOM are one grid",
                subject=str(paths[0]),
            )
        return AutoOptions()
    modality = probe(paths[0], AutoOptions(), Limits()).properties.get("Modality")
    return RtDoseOptions() if modality == "RTDOSE" else DicomSeriesOptions()


def compared(source: Lattice, target: Lattice, name: str, subject: str) -> Lattice:
    """Return the target in the frame of reference of both. Raises: SourceError, where they have two."""
    one, other = source.frame_of_reference, target.frame_of_reference
    if one and other and one != other:
        raise SourceError(
            f"resample: '{name}' has another frame of reference, so that nobody knows how the two lie",
            subject=subject,
            hint="register them first, in the program that does it",
        )
    return replace(target, frame_of_reference=one or other)


def resamplings(process: Sequence[Operation]) -> list[Resample]:
    """Return the operations that give a volume other slices."""
    return [each for each in process if each.op == "resample"]


def count_after(
    probes: Sequence[Probe], process: Sequence[Operation], named: Named, limits: Limits, subject: str
) -> int:
    """Return how many slices there are after all operations. Raises: SourceError."""
    grid = lattice_of(probes, subject)
    for options in resamplings(process):
        grid = wanted(grid, options, named, limits, subject)
    return len(grid.positions)

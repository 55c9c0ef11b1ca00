"""Private memory of the largest process, mapped pages of files aside (Linux's RssAnon)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .inputs import Inputs
from .jobs import MEAN, NIFTI, TIFF, Bench, volume

MIB = 2**20
LARGE = (2048, 1024, 1024)
"""Slices, rows, columns of int16: 4 GiB."""
PACKED = (512, 1024, 1024)
"""1 GiB."""
DOSE_SHAPE = (256, 1024, 1024)
"""Of float32: 1 GiB."""
DOSE = (
    '{inputs: "dose.npy", source: {format: volume, slice_axis: 0, spacing: [1, 1, 1]}, '
    'exports: {to: rt-dose, path: "dose.dcm"}}'
)


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table of memory, in MiB."""

    job: str
    peak: float
    bound: float
    why: str

    @property
    def reached(self) -> bool:
        return self.peak <= self.bound


def figures(bench: Bench) -> Iterator[Figure]:
    """Each job once."""
    yield from _volumes(bench)
    peaks = {}
    for method in ("mean", "median"):
        for count in (50, 200):
            conversion = MEAN.replace("mean}", f"{method}}}")
            peaks[method, count] = _peak(bench, conversion, bench.inputs.dicom(count))
    for method in ("mean", "median"):
        few, many = peaks[method, 50], peaks[method, 200]
        yield Figure(f"{method} of 50 DICOM of 1190x1190", few, 600, "600 MiB")
        bound = few * 1.15 if method == "mean" else 600
        why = "that of 50, and 15 % for what the files say" if method == "mean" else "600 MiB"
        yield Figure(f"{method} of 200 DICOM of 1190x1190", many, bound, why)
    for side in (1024, 2048, 4096):
        peak = _peak(bench, TIFF, bench.inputs.tiff(8, side), "--jobs", "2")
        image = side * side * 2 / MIB
        yield Figure(
            f"8 TIFF of {side}x{side}, two workers", peak, 100 + 6 * image, "100 MiB and 6 times the image"
        )


def _volumes(bench: Bench) -> Iterator[Figure]:
    data = large_volume(bench.inputs)
    peak = _peak(bench, volume(0), data, "--jobs", "2")
    yield Figure("a volume of 4 GiB, two workers", peak, 600, "600 MiB")
    peak = _peak(bench, NIFTI, bench.inputs.nifti(LARGE), "--jobs", "2")
    yield Figure("a NIfTI of 4 GiB to CT, two workers", peak, 600, "600 MiB")
    peak = _peak(bench, NIFTI, bench.inputs.nifti(PACKED, packed=True), "--jobs", "2")
    yield Figure("a .nii.gz of 1 GiB of values to CT, in one pass", peak, 600, "600 MiB")
    for to, name in (("nifti", "a.nii"), ("nifti", "a.nii.gz"), ("nrrd", "a.nrrd"), ("metaimage", "a.mha")):
        conversion = f'{{inputs: "volume.nii*", source: nifti, exports: {{to: {to}, path: {name}}}}}'
        peak = _peak(bench, conversion, bench.inputs.nifti(LARGE))
        yield Figure(f"a NIfTI of 4 GiB to one file, {name[1:]}", peak, 600, "600 MiB")
    peak = _peak(bench, DOSE, bench.inputs.dose(DOSE_SHAPE))
    yield Figure("a dose of 1 GiB of values to RT Dose", peak, 600, "600 MiB")
    resample = NIFTI.replace("exports:", "process: [{resample: {spacing: [0.4, 0.4, 0.8]}}], exports:")
    peak = _peak(bench, resample, bench.inputs.nifti(PACKED, packed=True), "--jobs", "2")
    yield Figure("a .nii.gz of 1 GiB of values, resampled to twice as many voxels", peak, 600, "600 MiB")


def _peak(bench: Bench, conversion: str, data: object, *options: str) -> float:
    return bench.convert(conversion, data, *options, memory=True).peak / MIB  # type: ignore[arg-type]


def large_volume(inputs: Inputs) -> object:
    return inputs.volume(0, LARGE)

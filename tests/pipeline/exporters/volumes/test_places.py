"""Every order and sign of a grid's axes, turned obliquely: each voxel keeps its place in every format.

The place of each voxel is compared by its value, which no other voxel has: as nibabel has it in the source,
and as other readers find it in what was written. The whole of it, 48 orders by 5 turns, is run where
DICOMBAKE_SWEEPS=1 (``nox -s sweeps``); else each order with one of the turns.
"""

from __future__ import annotations

import gzip
import itertools
import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import nibabel
import nrrd
import numpy as np
import pytest
import SimpleITK as sitk
from dicombake.pipeline.exporters.registry import exporter
from dicombake.pipeline.imaging.image import Image
from dicombake.pipeline.loaders.options import DicomSeriesOptions, Limits, SourceOptions, VolumeFileOptions
from dicombake.pipeline.loaders.registry import load, load_each
from dicombake.pipeline.output import Context, Identity
from dicombake.schemas.exports import EXPORT_TARGETS

WHOLE = os.environ.get("DICOMBAKE_SWEEPS") == "1"
SHAPE = (5, 4, 3)
SPACING = (0.9, 1.7, 2.6)
ORIGIN = (-31.25, 12.5, 101.0)
CONTEXT = Context(Identity(namespace=None, recipe="test", conversion="volume", content="0"))

ORDERS = tuple(itertools.product(itertools.permutations(range(3)), itertools.product((1, -1), repeat=3)))
TURNS = ((0, 0, 0), (12, 0, 0), (0, -25, 8), (33, 14, -7), (-61, 40, 19))
"""Degrees about x, y and z."""
CASES = [
    (order, turn)
    for number, order in enumerate(ORDERS)
    for turn in (TURNS if WHOLE else (TURNS[number % len(TURNS)],))
]
FLOAT32 = 1e-4
"""mm: what a NIfTI header holds."""
EXACT = 1e-6


def turned(degrees: Sequence[float]) -> np.ndarray:
    matrix = np.eye(3)
    for axis, angle in enumerate(np.radians(degrees)):
        one, other = (each for each in range(3) if each != axis)
        turn = np.eye(3)
        turn[[one, one, other, other], [one, other, one, other]] = [
            np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle),
        ]  # fmt: skip
        matrix = turn @ matrix
    return matrix


def affine_of(order: Any, turn: Sequence[float]) -> np.ndarray:
    """Voxel to RAS: a permutation with signs, turned, with a spacing for each stored axis."""
    axes, signs = order
    affine = np.eye(4)
    affine[:3, :3] = turned(turn) @ (np.eye(3)[:, list(axes)] * signs) * SPACING
    affine[:3, 3] = ORIGIN
    return affine


def made(path: Path, affine: np.ndarray) -> Path:
    values = np.arange(np.prod(SHAPE), dtype=np.int16).reshape(SHAPE) * 7 - 200
    header = nibabel.Nifti1Header()
    header.set_xyzt_units("mm")
    header.set_data_dtype(values.dtype)
    image = nibabel.Nifti1Image(values, affine, header)
    image.set_sform(affine, 1)
    image.set_qform(affine, 1)
    nibabel.save(image, path)
    return path


PAGE = Path(__file__).resolve().parents[4] / "docs" / "evidence.md"
FOUND: dict[str, dict[Any, float]] = {}
"""The largest deviation in mm that each reader found, by the turn; over the orders that were tried."""
READERS = (
    "nifti, nibabel", "nifti, SimpleITK", "nrrd, pynrrd", "nrrd, SimpleITK", "metaimage, SimpleITK",
    "ct-series, SimpleITK", "ct-series, dcm2niix", "ct-series, ours, to nifti, nibabel",
    "ct-series, ours, to nrrd, pynrrd", "ct-series, ours, to metaimage, SimpleITK",
)  # fmt: skip
"""Target and reader."""

Places = dict[int, np.ndarray]
"""LPS in mm, by the value of the voxel."""


def of_nibabel(image: Any) -> Places:
    values = np.asarray(image.dataobj)
    return {
        int(values[index]): (np.diag([-1, -1, 1, 1]) @ image.affine @ [*index, 1])[:3]
        for index in np.ndindex(values.shape)
    }


def of_sitk(image: Any) -> Places:
    values = sitk.GetArrayFromImage(image)
    return {
        int(values[index]): np.array(image.TransformIndexToPhysicalPoint([int(each) for each in index[::-1]]))
        for index in np.ndindex(values.shape)
    }


def of_pynrrd(path: Path) -> Places:
    values, header = nrrd.read(str(path))
    assert header["space"] == "left-posterior-superior"
    return {
        int(values[index]): header["space origin"] + np.array(index) @ header["space directions"]
        for index in np.ndindex(values.shape)
    }


def apart(one: Places, other: Places) -> float:
    assert one.keys() == other.keys()
    return max(float(np.linalg.norm(one[value] - other[value])) for value in one)


def noted(name: str, turn: Any, found: float) -> float:
    """Note a deviation for the table of the docs, and return it."""
    of_reader = FOUND.setdefault(name, {})
    of_reader[turn] = max(of_reader.get(turn, 0.0), found)
    return found


def written(to: str, path: Path, images: Sequence[Image]) -> Path:
    options: Any = EXPORT_TARGETS[to].model_validate({"to": to, "path": path.name})
    artifact = exporter(to).export(images, options, CONTEXT)
    path.write_bytes(b"".join(artifact.chunks))
    artifact.check(path)
    return path


def loaded(path: Path, options: SourceOptions) -> list[Image]:
    return list(load(path, options, Limits()))


def targets(folder: Path, images: Sequence[Image]) -> Iterator[tuple[str, Places, float]]:
    """What each reader finds in each target."""
    nifti = written("nifti", folder / "o.nii", images)
    yield "nifti, nibabel", of_nibabel(nibabel.load(nifti)), FLOAT32
    yield "nifti, SimpleITK", of_sitk(sitk.ReadImage(str(nifti))), FLOAT32
    found = written("nrrd", folder / "o.nrrd", images)
    yield "nrrd, pynrrd", of_pynrrd(found), EXACT
    yield "nrrd, SimpleITK", of_sitk(sitk.ReadImage(str(found))), EXACT
    found = written("metaimage", folder / "o.mha", images)
    yield "metaimage, SimpleITK", of_sitk(sitk.ReadImage(str(found))), EXACT


def series_of(folder: Path, images: Sequence[Image]) -> list[Path]:
    folder.mkdir()
    return [written("ct-series", folder / f"{number}.dcm", [image]) for number, image in enumerate(images, 1)]


def of_series(paths: Sequence[Path]) -> Places:
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames([str(path) for path in paths])
    return of_sitk(reader.Execute())


@pytest.mark.parametrize("order, turn", CASES)
def test_each_voxel_keeps_its_place(order: Any, turn: Any, tmp_path: Path) -> None:
    source = made(tmp_path / "s.nii", affine_of(order, turn))
    meant = of_nibabel(nibabel.load(source))
    images = loaded(source, VolumeFileOptions("nifti"))
    for name, places, bound in targets(tmp_path, images):
        assert noted(name, turn, apart(meant, places)) < bound + EXACT, name
    for name, path in (("nrrd", tmp_path / "o.nrrd"), ("metaimage", tmp_path / "o.mha")):
        again = loaded(path, VolumeFileOptions(name))
        assert [a.pixels.tolist() for a in again] == [b.pixels.tolist() for b in images]
        assert apart(meant, dict(_own(again))) < EXACT
    for axis in (0, 1):
        cut = loaded(source, VolumeFileOptions("nifti", slice_axis=axis))
        assert apart(meant, dict(_own(cut))) < EXACT
        assert _right_handed(cut)
    assert apart(meant, dict(_own(images))) < EXACT
    assert _right_handed(images)


def _own(images: Sequence[Image]) -> Iterator[tuple[int, np.ndarray]]:
    """As PS3.3 C.7.6.2.1.1 has it."""
    for image in images:
        plane, spacing = image.geometry.patient, image.geometry.spacing
        assert plane is not None and spacing is not None
        row, column = np.array(plane.orientation[:3]), np.array(plane.orientation[3:])
        for (down, along), value in np.ndenumerate(image.pixels):
            place = np.array(plane.position) + row * spacing[1] * along + column * spacing[0] * down
            yield int(value), place


def _right_handed(images: Sequence[Image]) -> bool:
    first, last = (images[index].geometry.patient for index in (0, -1))
    assert first is not None and last is not None
    normal = np.cross(first.orientation[:3], first.orientation[3:])
    return bool(normal @ np.subtract(last.position, first.position) > 0)


@pytest.mark.parametrize("order, turn", CASES if WHOLE else CASES[::6])
def test_by_way_of_a_ct_series_too(order: Any, turn: Any, tmp_path: Path) -> None:
    source = made(tmp_path / "s.nii", affine_of(order, turn))
    meant = of_nibabel(nibabel.load(source))
    paths = series_of(tmp_path / "ct", loaded(source, VolumeFileOptions("nifti", units="hu")))
    assert noted("ct-series, SimpleITK", turn, apart(meant, of_series(paths))) < EXACT
    images = [image for _, image in load_each(paths, DicomSeriesOptions(), Limits())]
    for name, places, bound in targets(tmp_path, images):
        found = apart(meant, places)
        assert noted(f"ct-series, ours, to {name}", turn, found) < bound + EXACT, name


@pytest.mark.checker
@pytest.mark.parametrize("order, turn", CASES if WHOLE else CASES[::16])
def test_dcm2niix_finds_them_where_we_put_them(
    order: Any, turn: Any, tmp_path: Path, checker: Callable[[str], str]
) -> None:
    program = checker("dcm2niix")
    source = made(tmp_path / "s.nii", affine_of(order, turn))
    series_of(tmp_path / "ct", loaded(source, VolumeFileOptions("nifti", units="hu")))
    done = subprocess.run(
        [program, "-b", "n", "-z", "n", "-f", "o", "-o", str(tmp_path), str(tmp_path / "ct")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    found = sorted(tmp_path.glob("o*.nii"))
    assert len(found) == 1, done.stdout
    deviation = apart(of_nibabel(nibabel.load(source)), of_nibabel(nibabel.load(found[0])))
    assert noted("ct-series, dcm2niix", turn, deviation) < 2 * FLOAT32


@pytest.mark.skipif(not WHOLE, reason="DICOMBAKE_SWEEPS=1 runs every order and turn")
def test_the_table_of_the_docs(generated: Callable[[Path, str, str], None]) -> None:
    if not all(len(FOUND.get(name, ())) == len(TURNS) for name in READERS):
        pytest.skip("a reader is missing, or some tests were not run")
    head = [f"{' '.join(map(str, turn))}" for turn in TURNS]
    lines = [
        f"| written as, read by | {' | '.join(head)} |",
        f"|---|{'---|' * len(TURNS)}",
        *(f"| {name} | {' | '.join(_bound(FOUND[name][turn]) for turn in TURNS)} |" for name in READERS),
    ]
    generated(PAGE, "places", "\n".join(lines) + "\n")


def _bound(deviation: float) -> str:
    """A power of ten that is not passed, so that the last digits of another machine change nothing."""
    return next(f"1e-{power}" for power in range(12, 0, -1) if deviation <= 10.0**-power)


def test_the_gzip_header_is_always_the_same(tmp_path: Path) -> None:
    images = loaded(made(tmp_path / "s.nii", affine_of(ORDERS[3], TURNS[3])), VolumeFileOptions("nifti"))
    packed = written("nifti", tmp_path / "o.nii.gz", images)
    assert packed.read_bytes()[:8] == b"\x1f\x8b\x08\x00" + bytes(4)
    assert packed.read_bytes() == written("nifti", tmp_path / "p.nii.gz", images).read_bytes()
    plain = written("nifti", tmp_path / "o.nii", images)
    assert gzip.decompress(packed.read_bytes()) == plain.read_bytes()
    assert apart(of_nibabel(nibabel.load(plain)), of_nibabel(nibabel.load(packed))) == 0

"""Each pixel of each kind of DICOM stays where it was, whatever is done, or the file is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from dicombake.pipeline.dicom.moving.candidates import KINDS as TABLED
from dicombake.pipeline.errors import ExportError, ProcessError
from dicombake.pipeline.exporters.dicom import ct_series, rt_image, same_kind
from dicombake.pipeline.exporters.options import CtSeriesOptions, RtImageOptions, SameKindOptions
from dicombake.pipeline.imaging.image import Image
from dicombake.pipeline.loaders.dicom.loader import load
from dicombake.pipeline.loaders.options import DicomOptions, Limits
from dicombake.pipeline.process.apply import apply
from dicombake.schemas.process import Operations
from pydantic import TypeAdapter
from pydicom import Dataset, dcmread

from ...exporting import context, export
from .kinds import KINDS, OPERATIONS, Kind, marked, pixels_of
from .rulers import Ruler

REFUSED = {
    ("NM slices", name)
    for name in ("flip_horizontal", "flip_vertical", "flip and turn", "crop and flip", "all")
}
"""A mirrored grid would turn the normal round, along which the slices lie."""


def processed(path: Path, *operations: object, **options: object) -> list[Image]:
    steps = TypeAdapter(Operations).validate_python(list(operations))
    return [apply(image, steps) for image in load(path, DicomOptions(**options), Limits())]


def moved(
    kind: Kind, folder: Path, *operations: object, **options: object
) -> tuple[Dataset, Dataset, list[str]]:
    """The file, what became of it, and what was noted."""
    source = kind.file(folder / "in.dcm", marked(kind.frames))
    images = processed(source, *operations, **options)
    written, artifact = export(same_kind.EXPORTER, images, SameKindOptions(path="x"), context(), folder)
    return dcmread(source), dcmread(written), [note.text for note in artifact.notes]


def stayed(ruler: Ruler, before: Dataset, after: Dataset, wrapped: int = 0) -> int:
    """Compare every pixel that is still there with where it was; gives their number."""
    old = {value: place for value, *place in pixels_of(before.pixel_array)}
    base: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    compared = 0
    for value, *place in pixels_of(after.pixel_array):
        if wrapped and max(abs(a - b) for a, b in zip(place, old[value], strict=True)) > wrapped:
            continue
        now, then = ruler(after, *place), ruler(before, *old[value])
        for name, found in now.items():
            assert name in then, f"{name} is new at {old[value]}"
            if name == "difference" or name.startswith("length"):
                first = base.setdefault(name, (np.asarray(found), np.asarray(then[name])))
                found, expected = found - first[0], then[name] - first[1]
                if name.startswith("length"):
                    found, expected = np.sort(np.abs(found)), np.sort(np.abs(expected))
            else:
                expected = then[name]
            assert np.allclose(found, expected, atol=1e-6), f"{name}: {found} where {expected} was"
        compared += 1
    return compared


@pytest.mark.parametrize("operations", OPERATIONS)
@pytest.mark.parametrize("name", KINDS)
def test_each_point_stays_where_it_was(name, operations, tmp_path):
    kind = KINDS[name]
    if (name, operations) in REFUSED:
        with pytest.raises(ExportError, match="DetectorInformationSequence may say where pixels are"):
            moved(kind, tmp_path, *OPERATIONS[operations])
        return
    before, after, notes = moved(kind, tmp_path, *OPERATIONS[operations])
    assert after.pixel_array.size
    for ruler in kind.rulers:
        assert stayed(ruler, before, after, 3 if operations == "roll" else 0) >= 20
    gone = {keyword for keyword in kind.says if keyword not in after}
    told = " ".join(notes)
    assert all(keyword in told for keyword in gone), f"{gone} left out without a word"


@pytest.mark.parametrize("operations", OPERATIONS)
@pytest.mark.parametrize(
    ("name", "exporter", "options"),
    [
        ("RT Image", rt_image.EXPORTER, RtImageOptions(path="x")),
        ("CT", ct_series.EXPORTER, CtSeriesOptions(path="{slice}")),
    ],
)
def test_other_targets_keep_each_point_too(name, exporter, options, operations, tmp_path):
    kind = KINDS[name]
    source = kind.file(tmp_path / "in.dcm", marked(1))
    written, _ = export(exporter, processed(source, *OPERATIONS[operations]), options, context(), tmp_path)
    before, after = dcmread(source), dcmread(written)
    assert stayed(kind.rulers[0], before, after, 3 if operations == "roll" else 0) >= 20


def test_every_kind_of_the_table_is_measured() -> None:
    roots = {f"1.2.840.10008.5.1.4.1.1.{kind.uid}" for kind in KINDS.values()}
    alike = {"1.1.1", "1.2.1", "1.3.1", "7.2", "7.4", "77.1.1", "77.1.2", "77.1.5.1", "77.1.5.2"}
    # for processing, other depths and colours, visible light: the modules are those of their brothers
    assert set(TABLED) == roots | {f"1.2.840.10008.5.1.4.1.1.{uid}" for uid in alike}


@pytest.mark.parametrize("name", ["CT square", "RT Dose plane", "DX", "MR", "US", "NM static"])
def test_a_turn_by_an_angle(name, tmp_path):
    """A bright spot, found again by its centre; what no longer fits the grid is gone, or refused."""
    kind = KINDS[name]
    pixels = np.zeros((31, 31), np.uint16)
    pixels[11:14, 18:21] = 9000
    source = kind.file(tmp_path / "in.dcm", pixels)
    rows, columns = np.mgrid[:31, :31]

    def spot(dataset: Dataset) -> tuple[float, float]:
        weight = dataset.pixel_array.astype(float) - float(dataset.pixel_array.min())
        return float((weight * rows).sum() / weight.sum()), float((weight * columns).sum() / weight.sum())

    try:
        images = processed(source, {"rotate": {"degrees": 30}})
        written, _ = export(same_kind.EXPORTER, images, SameKindOptions(path="x"), context(), tmp_path)
    except (ExportError, ProcessError) as error:
        assert name in ("RT Dose plane", "MR", "US", "NM static"), error
        assert "square pixels" in str(error) or "PixelAspectRatio" in str(error)
        return
    before, after = dcmread(source), dcmread(written)
    for ruler in kind.rulers:
        if name == "CT square":
            now, then = ruler(after, 0, *spot(after)), ruler(before, 0, *spot(before))
            assert all(np.allclose(now[key], then[key], atol=0.02) for key in now if key == "patient")
        else:
            assert all(key.startswith("length") for key in ruler(after, 0, *spot(after)))


@pytest.mark.parametrize("name", ["RT Dose", "RT Dose down"])
@pytest.mark.parametrize("operations", [(), ("flip_vertical",), ("rotate90",)])
@pytest.mark.parametrize("frame", [1, 2, 3])
def test_a_single_plane_of_a_dose(name, operations, frame, tmp_path):
    before, after, _ = moved(KINDS[name], tmp_path, *operations, frame=frame)
    assert after.NumberOfFrames == 1
    assert stayed(KINDS[name].rulers[0], before, after) == 70


def test_vectors_of_frames_are_those_of_the_frames_that_are_left(tmp_path):
    _, after, _ = moved(KINDS["NM slices"], tmp_path, frame=2)
    assert after["SliceVector"].value == 2


@pytest.mark.parametrize(
    ("uid", "named"),
    [("2.1", "Enhanced CT"), ("4.1", "Enhanced MR"), ("30", "Parametric Map"), ("13.1.3", "Tomosynthesis")],
)
def test_kinds_that_nobody_looked_through_are_refused(uid, named, tmp_path):
    with pytest.raises(ExportError, match=named):
        moved(Kind(uid, "OT", {}, ()), tmp_path, "flip_vertical")


def test_whole_slides_take_no_geometric_operation(tmp_path):
    for operation in ("flip_vertical", {"crop": {"top": 1}}, "rotate90"):
        with pytest.raises(ProcessError, match="whole-slide"):
            moved(Kind("77.1.6", "SM", {}, ()), tmp_path, operation)
    with pytest.raises(ExportError, match="what functional groups say"):
        moved(Kind("77.1.6", "SM", {}, ()), tmp_path, "invert")
    assert moved(Kind("77.1.6", "SM", {}, ()), tmp_path)


@pytest.mark.parametrize("keyword", ["ApexPosition", "LateralSpacingOfSomething", "SlabOrientation"])
def test_what_is_in_no_table_is_refused(keyword, tmp_path):
    says = {"ApexPosition": [1.0, 2.0, 3.0], "SlabOrientation": [0.0, 0.0, 1.0]}
    if keyword not in says:
        dataset_tag = (0x0018, 0xFFFE)
        kind = _with_unknown(dataset_tag)
    else:
        kind = Kind("4", "MR", {**KINDS["MR"].says, keyword: says[keyword]}, ())
    with pytest.raises(ExportError, match=r"may say where pixels are"):
        moved(kind, tmp_path, "flip_vertical")
    assert moved(kind, tmp_path, "invert")


def _with_unknown(tag: tuple[int, int]) -> Kind:
    class Unknown(Kind):
        def file(self, path: Path, pixels: np.ndarray) -> Path:
            dataset = dcmread(super().file(path, pixels))
            dataset.add_new(tag, "LO", "somewhere")
            dataset.save_as(path)
            return path

    return Unknown("4", "MR", KINDS["MR"].says, ())


def test_private_elements_go_with_a_word(tmp_path):
    class Private(Kind):
        def file(self, path: Path, pixels: np.ndarray) -> Path:
            dataset = dcmread(super().file(path, pixels))
            dataset.private_block(0x0029, "MAKER", create=True).add_new(1, "LO", "at 3, 4")
            dataset.save_as(path)
            return path

    kind = Private("2", "CT", KINDS["CT"].says, ())
    _, after, notes = moved(kind, tmp_path, "flip_vertical")
    assert not [tag for tag in after.keys() if tag.is_private]  # noqa: SIM118
    assert any("private elements" in note for note in notes)
    _, after, notes = moved(kind, tmp_path, "invert")
    assert (0x0029, 0x1001) in after

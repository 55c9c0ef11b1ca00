"""Gantry, collimator and couch are one truth at both levels of an RT Image (PS3.3 C.8.8.2)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from dicombake.pipeline.dicom.build.exposures import TWICE
from dicombake.pipeline.dicom.standard import tables
from pydicom import Dataset, dcmread
from pydicom.sequence import Sequence

from ....support import bake, failures
from ...loaders.input_files import dataset_of, encoded

ANGLES = {"gantry": "GantryAngle", "collimator": "BeamLimitingDeviceAngle", "couch": "PatientSupportAngle"}


def item(**values: object) -> Dataset:
    made = Dataset()
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


def rt_image(path: Path, exposures: list[Dataset], frames: int = 1, **values: object) -> None:
    shape = (4, 5) if frames == 1 else (frames, 4, 5)
    pixels = np.arange(frames * 20, dtype=np.uint16).reshape(shape)
    says = {
        "SOPClassUID": "1.2.840.10008.5.1.4.1.1.481.1", "Modality": "RTIMAGE", "RTImageLabel": "a",
        "StudyInstanceUID": "1.2.3", "SeriesInstanceUID": "1.2.3.1",
        "ImagePlanePixelSpacing": [1, 1], "RTImageSID": 1500, "RTImagePosition": [-2, 1.5],
        "RTImageOrientation": [1, 0, 0, 0, -1, 0], "ConversionType": "DI", "RTImagePlane": "NORMAL",
        "ExposureSequence": Sequence(exposures),
    }  # fmt: skip
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(encoded(dataset_of(pixels, **{**says, **values}), pixels))


def run(folder: Path, more: str, to: str) -> tuple[Dataset, list[str]]:
    (folder / "r.yaml").write_text(
        f"version: 1\nconversions:\n  made:\n    inputs: in/*.dcm\n    source: dicom\n    {more}\n"
        f'    exports: {{to: {to}, path: "out/{{stem}}.dcm"}}\n',
        encoding="utf-8",
    )
    outcome = bake(folder / "r.yaml")
    if errors := failures(outcome):
        return Dataset(), errors
    return dcmread(folder / "out" / "a.dcm"), [note.text for each in outcome.results for note in each.notes]


def said(dataset: Dataset, keyword: str) -> set[float | None]:
    return {
        None if holder.get(keyword) in (None, "") else float(holder[keyword].value)
        for holder in (dataset, *dataset.ExposureSequence)
    }


@pytest.mark.parametrize("to", ["dicom", "rt-image"])
@pytest.mark.parametrize("key", ANGLES)
@pytest.mark.parametrize("way", ["geometry", "csv", "tag", "csv tag", "nested tag"])
def test_each_way_of_giving_an_angle_reaches_both_levels(way, key, to, tmp_path):
    keyword = ANGLES[key]
    exposures = [item(**{keyword: 10, "NumberOfBlocks": 0})]
    rt_image(tmp_path / "in" / "a.dcm", exposures, **{keyword: 10})
    (tmp_path / "row.csv").write_text(f"stem,{key}\na,33\n", encoding="utf-8")
    (tmp_path / "tag.csv").write_text(f"stem,{keyword}\na,33\n", encoding="utf-8")
    more = {
        "geometry": f"geometry: {{{key}: 33}}",
        "csv": "metadata: row.csv",
        "tag": f"tags: {{{keyword}: 33}}",
        "csv tag": "metadata: tag.csv",
        "nested tag": f'tags: {{"ExposureSequence[0].{keyword}": 33}}',
    }[way]
    found, notes = run(tmp_path, more, to)
    assert found, notes
    assert said(found, keyword) == {33}


@pytest.mark.parametrize("to", ["dicom", "rt-image"])
def test_what_is_unknown_is_unknown_at_both(to, tmp_path):
    rt_image(tmp_path / "in" / "a.dcm", [item(GantryAngle=10, NumberOfBlocks=0)], GantryAngle=10)
    found, notes = run(tmp_path, "geometry: {gantry: unknown}", to)
    assert found, notes
    assert said(found, "GantryAngle") == {None}


@pytest.mark.parametrize("to", ["dicom", "rt-image"])
def test_of_two_truths_in_a_file_that_of_the_exposure_counts(to, tmp_path):
    rt_image(tmp_path / "in" / "a.dcm", [item(GantryAngle=20, NumberOfBlocks=0)], GantryAngle=10)
    found, notes = run(tmp_path, "tags: {}", to)
    assert said(found, "GantryAngle") == {20}
    assert any("supersedes" in note for note in notes)
    found, errors = run(tmp_path, "strict: true", to)
    assert "supersedes" in errors[0]


@pytest.mark.parametrize("to", ["dicom", "rt-image"])
def test_frames_keep_the_angles_of_their_own_exposures(to, tmp_path):
    exposures = [item(GantryAngle=10 * n, ReferencedFrameNumber=n, NumberOfBlocks=0) for n in (1, 2, 3)]
    rt_image(tmp_path / "in" / "a.dcm", exposures, 3, FrameTime="1", FrameIncrementPointer=0x00181063)
    found, notes = run(tmp_path, "process: [flip_vertical]", to)
    assert found, notes
    assert [each.GantryAngle for each in found.ExposureSequence] == [10, 20, 30]
    assert not found.get("GantryAngle")
    found, notes = run(tmp_path, "geometry: {gantry: 5}", to)
    assert said(found, "GantryAngle") == {5}


def test_two_tags_that_differ_are_told(tmp_path):
    rt_image(tmp_path / "in" / "a.dcm", [item(GantryAngle=10, NumberOfBlocks=0)], GantryAngle=10)
    both = 'tags: {GantryAngle: 5, "ExposureSequence[0].GantryAngle": 6}'
    found, notes = run(tmp_path, both, "dicom")
    assert said(found, "GantryAngle") == {5, 6}
    assert any("GantryAngle of ExposureSequence is another" in note for note in notes)
    assert run(tmp_path, f"{both}\n    strict: true", "dicom")[1]


@pytest.mark.parametrize("keyword", ["MetersetExposure", "ExposureTime", "TableTopVerticalPosition"])
def test_what_else_stands_twice_follows_a_tag(keyword, tmp_path):
    rt_image(tmp_path / "in" / "a.dcm", [item(**{keyword: 10, "NumberOfBlocks": 0})])
    found, _ = run(tmp_path, f"tags: {{{keyword}: 33}}", "dicom")
    assert said(found, keyword) == {33}


def test_those_are_all_that_stand_at_two_levels() -> None:
    rows = {
        attribute.keyword: attribute
        for module in tables.modules_of("rt-image")
        for attribute in module.attributes
    }
    inside = {attribute.keyword for attribute in tables.table(rows["ExposureSequence"].inside)}
    assert inside & rows.keys() == set(TWICE)


@pytest.mark.parametrize(
    ("beams", "points"),
    [("BeamSequence", "ControlPointSequence"), ("IonBeamSequence", "IonControlPointSequence")],
)
@pytest.mark.parametrize("angles", [[10, 10, 10], [10, 20, 30], []])
@pytest.mark.parametrize("way", ["tags: {GantryAngle: 33}", "geometry: {gantry: 33}"])
def test_a_value_of_the_whole_reaches_alike_beams(beams, points, angles, way, tmp_path):
    """Beams whose control points are all alike follow; those of an arc say each their own."""
    steps = Sequence([item(GantryAngle=angle, ControlPointIndex=n) for n, angle in enumerate(angles)])
    plan = {beams: Sequence([item(BeamNumber=1, **{points: steps})])}
    rt_image(tmp_path / "in" / "a.dcm", [item(GantryAngle=10, NumberOfBlocks=0)], GantryAngle=10, **plan)
    found, notes = run(tmp_path, way, "dicom")
    assert found, notes
    assert said(found, "GantryAngle") == {33}
    then = [33, 33, 33] if angles == [10, 10, 10] else angles
    assert [float(point.GantryAngle) for point in found[beams].value[0][points].value] == then

"""DICOM objects without pixels: read by `dicom-object` and `auto`, written as what they are."""

from __future__ import annotations

from pathlib import Path

import pydicom
import pytest
from dicombake.pipeline.dicom.verify import differences
from dicombake.pipeline.errors import RecipeError, SourceError
from dicombake.pipeline.exporters.dicom.carried import changed
from dicombake.pipeline.loaders.options import AutoOptions, DicomObjectOptions, Limits
from dicombake.pipeline.loaders.registry import load, probe
from dicombake.pipeline.recipe.load import load_recipe
from pydicom import Dataset, dcmread

from ....support import bake, failures

FILES = Path(pydicom.__file__).parent / "data" / "test_files"
OBJECTS = ("rtplan.dcm", "rtstruct.dcm", "reportsi.dcm", "test-SR.dcm")


def recipe(folder: Path, source: str, more: str = "", to: str = "dicom", suffix: str = "dcm") -> Path:
    path = folder / "objects.yaml"
    path.write_text(
        f"version: 1\nconversions:\n  a:\n    inputs: in/*\n    source: {source}\n{more}"
        f"    exports: {{to: {to}, path: 'out/{{stem}}.{suffix}'}}\n",
        encoding="utf-8",
    )
    return path


def given(folder: Path, *names: str) -> None:
    (folder / "in").mkdir()
    for name in names:
        (folder / "in" / name).write_bytes((FILES / name).read_bytes())


@pytest.mark.parametrize("source", ["dicom-object", "auto"])
def test_an_object_is_written_with_all_that_it_says(tmp_path: Path, source: str) -> None:
    given(tmp_path, *OBJECTS)
    outcome = bake(recipe(tmp_path, source, "    transfer_syntax: rle\n"))
    assert not failures(outcome)
    for name in OBJECTS:
        before = dcmread(FILES / name, force=True)
        after = dcmread(tmp_path / "out" / name)
        assert after.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
        assert after.SOPClassUID == before.SOPClassUID
        for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "PatientID"):
            assert after.get(keyword) == before.get(keyword), keyword
        missing = [element.tag for element in before if element.tag not in after and element.tag.element]
        assert not missing


def test_an_object_that_nothing_changes_is_the_same_instance(tmp_path: Path) -> None:
    given(tmp_path, "rtplan.dcm")
    outcome = bake(recipe(tmp_path, "dicom-object"))
    before, after = dcmread(FILES / "rtplan.dcm"), dcmread(tmp_path / "out" / "rtplan.dcm")
    assert not failures(outcome)
    assert after.SOPInstanceUID == before.SOPInstanceUID
    assert not changed(after, after) and list(differences(after, after)) == []


def test_an_object_with_other_tags_is_another_instance_in_its_series(tmp_path: Path) -> None:
    given(tmp_path, "rtplan.dcm")
    bake(recipe(tmp_path, "auto", "    tags: {RTPlanLabel: PHANTOM}\n"))
    before, after = dcmread(FILES / "rtplan.dcm"), dcmread(tmp_path / "out" / "rtplan.dcm")
    assert after.RTPlanLabel == "PHANTOM"
    assert after.SOPInstanceUID != before.SOPInstanceUID
    assert after.SeriesInstanceUID == before.SeriesInstanceUID
    assert [beam.BeamName for beam in after.BeamSequence] == [beam.BeamName for beam in before.BeamSequence]


def test_an_object_is_no_picture(tmp_path: Path) -> None:
    given(tmp_path, "rtplan.dcm", "CT_small.dcm")
    outcome = bake(recipe(tmp_path, "auto", to="npy", suffix="npy"))
    assert (tmp_path / "out" / "CT_small.npy").is_file()
    (told,) = failures(outcome)
    assert "holds no pixels" in told and "'npy' is made of them" in told


@pytest.mark.parametrize(
    ("more", "to", "told"),
    [
        ("", "png", "'png' is made of pixels"),
        ("    process: [invert]\n", "dicom", "'process' works on them"),
        ("    combine: sum\n", "dicom", "'combine' works on them"),
    ],
)
def test_what_is_for_images_is_refused_with_the_recipe(tmp_path: Path, more: str, to: str, told: str) -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe(recipe(tmp_path, "dicom-object", more, to))
    assert told in str(caught.value)


def test_an_operation_fails_the_object_alone(tmp_path: Path) -> None:
    given(tmp_path, "rtplan.dcm", "CT_small.dcm")
    (told,) = failures(bake(recipe(tmp_path, "auto", "    process: [flip_vertical]\n")))
    assert "flip_vertical: it is a DICOM object without pixels" in told
    assert (tmp_path / "out" / "CT_small.dcm").is_file()


def test_an_image_is_no_object(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="holds pixels, and 'dicom-object' reads DICOM without any"):
        list(load(FILES / "CT_small.dcm", DicomObjectOptions(), Limits()))
    stripped = dcmread(FILES / "CT_small.dcm")
    del stripped.PixelData
    stripped.save_as(tmp_path / "stripped.dcm")
    with pytest.raises(SourceError, match="is an image, and 'dicom-object'"):
        list(load(tmp_path / "stripped.dcm", DicomObjectOptions(), Limits()))
    with pytest.raises(SourceError, match="holds no pixels"):
        list(load(tmp_path / "stripped.dcm", AutoOptions(), Limits()))


def test_a_directory_of_files_is_refused() -> None:
    with pytest.raises(SourceError, match="is a DICOMDIR"):
        list(load(FILES / "dicomdirtests" / "DICOMDIR", AutoOptions(), Limits()))


def test_the_probe_says_what_it_is() -> None:
    found = probe(FILES / "rtstruct.dcm", AutoOptions(), Limits())
    assert (found.format, found.shape, found.pages) == ("dicom-object", (0, 0), 1)
    assert found.properties["Modality"] == "RTSTRUCT"


def test_a_file_without_its_kind_is_refused(tmp_path: Path) -> None:
    plain = Dataset()
    plain.PatientID, plain.PatientName, plain.PatientSex = "1", "A", "O"
    path = tmp_path / "plain.dcm"
    with path.open("wb") as file:
        from pydicom.filebase import DicomFileLike

        stream = DicomFileLike(file)
        stream.is_little_endian, stream.is_implicit_VR = True, True
        pydicom.filewriter.write_dataset(stream, plain)
    with pytest.raises(SourceError, match="says no SOPClassUID"):
        list(load(path, DicomObjectOptions(), Limits()))

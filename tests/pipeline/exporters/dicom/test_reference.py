"""A CT goes to NIfTI for a model, and its result comes back into the CT's study and frame of reference."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from ....support import bake, failures
from ...loaders.dicom.test_series import one

HEAD = "version: 1\nuid_namespace: 4b6f1f2e-0c62-4c7e-9d0a-2f1f6f0f8a11\nconversions:\n"
OBLIQUE = (0.8, 0.6, 0.0, -0.36, 0.48, 0.8)
NORMAL = np.cross(OBLIQUE[:3], OBLIQUE[3:])
OUT = "  out:\n    inputs: 'ct/*.dcm'\n    source: dicom-series\n    exports: {to: nifti, path: ct.nii.gz}\n"
BACK = (
    "  back:\n    inputs: result.nii.gz\n    source: nifti\n"
    "    exports: {to: %s, path: 'back/{slice:03d}.dcm', reference: 'ct/*.dcm'}\n"
)


def ct(folder: Path, **more: Any) -> list[pydicom.Dataset]:
    folder.mkdir()
    rng = np.random.default_rng(4)
    paths = [
        one(
            folder, index, NORMAL * 2.5 * index + (5, 6, 7), f"{index}.dcm",
            ImageOrientationPatient=list(OBLIQUE),
            pixels=rng.integers(0, 2000, (4, 6)).astype(np.int16), PatientName="Doe^Jane", PatientID="P1",
            StudyDate="20240131", PatientPosition="FFS", **more,
        )
        for index in range(4)
    ]  # fmt: skip
    return [pydicom.dcmread(path) for path in paths]


def baked(folder: Path, text: str) -> list[str]:
    path = folder / "r.yaml"
    path.write_text(HEAD + text, encoding="utf-8")
    return failures(bake(path, folder, folder))


@pytest.mark.parametrize("kind", ["ct-series", "mr-series"])
def test_a_model_s_result_lies_on_the_ct_that_it_was_made_of(kind: str, tmp_path: Path) -> None:
    source = ct(tmp_path / "ct")
    assert baked(tmp_path, OUT) == []
    image = nibabel.load(tmp_path / "ct.nii.gz")
    mask = (np.asarray(image.dataobj) > 0).astype(np.uint8)
    nibabel.save(nibabel.Nifti1Image(mask, image.affine, image.header), tmp_path / "result.nii.gz")
    assert baked(tmp_path, BACK % kind) == []
    paths = sorted((tmp_path / "back").iterdir())
    for path, meant in zip(paths, source, strict=True):
        found = pydicom.dcmread(path)
        for keyword in ("StudyInstanceUID", "FrameOfReferenceUID", "PatientID", "PatientName", "StudyDate",
                        "PatientPosition", "Rows", "Columns"):  # fmt: skip
            assert found[keyword].value == meant[keyword].value, keyword
        assert found.SeriesInstanceUID != meant.SeriesInstanceUID
        for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"):
            assert np.allclose(found[keyword].value, meant[keyword].value, atol=1e-5), keyword
        assert np.array_equal(found.pixel_array, meant.pixel_array - 1024 > 0)
    assert len({pydicom.dcmread(path).SeriesInstanceUID for path in paths}) == 1
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames([str(path) for path in paths])
    assert reader.Execute().GetSize() == (6, 4, 4)


def test_another_frame_of_reference_is_refused(tmp_path: Path) -> None:
    ct(tmp_path / "ct")
    ct(tmp_path / "other", FrameOfReferenceUID="1.2.77")
    text = BACK.replace("inputs: result.nii.gz", "inputs: 'other/*.dcm'").replace("nifti", "dicom-series")
    told = baked(tmp_path, text % "ct-series")
    assert told and "lies in another frame of reference than 'reference: ct/*.dcm'" in told[0]

"""Studies, series and frames of reference of what is made of DICOM slices: one of the source, one of the
outputs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from ....pydicom_api import write_whole
from ....support import bake, failures

UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")
CHANGES = {
    "patient": "tags: {PatientID: QA-2}",
    "patient's name": 'tags: {PatientName: "QA^2"}',
    "study": "tags: {StudyInstanceUID: 1.2.9}",
    "crop": "process: [{crop: {top: 1}}]",
    "value": "process: [ground]",
    "both": "process: [flip_vertical, invert]\n    tags: {PatientID: QA-2}",
}


def slices(folder: Path, series: str, frame: str | None, **changes: object) -> None:
    """Nine CT slices of one series."""
    folder.mkdir(parents=True)
    for index in range(9):
        dataset = Dataset()
        dataset.SOPClassUID, dataset.SOPInstanceUID = CTImageStorage, f"{series}.{index + 1}"
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.Modality = "1.2.3", series, "CT"
        dataset.PatientID, dataset.PatientName = "1", "One"
        if frame is not None:
            dataset.FrameOfReferenceUID = frame
        dataset.ImagePositionPatient = [0, 0, 2 * index]
        dataset.ImageOrientationPatient, dataset.PixelSpacing = [1, 0, 0, 0, 1, 0], [1, 1]
        dataset.SliceThickness, dataset.RescaleSlope, dataset.RescaleIntercept = "2", "1", "0"
        dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = 4, 5, 1
        dataset.PhotometricInterpretation = "MONOCHROME2"
        dataset.BitsAllocated = dataset.BitsStored = 16
        dataset.HighBit, dataset.PixelRepresentation = 15, 1
        dataset.PixelData = (np.arange(20, dtype="<i2") + index).tobytes()
        for keyword, value in changes.items():
            setattr(dataset, keyword, value)
            if value is None:
                del dataset[keyword]
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        write_whole(folder / f"{index}.dcm", dataset)


PATHS = {"dicom": "{parent}/{stem}", "dicom-series": "{parent}/{slice}"}


def run(folder: Path, change: str, source: str = "dicom", to: str = "dicom") -> None:
    (folder / "r.yaml").write_text(
        f"""version: 1
uid_namespace: 4b6f1f2e-0c62-4c7e-9d0a-2f1f6f0f8a11
conversions:
  made:
    inputs: in/**/*.dcm
    source: {source}
    {change}
    exports: {{to: {to}, path: "out/{to}/{PATHS[source]}.dcm"}}
""",
        encoding="utf-8",
    )
    assert failures(bake(folder / "r.yaml")) == []


def uids(folder: Path) -> dict[str, set[str]]:
    files = [dcmread(path) for path in folder.glob("*.dcm")]
    assert len(files) == 9
    return {keyword: {str(file.get(keyword)) for file in files} for keyword in UIDS}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
@pytest.mark.parametrize(
    ("source", "to"), [("dicom", "dicom"), ("dicom-series", "dicom"), ("dicom-series", "ct-series")]
)
def test_series_map_one_to_one(tmp_path, change, source, to):
    slices(tmp_path / "in" / "a", "1.2.3.1", "1.2.3.9")
    slices(tmp_path / "in" / "b", "1.2.3.2", "1.2.3.9")
    run(tmp_path, change, source, to)
    one, other = uids(tmp_path / "out" / to / "a"), uids(tmp_path / "out" / to / "b")
    assert [len(one[keyword]) for keyword in UIDS] == [1, 1, 1]
    assert one["StudyInstanceUID"] == other["StudyInstanceUID"]
    assert one["FrameOfReferenceUID"] == other["FrameOfReferenceUID"]
    assert one["SeriesInstanceUID"] != other["SeriesInstanceUID"]
    assert one["SeriesInstanceUID"].isdisjoint({"1.2.3.1"})
    assert (one["StudyInstanceUID"] == {"1.2.3"}) == ("tags" not in change)
    assert (one["FrameOfReferenceUID"] == {"1.2.3.9"}) == ("tags" not in change)


def test_series_without_a_frame_of_reference_get_one_each(tmp_path):
    slices(tmp_path / "in" / "a", "1.2.3.1", None)
    slices(tmp_path / "in" / "b", "1.2.3.2", None)
    run(tmp_path, "tags: {}", "dicom-series", "ct-series")
    one, other = (uids(tmp_path / "out" / "ct-series" / name)["FrameOfReferenceUID"] for name in "ab")
    assert len(one) == len(other) == 1
    assert one != other


def test_a_series_without_a_study_stays_one(tmp_path):
    slices(tmp_path / "in" / "a", "1.2.3.1", "1.2.3.9", StudyInstanceUID=None)
    run(tmp_path, "process: [ground]")
    found = uids(tmp_path / "out" / "dicom" / "a")
    assert [len(found[keyword]) for keyword in UIDS] == [1, 1, 1]

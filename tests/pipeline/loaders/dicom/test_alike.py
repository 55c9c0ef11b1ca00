"""Files read by what differs from the first of them: the same elements as pydicom reads from each alone."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy, deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from dicombake.pipeline.errors import SourceError
from dicombake.pipeline.loaders.dicom.alike import AlikeFiles
from dicombake.pipeline.loaders.dicom.dataset import read_dataset
from dicombake.pipeline.loaders.dicom.deferred import DeferredDataset
from dicombake.pipeline.loaders.dicom.sound import settle
from dicombake.pipeline.loaders.options import DicomOptions, DicomSeriesOptions, Limits
from dicombake.pipeline.loaders.registry import load, load_each
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from ....pydicom_api import write_whole
from .test_series import one

SYNTAXES = {"explicit": pydicom.uid.ExplicitVRLittleEndian, "implicit": pydicom.uid.ImplicitVRLittleEndian}
Change = Callable[[Dataset], None]


def files(folder: Path, syntax: str, *changes: Change) -> list[Path]:
    """Slices of a series, each with a sequence, and one further file for each change."""
    paths = []
    for index, change in enumerate((lambda dataset: None, lambda dataset: None, *changes)):
        path = one(
            folder, index, (-20.0, -30.0, -10 + 2.5 * index), f"{index}.dcm",
            SOPInstanceUID=f"1.2.3.{10**index}", InstanceNumber=str(index), PatientName="Doe^Jane",
            pixels=np.full((4, 6), index, np.int16),
        )  # fmt: skip
        dataset = pydicom.dcmread(path)
        dataset.ReferencedImageSequence = Sequence([Dataset()])
        dataset.ReferencedImageSequence[0].ReferencedSOPInstanceUID = "1.2"
        dataset.SpecificCharacterSet = "ISO_IR 192"
        change(dataset)
        dataset.file_meta.TransferSyntaxUID = SYNTAXES[syntax]
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        with path.open("wb") as file:
            write_whole(file, dataset)
        paths.append(path)
    return paths


def setting(**values: Any) -> Change:
    def change(dataset: Dataset) -> None:
        for keyword, value in values.items():
            setattr(dataset, keyword, value)

    return change


def nesting(dataset: Dataset) -> None:
    dataset.ReferencedImageSequence[0].ReferencedSOPInstanceUID = "1.3"


def private(dataset: Dataset) -> None:
    dataset.private_block(0x0009, "ACME", create=True).add_new(1, "LO", "x")


def without(dataset: Dataset) -> None:
    del dataset.PatientName


CHANGES: dict[str, tuple[Change, bool]] = {
    "nothing": (lambda dataset: None, True),
    "text": (setting(PatientName="Grün^Ä"), True),
    "rescale": (setting(RescaleSlope="2.5", RescaleIntercept="-7"), True),
    "empty": (setting(PatientName=""), True),
    "nested": (nesting, False),
    "one more": (private, False),
    "one less": (without, False),
    "another set": (setting(SpecificCharacterSet="ISO_IR 100", PatientName="Grün"), False),
    "other pixels": (setting(Rows=2, PixelData=bytes(24)), False),
}


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], list[Path]]:
    """`files` with a change of `CHANGES` in a syntax, written once; only to be read."""
    return cache(lambda name, syntax: files(tmp_path_factory.mktemp("files"), syntax, CHANGES[name][0]))


@pytest.mark.parametrize("pixels", [True, False])
@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("name", CHANGES)
def test_elements_are_those_that_pydicom_reads(
    name: str, syntax: str, pixels: bool, changed: Callable[[str, str], list[Path]]
) -> None:
    of_family = CHANGES[name][1]
    reader = AlikeFiles(Limits())
    for index, path in enumerate(changed(name, syntax)):
        found = reader.read(path, pixels=pixels)
        meant = read_dataset(path, Limits(), pixels=pixels)
        settle(meant)
        assert found.dataset == meant and found.dataset.file_meta == meant.file_meta
        assert list(found.dataset.keys()) == list(meant.keys())
        assert (found.differing is not None) == (index > 0 and (index < 2 or of_family))
        if found.differing is not None:
            data = path.read_bytes()
            assert data[found.offset :] == pydicom.dcmread(path).PixelData


@pytest.mark.parametrize("charset", [None, "GB18030"])
@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("name", CHANGES)
def test_images_that_are_combined_are_those_of_each_file(
    name: str, syntax: str, charset: str | None, changed: Callable[[str, str], list[Path]]
) -> None:
    paths, options = changed(name, syntax), DicomOptions(charset=charset)
    found = list(load_each(paths, options, Limits()))
    assert [path for path, _ in found] == paths
    for path, image in found:
        (alone,) = load(path, options, Limits())
        assert image.pixels.dtype == alone.pixels.dtype and np.array_equal(image.pixels, alone.pixels)
        assert image.source.dataset == alone.source.dataset
        for part in ("geometry", "notes", "units", "photometric", "computed"):
            assert getattr(image, part) == getattr(alone, part), part


@pytest.mark.parametrize("cut", [1, 30, 60])
def test_a_file_that_ends_early_is_told_as_ever(cut: int, tmp_path: Path) -> None:
    paths = files(tmp_path, "explicit", *[lambda dataset: None] * 2)
    paths[2].write_bytes(paths[2].read_bytes()[:-cut])
    with pytest.raises(SourceError) as caught:
        list(load_each(paths, DicomSeriesOptions(), Limits()))
    assert "2.dcm" in str(caught.value)


def test_bytes_that_are_no_text_are_left_to_the_ordinary_way(tmp_path: Path) -> None:
    paths = files(tmp_path, "explicit", lambda dataset: None)
    paths[2].write_bytes(paths[2].read_bytes().replace(b"Doe^Jane", b"D\xff\xfe^Jane"))
    reader = AlikeFiles(Limits())
    *_, found = (reader.read(path) for path in paths)
    assert found.differing is None and found.settled.undecoded == ["PatientName"]


def test_what_a_slice_means_is_read_anew_where_it_differs(tmp_path: Path) -> None:
    """A rescale, a padding or an orientation of its own is no place, and is not taken from the first."""
    paths = files(tmp_path, "explicit", setting(RescaleSlope="1", RescaleIntercept="-1000"))
    images = [image for _, image in load_each(paths, DicomSeriesOptions(), Limits())]
    assert [int(image.pixels[0, 0]) for image in images] == [-1024, -1023, -998]
    planes = [image.geometry.patient for image in images]
    assert [plane.position[2] for plane in planes if plane] == [-10, -7.5, -5]
    assert [image.source.properties["InstanceNumber"] for image in images] == [0, 1, 2]
    paths = files(tmp_path, "explicit", setting(ImageOrientationPatient=[0, 1, 0, 1, 0, 0]))
    with pytest.raises(SourceError, match=r"2\.dcm' has another orientation"):
        list(load_each(paths, DicomSeriesOptions(), Limits()))


def test_what_is_done_to_one_file_s_elements_reaches_no_other(tmp_path: Path) -> None:
    paths = files(tmp_path, "explicit", lambda dataset: None)
    for _ in range(2):
        for image in [image for _, image in load_each(paths, DicomSeriesOptions(), Limits())]:
            dataset = image.source.dataset
            assert dataset is not None and dataset.PatientName == "Doe^Jane"
            assert dataset.ReferencedImageSequence[0].ReferencedSOPInstanceUID == "1.2"
            assert dataset.ImagePositionPatient[0] == -20
            dataset.PatientName = "changed"
            dataset.ReferencedImageSequence[0].ReferencedSOPInstanceUID = "1.9"
            dataset.ImagePositionPatient[0] = 7


def test_nobody_makes_the_elements_of_slices_that_nobody_asks_for(tmp_path: Path) -> None:
    """A NIfTI of a series asks for none; what asks gets a dataset of its own, which it may change."""
    paths = files(tmp_path, "explicit", setting(PatientName="Doe^Jane"))
    _, second, third = (image for _, image in load_each(paths, DicomSeriesOptions(), Limits()))
    assert type(second.source.dataset) is type(third.source.dataset) is DeferredDataset
    found = third.source.dataset
    assert isinstance(found, pydicom.Dataset) and copy(found) == found
    assert type(found) is pydicom.Dataset
    found.PatientName.original_string = b"changed"
    found.PatientName = "Changed"
    *_, again = (image for _, image in load_each(paths, DicomSeriesOptions(), Limits()))
    assert again.source.dataset is not None and again.source.dataset.PatientName == "Doe^Jane"
    other = deepcopy(second.source.dataset)
    assert other is not None and other.InstanceNumber == 1 and "PatientName" in other
    assert second.source.properties["InstanceNumber"] == 1


def test_copies_of_a_slice_s_dataset_and_file_meta_of_ones_own(tmp_path: Path) -> None:
    paths = files(tmp_path, "explicit", setting(PatientName="Doe^Jane"))
    _, second, third = (image for _, image in load_each(paths, DicomSeriesOptions(), Limits()))
    found = second.source.dataset
    copied = copy(found)
    assert type(found) is type(copied) is DeferredDataset
    assert found == copied and copied == found
    changed = third.source.dataset
    assert changed is not None and type(changed) is DeferredDataset
    own = pydicom.dataset.FileMetaDataset()
    changed.file_meta = own
    assert changed.PatientName == "Doe^Jane" and changed.file_meta is own


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_an_element_that_depends_on_others_is_read_with_them(syntax: str, tmp_path: Path) -> None:
    """The VR of an extreme by the sign of the pixels; in implicit VR a private element by its creator."""

    def change(dataset: pydicom.Dataset) -> None:
        dataset.SmallestImagePixelValue = -5
        dataset.private_block(0x0019, "GEMS_ACQU_01", create=True).add_new(0x02, "SL", 7)

    def first(dataset: pydicom.Dataset) -> None:
        dataset.SmallestImagePixelValue = -1000
        dataset.private_block(0x0019, "GEMS_ACQU_01", create=True).add_new(0x02, "SL", 3)

    paths = files(tmp_path, syntax, first, change)
    reader = AlikeFiles(Limits())
    for path in paths[-2:]:
        found, meant = reader.read(path, pixels=False), read_dataset(path, Limits(), pixels=False)
        settle(meant)
        for keyword in ("SmallestImagePixelValue", 0x00191002):
            assert (found.dataset[keyword].VR, found.dataset[keyword].value) == (
                meant[keyword].VR,
                meant[keyword].value,
            )
    assert found.differing is not None

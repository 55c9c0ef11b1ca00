"""What comes back from an archive: the same, coerced, or damaged."""

from __future__ import annotations

import io
from collections.abc import Callable

import imagecodecs
import numpy as np
import pytest
from dicombake.pipeline.deliver.compare import compared
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, SecondaryCaptureImageStorage

from ...pydicom_api import write_whole
from ..loaders.codecs.test_cage import CODED, CRASHES, PIXELS, SV1
from ..loaders.input_files import compressed, dataset_of


def file(
    change: Callable[[Dataset], object] = lambda dataset: None, syntax: str = ExplicitVRLittleEndian
) -> bytes:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.SOPClassUID, dataset.SOPInstanceUID = SecondaryCaptureImageStorage, "1.2.3"
    dataset.PatientID, dataset.PatientName, dataset.Manufacturer = "1", "A^B", "ACME"
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = 2, 3, 1
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 8, 8, 7, 0
    dataset.PhotometricInterpretation, dataset.PixelData = "MONOCHROME2", bytes(range(6))
    inner = Dataset()
    inner.ReferencedSOPInstanceUID = "1.2.4"
    dataset.ReferencedImageSequence = [inner]
    dataset.private_block(0x0009, "ACME 1.0", create=True).add_new(0x10, "LO", "private")
    change(dataset)
    buffer = io.BytesIO()
    write_whole(buffer, dataset)
    return buffer.getvalue()


def setting(**values: object) -> Callable[[Dataset], None]:
    return lambda dataset: [setattr(dataset, key, value) for key, value in values.items()] and None


def icon(value: int) -> Callable[[Dataset], None]:
    """An image within the image: its pixels are those of no transfer syntax."""

    def change(dataset: Dataset) -> None:
        small = Dataset()
        small.Rows, small.Columns, small.BitsAllocated = 1, 2, 8
        small.PixelData = bytes([value, 0])
        dataset.IconImageSequence = [small]

    return change


def inside(dataset: Dataset) -> None:
    dataset.ReferencedImageSequence[0].ReferencedSOPInstanceUID = "1.2.5"


@pytest.mark.parametrize(
    "back",
    [
        file(),
        file(syntax=ImplicitVRLittleEndian),
        file(setting(RetrieveAETitle="PACS", InstanceAvailability="ONLINE")),
        file(setting(SpecificCharacterSet="ISO_IR 192")),
    ],
)
def test_what_an_archive_may_change_is_no_damage(back: bytes) -> None:
    assert compared(file(), back).same


@pytest.mark.parametrize(
    ("change", "names"),
    [
        (setting(Manufacturer="OTHER"), ("Manufacturer",)),
        (setting(PixelData=bytes(6)), ("PixelData",)),
        (setting(PixelData=bytes(range(6)) + bytes(6)), ("PixelData",)),
        (setting(StationName="new"), ("StationName",)),
        (lambda dataset: dataset.__delitem__("Manufacturer"), ("Manufacturer",)),
        (inside, ("ReferencedImageSequence",)),
        (lambda dataset: dataset.__delitem__((0x0009, 0x1010)), ("(0009,1010)",)),
    ],
)
def test_damage_is_named(change: Callable[[Dataset], object], names: tuple[str, ...]) -> None:
    found = compared(file(), file(change))
    assert (found.damaged, found.coerced) == (names, ())


def test_coerced_patient_data_is_told_apart() -> None:
    found = compared(file(), file(setting(PatientID="2")))
    assert (found.damaged, found.coerced) == ((), ("PatientID",))


def test_what_cannot_be_read_is_damage() -> None:
    assert compared(file(), b"nothing").damaged


def compressed_file(stream: bytes) -> bytes:
    dataset = dataset_of(PIXELS, StudyInstanceUID="1.2.3")
    return compressed(dataset, [stream], SV1)


def test_the_same_pixels_in_other_streams_are_no_damage() -> None:
    other = imagecodecs.jpeg8_encode(PIXELS, lossless=True, bitspersample=16, predictor=4)
    assert other != CODED
    assert compared(compressed_file(CODED), compressed_file(other)).same
    wrong = imagecodecs.jpeg8_encode(PIXELS + 1, lossless=True, bitspersample=16, predictor=1)
    assert compared(compressed_file(CODED), compressed_file(wrong)).damaged == ("PixelData",)


def floats(keyword: str, syntax: str, value: float) -> bytes:
    bits = 32 if keyword == "FloatPixelData" else 64
    pixels = np.full((2, 3), value, f"<f{bits // 8}")
    pixels[0, 0] = np.nan

    def change(dataset: Dataset) -> None:
        for name in ("PixelData", "BitsStored", "HighBit", "PixelRepresentation"):
            delattr(dataset, name)
        dataset.BitsAllocated = bits
        setattr(dataset, keyword, pixels.tobytes())

    return file(change, syntax)


@pytest.mark.parametrize("keyword", ["FloatPixelData", "DoubleFloatPixelData"])
def test_floats_in_another_transfer_syntax_are_no_damage(keyword: str) -> None:
    ours = floats(keyword, ExplicitVRLittleEndian, 1.5)
    assert compared(ours, floats(keyword, ImplicitVRLittleEndian, 1.5)).same
    assert compared(ours, floats(keyword, ImplicitVRLittleEndian, 1.25)).damaged == (keyword,)


def test_a_stream_that_crashes_a_decoder_is_damage() -> None:
    """In a process of its own, as of a source: it would end the delivery."""
    assert compared(compressed_file(CODED), compressed_file(CRASHES)).damaged


def test_an_icon_has_pixels_too() -> None:
    assert compared(file(icon(1)), file(icon(1), ImplicitVRLittleEndian)).same
    assert compared(file(icon(1)), file(icon(2))).damaged == ("IconImageSequence",)

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from dicombake.pipeline.dicom.encode.pixel_element import PixelElement
from dicombake.pipeline.dicom.finish import finish
from dicombake.pipeline.dicom.verify import _plainly_decoded, verify
from dicombake.pipeline.errors import ExportError, VerificationError
from dicombake.pipeline.exporters.dicom import rt_image
from dicombake.pipeline.exporters.options import RtImageOptions
from dicombake.pipeline.imaging.image import Image
from msgspec.structs import replace
from pydicom import Dataset, dcmread
from pydicom.uid import SecondaryCaptureImageStorage

from ....pydicom_api import write_whole
from ...exporting import PLACED, SCANNED, codes, context, every_flipped_byte_is_seen, export, ramp, read

OPTIONS = RtImageOptions(path="x", pixels="retain")


def made(tmp_path, pixels=None, overrides=None, geometry=SCANNED, **more):
    image = Image(ramp("uint16") if pixels is None else pixels, geometry)
    return export(rt_image.EXPORTER, image, OPTIONS, context(overrides, **more), tmp_path)


def test_the_file_is_a_part_10_file(tmp_path):
    path, _ = made(tmp_path)
    data = path.read_bytes()
    assert data[:132] == b"\0" * 128 + b"DICM"
    dataset = dcmread(path)
    meta = dataset.file_meta
    assert meta.MediaStorageSOPClassUID == dataset.SOPClassUID == "1.2.840.10008.5.1.4.1.1.481.1"
    assert meta.MediaStorageSOPInstanceUID == dataset.SOPInstanceUID
    assert meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
    assert meta.ImplementationVersionName == "DICOMBAKE_0_1"
    written = io.BytesIO()
    write_whole(written, dataset)
    assert written.getvalue() == data, "pydicom writes the same bytes, group length and padding included"


@pytest.mark.parametrize(
    ("dtype", "vr"), [("uint8", "OB"), ("uint16", "OW"), ("float32", "OF"), ("float64", "OD")]
)
def test_odd_pixels_are_padded_and_have_the_vr_of_their_size(tmp_path, dtype, vr):
    path, _ = made(tmp_path, ramp(dtype, 3, 5))
    element = [element for element in read(path) if element.tag.group == 0x7FE0]
    assert [part.VR for part in element] == [vr]
    assert len(element[0].value) % 2 == 0
    assert np.array_equal(read(path).pixel_array, ramp(dtype, 3, 5))


def test_the_same_call_gives_the_same_bytes(tmp_path):
    first = made(tmp_path)[0].read_bytes()
    assert made(tmp_path)[0].read_bytes() == first


@pytest.fixture(params=["asked", "remembered"])
def memory(request):
    """What pydicom decodes is forgotten before each file, or remembered from a good one."""
    _plainly_decoded.clear()
    return request.param


def test_no_flipped_byte_goes_unseen(tmp_path, memory):
    path, artifact = made(tmp_path, ramp("uint8", 3, 5), {"(0009,ACME,01)": "x", "PatientName": "Ö"})
    if memory == "remembered":
        artifact.check(path)
    else:
        _plainly_decoded.clear()
    every_flipped_byte_is_seen(path, artifact)


@pytest.mark.parametrize("keep", [0, 100, 131, 200, 600, -1])
def test_a_truncated_file_is_seen(tmp_path, keep):
    path, artifact = made(tmp_path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(VerificationError):
        artifact.check(path)


def finished(geometry=PLACED, pixels="uint16", overrides=None):
    image = Image(ramp(pixels), geometry)
    where = context(overrides or {"PatientName": "Secret^Person", "ExposureSequence": [{"KVP": "6"}]})
    return finish(rt_image.draft([image], OPTIONS, where), where)


def rename(meant):
    meant.dataset.PatientName = "Other^Person"


def requote(meant):
    meant.dataset.ExposureSequence[0].KVP = "6.0"


def revalue(meant):
    meant.dataset.Rows = 6


def retype(meant):
    meant.dataset[0x00280010].VR = "SS"


def lengthen(meant):
    meant.dataset.ExposureSequence.append(Dataset())


def add(meant):
    meant.dataset.PatientComments = "x"


def take(meant):
    del meant.dataset.PatientSex


def reclass(meant):
    meant.dataset.SOPClassUID = SecondaryCaptureImageStorage


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        (rename, "Patient's Name"),
        (requote, "Exposure Sequence[0]: KVP"),
        (revalue, "Rows"),
        (retype, "Rows has the VR US, not SS"),
        (lengthen, "Exposure Sequence has 1 items, not 2"),
        (add, "Patient Comments is missing"),
        (take, "(0010,0040) was not meant to be there"),
        (reclass, "MediaStorageSOPClassUID in the file meta"),
    ],
)
def test_an_encoder_that_writes_something_else_is_seen(tmp_path, mistake, message):
    """Told by the element's name; a value would be the patient's."""
    result = finished()
    path = tmp_path / "out.dcm"
    path.write_bytes(b"".join(result.chunks))
    verify(path, result.meant)
    mistake(result.meant)
    with pytest.raises(VerificationError) as caught:
        verify(path, result.meant)
    assert str(caught.value) == f"what was written is not what was meant: {message}"


def test_a_private_element_is_told_by_its_tag(tmp_path):
    result = finished()
    path = tmp_path / "out.dcm"
    path.write_bytes(b"".join(result.chunks))
    result.meant.dataset.private_block(0x0009, "ACME 1.0", create=True).add_new(1, "SH", "x")
    with pytest.raises(VerificationError, match=r"is not what was meant: \(0009,0010\) is missing"):
        verify(path, result.meant)


def test_a_file_that_is_gone_is_told_in_plain_words(tmp_path):
    with pytest.raises(VerificationError) as caught:
        verify(tmp_path / "out.dcm", finished().meant)
    assert str(caught.value) == "what was written cannot be read back: No such file or directory"


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (ramp("uint16")[::-1], "the pixels do not read back as they were"),
        (ramp("uint16")[:4], "PixelData is missing or has another size"),
        (ramp("uint16").T, "the pixels read as uint16 of shape (5, 7), not as uint16 of shape (7, 5)"),
        (ramp("uint8", 10, 7), "the pixels read as uint16 of shape (5, 7), not as uint8 of shape (10, 7)"),
    ],
)
def test_pixels_that_do_not_read_back_are_seen(tmp_path, array, message, memory):
    result = finished()
    path = tmp_path / "out.dcm"
    path.write_bytes(b"".join(result.chunks))
    if memory == "remembered":
        verify(path, result.meant)
        assert len(_plainly_decoded) == 1
    meant = replace(result.meant, pixels=PixelElement(np.ascontiguousarray(array)))
    with pytest.raises(VerificationError) as caught:
        verify(path, meant)
    assert str(caught.value) == f"what was written is not what was meant: {message}"


def test_a_length_that_is_not_the_one_meant_is_seen(tmp_path):
    result = finished()
    path = tmp_path / "out.dcm"
    path.write_bytes(b"".join(result.chunks))
    meant = replace(result.meant, numbers={**result.meant.numbers, "RTImageSID": (1500.0284,)})
    with pytest.raises(VerificationError, match="RTImageSID is not the number that was meant"):
        verify(path, meant)


@pytest.mark.parametrize(
    ("overrides", "text"),
    [
        ({"Rows": "6"}, "the tag Rows is 6, which contradicts the pixels (5)"),
        ({"BitsStored": "12"}, "the tag BitsStored is 12, which contradicts the pixels (16)"),
        ({"Modality": "CT"}, "the tag Modality is CT, which contradicts the kind of file (RTIMAGE)"),
        (
            {"SOPClassUID": SecondaryCaptureImageStorage},
            "the tag SOPClassUID is Secondary Capture Image Storage, "
            "which contradicts the kind of file (RT Image Storage)",
        ),
        ({"RTImageSID": "1500"}, "the tag RTImageSID is 1500, which contradicts the geometry (1000)"),
        (
            {"ImagePlanePixelSpacing": ["1", "1"]},
            "the tag ImagePlanePixelSpacing is 1\\1, which contradicts the geometry (0.254\\0.254)",
        ),
        ({"RescaleSlope": "2"}, "the tag RescaleSlope is 2, which contradicts the values"),
        ({"PixelData": {"base64": "AQI="}}, "the tag PixelData has 2 bytes, the image it is in needs 70"),
    ],
)
def test_a_contradiction_is_written_and_named(tmp_path, overrides, text):
    path, artifact = made(tmp_path, overrides=overrides)
    assert [note.text for note in artifact.notes] == [text]
    assert artifact.notes[0].contradiction
    dataset = read(path)
    (key,) = overrides
    if key != "PixelData":
        said = np.atleast_1d(overrides[key])
        assert [str(value).removesuffix(".0") for value in np.atleast_1d(dataset[key].value)] == list(said)
    assert dataset.file_meta.MediaStorageSOPClassUID == dataset.SOPClassUID
    with pytest.raises(ExportError, match="'strict' makes a contradiction an error"):
        made(tmp_path, overrides=overrides, strict=True)


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("PatientID", ["QA", "QB"], "PatientID has 2 values; the standard says 1"),
        ("RTImagePosition", "5", "RTImagePosition has 1 value; the standard says 2"),
        ("(0018,1164)", ["1", "1", "1"], "(0018,1164) has 3 values; the standard says 2"),
        ("ExposureSequence[0].KVP", ["6", "10"], "ExposureSequence[0].KVP has 2 values; the standard says 1"),
    ],
)
def test_more_or_fewer_values_than_the_standard_says_are_named(tmp_path, key, value, text):
    _, artifact = made(tmp_path, overrides={key: value})
    told = [note for note in artifact.notes if note.code == "multiplicity"]
    assert [(note.text, note.contradiction) for note in told] == [(f"the tag {text}", True)]


def test_as_many_values_as_the_standard_says_are_no_contradiction(tmp_path):
    overrides = {"ImageType": ["DERIVED", "SECONDARY", "PORTAL"], "PatientComments": None, "KVP": "6"}
    _, artifact = made(tmp_path, overrides={**overrides, "(0009,ACME,01)": ["1", "2", "3"]})
    assert codes(artifact) == []


def test_pixels_of_the_recipes_own_are_written(tmp_path):
    pixels = ramp("uint16")[::-1].tobytes()
    path, artifact = made(tmp_path, overrides={"PixelData": {"base64": base64.b64encode(pixels).decode()}})
    assert codes(artifact) == []
    assert read(path).PixelData == pixels


def test_removed_pixels_are_named(tmp_path):
    path, artifact = made(tmp_path, remove=("PixelData",))
    assert codes(artifact) == ["contradicts-pixels"]
    assert "PixelData" not in read(path)


def test_an_override_that_agrees_is_no_contradiction(tmp_path):
    _, artifact = made(tmp_path, overrides={"Rows": "5", "RTImageSID": "1000", "GantryAngle": "30"})
    assert codes(artifact) == []


def test_text_that_the_character_set_cannot_hold_is_refused(tmp_path):
    with pytest.raises(ExportError, match="the dataset cannot be written"):
        made(tmp_path, overrides={"SpecificCharacterSet": "ISO_IR 100", "PatientName": "山田"})


def test_another_character_set_is_written_as_it_says(tmp_path):
    path, _ = made(tmp_path, overrides={"SpecificCharacterSet": "ISO_IR 100", "PatientName": "Müller"})
    assert b"M\xfcller" in path.read_bytes()
    assert read(path).PatientName == "Müller"


def test_elements_beyond_the_pixels_are_written(tmp_path):
    path, _ = made(tmp_path, overrides={"(7FE1,ACME,10)": "late"})
    assert read(path)[0x7FE11010].value == "late"

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from dicombake.pipeline.errors import ExportError, GeometryError
from dicombake.pipeline.exporters.dicom import rt_image
from dicombake.pipeline.exporters.options import RtImageOptions
from dicombake.pipeline.imaging.image import Geometry, Image, Lossy, SourceFile, Stored
from dicombake.pipeline.loaders.options import Limits, XimOptions
from dicombake.pipeline.loaders.xim.loader import load
from dicombake.pipeline.process.apply import apply
from dicombake.pipeline.process.operations import Invert
from dicombake.pipeline.samples import xim
from msgspec import structs
from pydicom import Dataset

from ....pydicom_api import apply_modality_lut
from ...exporting import (
    FILE,
    PLACED,
    RECIPE,
    SCANNED,
    codes,
    context,
    dicom_source,
    export,
    ramp,
    read,
)

NAMES = (
    "bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64",
    "float16", "float32", "float64",
)  # fmt: skip
XIM = SourceFile(Path("a.xim"), "xim")


def made(tmp_path, image, how="auto", overrides=None, **more):
    options = RtImageOptions(path="x", pixels=how)
    return export(rt_image.EXPORTER, image, options, context(overrides, **more), tmp_path)


def values(dataset):
    return apply_modality_lut(dataset.pixel_array, dataset)


@pytest.mark.parametrize("name", NAMES)
def test_retain_gives_the_array_back(tmp_path, name):
    pixels = ramp(name)
    path, _ = made(tmp_path, Image(pixels, SCANNED), "retain")
    found = read(path)
    assert "RescaleSlope" not in found, "any rescale makes pylinac return float64"
    assert np.array_equal(found.pixel_array, pixels)
    same = {"bool": "uint8", "float16": "float32"}.get(name, name)
    assert found.pixel_array.dtype == np.dtype(same)


@pytest.mark.parametrize("name", NAMES)
def test_portable_gives_the_values_back_in_8_or_16_bits(tmp_path, name):
    path, artifact = made(tmp_path, Image(ramp(name), SCANNED), "portable")
    found = read(path)
    assert found.BitsAllocated in (8, 16)
    assert found.PixelRepresentation == 0
    assert np.array_equal(values(found), ramp(name))
    assert codes(artifact) == []


def test_quantize_records_its_error(tmp_path):
    image = Image(np.linspace(0, 1 / 3, 35).reshape(5, 7), SCANNED)
    path, artifact = made(tmp_path, image, "quantize")
    found = read(path)
    error = np.abs(values(found) - image.pixels).max()
    assert f"largest error {error:.3g}" in found.DerivationDescription
    assert codes(artifact) == ["quantized"]


def test_signed_pixels_stay_signed(tmp_path):
    """pylinac writes them as unsigned."""
    path, artifact = made(tmp_path, Image(np.array([[-30000, 5]], np.int16), SCANNED), "retain")
    assert read(path).PixelRepresentation == 1
    assert read(path).pixel_array.tolist() == [[-30000, 5]]
    assert codes(artifact) == ["signed-rt-image"]


def test_geometry_that_is_known_is_written(tmp_path):
    path, _ = made(tmp_path, Image(ramp("uint16"), PLACED, sources=(XIM,)))
    found = read(path)
    assert found.ImagePlanePixelSpacing == [0.336, 0.336]
    assert found.RTImagePosition == [-214.872, 214.872]
    assert found.RTImageOrientation == [1, 0, 0, 0, -1, 0]
    assert found.XRayImageReceptorTranslation == [-160.0016, 0.0102, -499.977]
    assert (found.RTImageSID, found.RadiationMachineSAD) == (1500.0283, 1000)
    angles = (found.GantryAngle, found.BeamLimitingDeviceAngle, found.PatientSupportAngle)
    assert angles == (90.033, 270.0005, 354.006)
    assert found.XRayImageReceptorAngle == 0
    assert found.RTImagePlane == "NORMAL"
    assert found.ReportedValuesOrigin == "ACTUAL"


def test_geometry_that_nobody_knows_is_empty_or_absent(tmp_path):
    path, _ = made(tmp_path, Image(ramp("uint16"), SCANNED))
    found = read(path)
    for keyword in (
        "RTImagePosition",
        "RTImageOrientation",
        "RadiationMachineSAD",
        "XRayImageReceptorAngle",
        "RadiationMachineName",
        "PrimaryDosimeterUnit",
    ):
        assert found[keyword].value in (None, ""), keyword
    for keyword in ("GantryAngle", "XRayImageReceptorTranslation", "PixelIntensityRelationship"):
        assert keyword not in found
    assert found.ReportedValuesOrigin == "OPERATOR"


def test_the_sid_is_applied_once(tmp_path):
    """pylinac scales a dpi to the isocentre before it stores it, and again when it reads it."""
    path, _ = made(tmp_path, Image(ramp("uint16"), SCANNED.having(FILE, sid=1500.0)))
    assert read(path).ImagePlanePixelSpacing == [0.254, 0.254]


@pytest.mark.parametrize(
    ("geometry", "keys"),
    [
        (Geometry().having(FILE, sid=1000.0), ("dpi: ...", "dpi: unknown")),
        (Geometry().having(FILE, spacing=(1.0, 1.0)), ("sid: ...", "sid: unknown")),
    ],
)
def test_what_an_rt_image_needs_is_named(tmp_path, geometry, keys):
    with pytest.raises(GeometryError) as caught:
        made(tmp_path, Image(ramp("uint16"), geometry))
    assert all(key in str(caught.value) for key in keys)


def test_what_is_blank_on_purpose_stays_empty(tmp_path):
    blank = {"sid": "'sid: unknown' in the recipe", "spacing": "'dpi: unknown' in the recipe"}
    path, _ = made(tmp_path, Image(ramp("uint16"), Geometry(blank=blank)))
    assert read(path).RTImageSID is None
    assert read(path).ImagePlanePixelSpacing is None
    assert not read(path).ReportedValuesOrigin


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (Image(ramp("uint16"), PLACED, sources=(XIM,)), ["ORIGINAL", "PRIMARY", "PORTAL"]),
        (
            Image(ramp("uint16"), PLACED, sources=(XIM,), history=("crop",)),
            ["DERIVED", "SECONDARY", "PORTAL"],
        ),
        (Image(ramp("uint16"), PLACED, sources=(XIM,), computed=True), ["DERIVED", "SECONDARY", "PORTAL"]),
        (Image(ramp("uint16"), SCANNED), ["DERIVED", "SECONDARY", "PORTAL"]),
        (
            Image(
                ramp("uint16"),
                SCANNED,
                sources=(dicom_source(ImageType=["ORIGINAL", "PRIMARY", "SIMULATOR"]),),
            ),
            ["DERIVED", "SECONDARY", "SIMULATOR"],
        ),
    ],
)
def test_the_image_type_says_what_was_done(tmp_path, image, expected):
    assert read(made(tmp_path, image)[0]).ImageType == expected


@pytest.mark.parametrize(
    ("stem", "label"),
    [
        ("film", "film"),
        ("a_stem_that_is_too_long", "a_stem_that_is_t"),
        ("", "image"),
        ("dose\\map\t", "dosemap"),
        ("fifteen letters x", "fifteen letters"),
    ],
)
def test_a_computed_label_fits(tmp_path, stem, label):
    assert read(made(tmp_path, Image(ramp("uint16"), SCANNED), stem=stem)[0]).RTImageLabel == label


def test_a_given_label_that_is_too_long_is_refused():
    """By the recipe's reader; a template's text by the override, see test_overrides."""
    with pytest.raises(ValueError, match="SH holds 16"):
        context({"RTImageLabel": "seventeen letters"})


@pytest.mark.parametrize(
    ("colour", "grey"),
    [((255, 0, 0), 76), ((0, 255, 0), 150), ((0, 0, 255), 29), ((255, 255, 255), 255), ((10, 20, 31), 18)],
)
def test_8_bit_colour_becomes_luminance(tmp_path, colour, grey):
    image = Image(np.full((2, 3, 3), colour, np.uint8), SCANNED, "RGB")
    path, artifact = made(tmp_path, image)
    assert read(path).pixel_array.tolist() == [[grey] * 3] * 2
    assert read(path).DerivationDescription == "luminance (ITU-R 601)"
    assert codes(artifact) == ["luminance"]


def test_deeper_colour_must_say_its_channel(tmp_path):
    with pytest.raises(ExportError) as caught:
        made(tmp_path, Image(np.zeros((2, 3, 3), np.uint16), SCANNED, "RGB"))
    assert str(caught.value) == (
        "an RT Image is grey, and the source is colour of type uint16; "
        "say which channel it is: 'source: {format: image, channel: red}'"
    )


def test_alpha_is_dropped_where_it_is_opaque(tmp_path):
    opaque = np.full((2, 3, 4), 255, np.uint8)
    assert codes(made(tmp_path, Image(opaque, SCANNED, "RGBA"))[1]) == ["alpha-dropped", "luminance"]
    opaque[0, 0, 3] = 254
    with pytest.raises(ExportError, match="1 pixels are transparent, which DICOM cannot hold"):
        made(tmp_path, Image(opaque, SCANNED, "RGBA"))


def test_monochrome1_keeps_its_values_and_says_so(tmp_path):
    path, artifact = made(tmp_path, Image(ramp("uint16"), SCANNED, "MONOCHROME1"))
    assert read(path).PhotometricInterpretation == "MONOCHROME2"
    assert np.array_equal(read(path).pixel_array, ramp("uint16"))
    assert codes(artifact) == ["polarity"]
    assert artifact.notes[0].contradiction
    assert "process: [invert]" in artifact.notes[0].text


def test_a_lossy_source_stays_marked(tmp_path):
    source = SourceFile(Path("a.jpg"), "image", lossy=Lossy("ISO_10918_1", 12.34567))
    found = read(made(tmp_path, Image(ramp("uint8"), SCANNED, sources=(source,)))[0])
    assert found.LossyImageCompression == "01"
    assert found.LossyImageCompressionMethod == "ISO_10918_1"
    assert found.LossyImageCompressionRatio == 12.346


def test_a_dicom_source_hands_on_its_patient_and_is_referenced(tmp_path):
    """pylinac's as_dicom drops the patient's tags."""
    image = Image(ramp("uint16"), SCANNED, sources=(dicom_source(),), history=("crop top 2",))
    found = read(made(tmp_path, image)[0])
    assert found.PatientName == "Müller^Jürgen"
    assert found.SpecificCharacterSet == "ISO_IR 192"
    assert "Müller^Jürgen".encode() in (tmp_path / "out.dcm").read_bytes()
    assert (found.PatientID, found.PatientBirthDate, found.StudyDate) == ("0042", "19500102", "20240102")
    assert (found.InstitutionName, found.InstanceNumber) == ("Hôpital", 7)
    assert found.DerivationDescription == "crop top 2"
    (item,) = found.SourceImageSequence
    assert item.ReferencedSOPInstanceUID == "1.2.3.4.5"
    assert item.PurposeOfReferenceCodeSequence[0].CodeValue == "121322"
    assert found.SOPInstanceUID != "1.2.3.4.5"


def test_overrides_win_over_what_is_carried(tmp_path):
    image = Image(ramp("uint16"), SCANNED, sources=(dicom_source(),))
    found = read(made(tmp_path, image, overrides={"PatientName": "QA^TB1", "InstitutionName": None})[0])
    assert found.PatientName == "QA^TB1"
    assert found.InstitutionName == ""


def test_intensity_relationship_comes_from_a_dicom_source_only_while_it_holds(tmp_path):
    source = dicom_source(
        PixelIntensityRelationship="LIN", PixelIntensityRelationshipSign=-1, WindowCenter="5"
    )
    image = Image(ramp("uint16"), SCANNED, sources=(source,))
    assert read(made(tmp_path, image)[0]).PixelIntensityRelationshipSign == -1
    path, artifact = made(tmp_path, image.replace(computed=True))
    assert "PixelIntensityRelationshipSign" not in read(path)
    assert "WindowCenter" not in read(path)
    assert codes(artifact) == ["intensity-relationship-dropped"]


def test_invalid_values_of_a_source_are_dropped_and_told_without_the_value(tmp_path):
    source = dicom_source()
    source.dataset.add_new(0x00080020, "DA", "00010101")
    source.dataset.add_new(0x00100030, "DA", "00010101")
    path, artifact = made(tmp_path, Image(ramp("uint16"), SCANNED, sources=(source,)))
    assert (read(path).StudyDate, read(path).PatientBirthDate) == ("", "")
    assert [note.text for note in artifact.notes] == [
        "PatientBirthDate of the source is no valid DA and is left empty",
        "StudyDate of the source is no valid DA and is left empty",
    ]


def test_what_a_file_implies_is_in_the_output(tmp_path):
    attributes = Dataset()
    attributes.AcquisitionDate, attributes.Manufacturer = "20250917", "Varian Medical Systems"
    source = SourceFile(Path("a.xim"), "xim", attributes=attributes)
    found = read(made(tmp_path, Image(ramp("uint16"), PLACED, sources=(source,)))[0])
    assert (found.StudyDate, found.AcquisitionDate) == ("20250917", "20250917")
    assert found.Manufacturer == "Varian Medical Systems"


def test_a_dicom_sources_rescale_and_units_stay(tmp_path):
    stored = Stored(ramp("uint16"), 2.8244119574e-06, 0.0, "CU", 16)
    image = Image(stored.pixels * stored.slope, SCANNED, stored=stored, sources=(dicom_source(),))
    found = read(made(tmp_path, image)[0])
    assert np.array_equal(found.pixel_array, stored.pixels)
    assert (found.RescaleSlope, found.RescaleType) == (2.8244119574e-06, "CU")


def frame(pixels, page, geometry=PLACED):
    source = SourceFile(Path("cine.tif"), "image", page=page, pages=3)
    return Image(pixels, geometry, sources=(source,))


def test_several_images_are_the_frames_of_one_file(tmp_path):
    frames = [ramp("uint16") + page for page in (1, 2, 3)]
    path, _ = made(tmp_path, [frame(pixels, page) for page, pixels in enumerate(frames, 1)])
    found = read(path)
    assert np.array_equal(found.pixel_array, np.stack(frames))
    assert (found.NumberOfFrames, found.SOPClassUID.keyword) == (3, "RTImageStorage")
    assert found.FrameIncrementPointer == 0x00182001
    assert list(found.PageNumberVector) == [1, 2, 3]
    assert found.ImagePlanePixelSpacing == [0.336, 0.336]


def test_frames_of_other_geometry_are_refused(tmp_path):
    turned = PLACED.having(RECIPE, gantry=91.0)
    text = "page 2 has gantry 91.0, the first one 90.033; an RT Image says it once for all of its frames"
    with pytest.raises(ExportError, match=re.escape(text)):
        made(tmp_path, [frame(ramp("uint16"), 1), frame(ramp("uint16"), 2, turned)])


@pytest.mark.parametrize(
    ("other", "text"),
    [
        (ramp("uint16", rows=6), "page 2 has the shape (6, 7), the first one (5, 7)"),
        (ramp("uint8"), "page 2 has the type uint8, the first one uint16"),
    ],
)
def test_frames_of_other_kinds_are_refused(tmp_path, other, text):
    with pytest.raises(ExportError, match=re.escape(text)):
        made(tmp_path, [frame(ramp("uint16"), 1), frame(other, 2)])


def test_frames_of_a_dicom_source_keep_their_time_and_exposures(tmp_path):
    exposures = []
    for number in (1, 2, 3):
        item = Dataset()
        item.ReferencedFrameNumber, item.ExposureTime = str(number), str(10 * number)
        exposures.append(item)
    source = dicom_source(FrameTime="100", FrameIncrementPointer=0x00181063, NumberOfFrames="3")
    source.dataset.ExposureSequence = exposures
    images = [
        frame(ramp("uint16"), page).replace(
            sources=(structs.replace(source, page=page, pages=3, path=Path("cine.dcm")),)
        )
        for page in (1, 2, 3)
    ]
    whole = read(made(tmp_path, images)[0])
    assert (whole.FrameIncrementPointer, whole.FrameTime) == (0x00181063, 100)
    assert [item.ReferencedFrameNumber for item in whole.ExposureSequence] == [1, 2, 3]
    assert [item.ReferencedFrameNumber for item in whole.SourceImageSequence] == [1, 2, 3]
    one = read(made(tmp_path, images[1])[0])
    assert "FrameTime" not in one and "NumberOfFrames" not in one
    assert [item.ExposureTime for item in one.ExposureSequence] == [20]
    some = read(made(tmp_path, images[1:])[0])
    assert "FrameTime" not in some and list(some.PageNumberVector) == [2, 3]
    assert [(item.ReferencedFrameNumber, item.ExposureTime) for item in some.ExposureSequence] == [
        (1, 20),
        (2, 30),
    ]


@pytest.mark.parametrize("how", ["auto", "retain", "portable"])
def test_the_rescale_of_a_xim_is_written_and_its_integers_stay(tmp_path, how):
    """docs/metadata.md: DataGain and DataOffset, never applied."""
    pixels = ramp("uint16")
    file = tmp_path / "a.xim"
    file.write_bytes(xim.encode(pixels, {**xim.mv_properties(gantry=0.0), "DataGain": 0.5, "DataOffset": 3}))
    (image,) = load(file, XimOptions(), Limits())
    assert np.array_equal(image.pixels, pixels)
    path, artifact = made(tmp_path, image, how)
    found = read(path)
    assert np.array_equal(found.pixel_array, pixels)
    assert np.array_equal(values(found), pixels * 0.5 + 3)
    assert (found.RescaleSlope, found.RescaleIntercept, found.RescaleType) == (0.5, 3, "US")
    assert codes(artifact) == []
    inverted = apply(image, [Invert()])
    path, _ = made(tmp_path, inverted, how)
    assert "RescaleSlope" not in read(path)

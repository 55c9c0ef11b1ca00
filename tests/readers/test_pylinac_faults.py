"""What pylinac 3.49's own converters and writers are known to get wrong is right here: one test per fault."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import tifffile
from dicombake.pipeline.errors import RecipeError
from pydicom.uid import RLELossless, RTImageStorage

from ..pipeline.exporting import dicom_source
from ..pipeline.loaders.input_files import MV_PROPERTIES, make_npy, make_tiff, make_xim
from ..pydicom_api import write_whole
from ..support import bake, failures

Convert = Callable[..., list[Path]]
XIM = """\
    inputs: image.xim
    source: xim
    exports: {to: rt-image, path: "out/{stem}.dcm"}
"""
ARRAY = """\
    inputs: image.npy
    source: array
    geometry: {dpi: 100, sid: 1500, sad: 1000, center: image}
    exports: {to: rt-image, path: "out/{stem}.dcm"}
"""
FILM = """\
    inputs: film.tif
    source: {format: image, channel: green}
    geometry: {dpi: 100, sid: 1500}
    exports: {to: rt-image, path: "out/{stem}_{page}.dcm"}
"""
SAME = """\
    inputs: source.dcm
    source: dicom
    exports: {to: dicom, path: "out/{stem}.dcm"}
"""


@pytest.fixture
def convert(tmp_path: Path) -> Convert:
    """Runs one conversion, given as the lines of its recipe, on files given by name; what it wrote."""

    def run(conversion: str, **files: bytes) -> list[Path]:
        for name, content in files.items():
            (tmp_path / name.replace("_", ".")).write_bytes(content)
        recipe = tmp_path / "faults.yaml"
        recipe.write_text(
            "version: 1\nname: faults\nuid_namespace: 0d6fdc2e-6f43-4a53-8a67-3c7d5b0e1b52\n"
            f"conversions:\n  it:\n{conversion}",
            encoding="utf-8",
        )
        assert failures(bake(recipe)) == []
        return sorted((tmp_path / "out").rglob("*.dcm"))

    return run


def read(convert: Convert, conversion: str, **files: bytes) -> pydicom.Dataset:
    (path,) = convert(conversion, **files)
    return pydicom.dcmread(path)


PIXELS = np.arange(12 * 17, dtype=np.uint16).reshape(12, 17) * 300


def portal(pixels: np.ndarray = PIXELS, *, rle: bool = False, **values: Any) -> bytes:
    """A portal image of a named patient, as a file."""
    dataset = dicom_source(
        ImageType=["ORIGINAL", "PRIMARY", "PORTAL"], RTImageLabel="6x", RTImagePlane="NORMAL",
        ImagePlanePixelSpacing=[0.4, 0.4], RTImagePosition=[-3.2, 2.2], RTImageSID=1500,
        RTImageOrientation=[1, 0, 0, 0, -1, 0], XRayImageReceptorAngle=0, RadiationMachineSAD=1000,
        SamplesPerPixel=1, PhotometricInterpretation="MONOCHROME2", Rows=12, Columns=17, BitsAllocated=16,
        BitsStored=16, HighBit=15, PixelRepresentation=0, PixelData=pixels.tobytes(), **values,
    ).dataset  # fmt: skip
    assert dataset is not None
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    if rle:
        dataset.compress(RLELossless, generate_instance_uid=False)
    buffer = pydicom.filebase.DicomBytesIO()
    write_whole(buffer, dataset)
    return buffer.getvalue()


def test_signed_pixels_stay_signed(convert: Convert) -> None:
    pixels = np.array([[-32768, -1], [0, 32767]], np.int16)
    dataset = read(convert, ARRAY, image_npy=make_npy(pixels))
    assert dataset.PixelRepresentation == 1
    assert np.array_equal(dataset.pixel_array, pixels)


def test_the_image_position_is_the_first_pixel_in_mm_with_y_up(convert: Convert) -> None:
    """pylinac is off by a factor of 25.4, and gives y the sign of x."""
    dataset = read(convert, ARRAY, image_npy=make_npy(PIXELS))
    assert [float(value) for value in dataset.RTImagePosition] == pytest.approx([-8 * 0.254, 5.5 * 0.254])


def test_file_meta_names_the_class_and_the_instance_of_the_dataset(convert: Convert) -> None:
    dataset = read(convert, ARRAY, image_npy=make_npy(PIXELS))
    assert dataset.SOPClassUID == RTImageStorage
    assert dataset.file_meta.MediaStorageSOPClassUID == RTImageStorage
    assert dataset.file_meta.MediaStorageSOPInstanceUID == dataset.SOPInstanceUID


@pytest.mark.parametrize(
    ("conversion", "file"),
    [
        (ARRAY, {"image_npy": make_npy(PIXELS)}),
        (FILM, {"film_tif": make_tiff(np.dstack([PIXELS] * 3), photometric="rgb")}),
    ],
    ids=["array", "file"],
)
def test_a_dpi_at_the_image_plane_is_scaled_by_no_sid(
    convert: Convert, conversion: str, file: dict[str, bytes]
) -> None:
    dataset = read(convert, conversion, **file)
    assert dataset.RTImageSID == 1500
    assert [float(value) for value in dataset.ImagePlanePixelSpacing] == pytest.approx([0.254, 0.254])


def test_the_sid_of_a_xim_is_its_panels(convert: Convert) -> None:
    properties = MV_PROPERTIES | {"MVSourceVrt": 100.0, "MVDetectorVrt": -50.00283}
    dataset = read(convert, XIM, image_xim=make_xim(PIXELS, properties))
    assert float(dataset.RTImageSID) == pytest.approx(1500.0283)


def test_the_properties_of_a_xim_are_kept(convert: Convert) -> None:
    properties = MV_PROPERTIES | {"AcquisitionSystemVersion": "3.0.117", "MVEnergy": "6xFFF"}
    dataset = read(convert, XIM, image_xim=make_xim(PIXELS, properties))
    assert dataset.SoftwareVersions == "3.0.117"
    assert dataset.ExposureSequence[0].KVP == 6000


def test_an_uncompressed_xim_is_read(convert: Convert) -> None:
    dataset = read(convert, XIM, image_xim=make_xim(PIXELS, MV_PROPERTIES, compressed=False))
    assert np.array_equal(dataset.pixel_array, PIXELS)


def test_float64_goes_into_the_element_of_64_bits(convert: Convert) -> None:
    dataset = read(convert, ARRAY, image_npy=make_npy(PIXELS / 7))
    assert "FloatPixelData" not in dataset
    assert np.array_equal(dataset.pixel_array, PIXELS / 7)


def test_a_volume_keeps_its_values_and_is_one_study_with_an_orientation(convert: Convert) -> None:
    volume = np.linspace(-1000, 2000, 4 * 5 * 3).astype(np.int16).reshape(4, 5, 3)
    paths = convert(
        "    inputs: volume.npy\n"
        "    source: {format: volume, slice_axis: 2, spacing: [0.5, 0.5, 2.5], units: hu}\n"
        '    exports: {to: ct-series, path: "out/{slice}.dcm"}\n',
        volume_npy=make_npy(volume),
    )
    slices = [pydicom.dcmread(path) for path in paths]
    assert np.array_equal(np.stack([ds.pixel_array for ds in slices], axis=2), volume)
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"):
        assert len({ds[keyword].value for ds in slices}) == 1
    assert [float(ds.ImagePositionPatient[2]) for ds in slices] == [0, 2.5, 5]
    assert {tuple(ds.ImageOrientationPatient) for ds in slices} == {(1, 0, 0, 0, 1, 0)}


def test_the_patient_of_a_dicom_source_is_kept(convert: Convert) -> None:
    dataset = read(convert, SAME.replace("to: dicom", "to: rt-image"), source_dcm=portal())
    assert (str(dataset.PatientName), dataset.PatientID) == ("Müller^Jürgen", "0042")
    assert dataset.StudyInstanceUID == "1.2.3.4"


def test_what_is_derived_is_an_instance_of_its_own(convert: Convert) -> None:
    dataset = read(convert, SAME + "    process: [invert]\n", source_dcm=portal())
    assert dataset.SOPInstanceUID != "1.2.3.4.5"
    assert dataset.SourceImageSequence[0].ReferencedSOPInstanceUID == "1.2.3.4.5"


def test_a_crop_moves_the_image_position(convert: Convert) -> None:
    dataset = read(convert, SAME + "    process: [{crop: {top: 2, left: 3}}]\n", source_dcm=portal())
    assert np.array_equal(dataset.pixel_array, PIXELS[2:, 3:])
    moved = [-3.2 + 3 * 0.4, 2.2 - 2 * 0.4]
    assert [float(value) for value in dataset.RTImagePosition] == pytest.approx(moved)


def test_an_rle_source_is_converted_and_left_as_it_was(tmp_path: Path, convert: Convert) -> None:
    """pylinac truncates the destination before it finds that it cannot write."""
    content = portal(rle=True)
    dataset = read(convert, SAME, source_dcm=content)
    assert np.array_equal(dataset.pixel_array, PIXELS)
    assert (tmp_path / "source.dcm").read_bytes() == content


def test_film_of_48_bits_keeps_16_per_channel(convert: Convert) -> None:
    film = np.dstack([PIXELS, PIXELS + 1, PIXELS + 2])
    dataset = read(convert, FILM, film_tif=make_tiff(film, photometric="rgb"))
    assert np.array_equal(dataset.pixel_array, PIXELS + 1)


def test_every_page_of_a_tiff_is_converted(tmp_path: Path, convert: Convert) -> None:
    pages = np.stack([PIXELS, PIXELS + 1, PIXELS + 2])
    tifffile.imwrite(tmp_path / "film.tif", pages, photometric="minisblack")
    paths = convert(FILM.replace(", channel: green", ""))
    assert np.array_equal([pydicom.dcmread(path).pixel_array for path in paths], pages)


def test_a_misspelt_tag_is_an_error(convert: Convert) -> None:
    with pytest.raises(RecipeError, match="did you mean 'PatientName'"):
        convert(ARRAY + "    tags: {PatientNmae: Phantom}\n", image_npy=make_npy(PIXELS))


def test_every_run_writes_the_same_bytes(tmp_path: Path, convert: Convert) -> None:
    (path,) = convert(ARRAY, image_npy=make_npy(PIXELS))
    first = path.read_bytes()
    for left in (path, tmp_path / "faults.lock"):
        left.unlink()
    (path,) = convert(ARRAY)
    assert path.read_bytes() == first

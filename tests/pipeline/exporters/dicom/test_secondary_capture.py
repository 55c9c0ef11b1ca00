from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from dicombake.pipeline.errors import ExportError
from dicombake.pipeline.exporters.dicom import secondary_capture
from dicombake.pipeline.exporters.options import SecondaryCaptureOptions
from dicombake.pipeline.imaging.image import Geometry, Image, SourceFile

from ....pydicom_api import apply_modality_lut
from ...exporting import RECIPE, codes, context, dicom_source, export, ramp, read

PLAIN = "1.2.840.10008.5.1.4.1.1.7"


def made(tmp_path, images, how="auto", overrides=None, **more):
    options = SecondaryCaptureOptions(path="x", pixels=how)
    return export(secondary_capture.EXPORTER, images, options, context(overrides, **more), tmp_path)


def page(pixels, number, photometric="MONOCHROME2", geometry=None):
    source = SourceFile(Path("pages.tif"), "image", page=number, pages=3)
    return Image(pixels, geometry or Geometry(), photometric, sources=(source,))


@pytest.mark.parametrize("name", ["uint8", "int8", "uint16", "int16", "uint32", "int32"])
def test_integers_of_up_to_32_bits_are_stored_as_they_are(tmp_path, name):
    path, artifact = made(tmp_path, Image(ramp(name)))
    found = read(path)
    assert found.SOPClassUID == PLAIN
    assert found.pixel_array.dtype == np.dtype(name)
    assert np.array_equal(found.pixel_array, ramp(name))
    assert codes(artifact) == []


@pytest.mark.parametrize("name", ["int64", "float32"])
def test_what_is_outside_the_iod_is_told(tmp_path, name):
    path, artifact = made(tmp_path, Image(ramp(name)))
    assert np.array_equal(read(path).pixel_array, ramp(name))
    assert codes(artifact) == ["dtype-not-allowed"]


def test_portable_keeps_signed_16_bits(tmp_path):
    found = read(made(tmp_path, Image(ramp("int32")), "portable")[0])
    assert found.pixel_array.dtype == np.int16
    assert "RescaleSlope" not in found
    fractions = read(made(tmp_path, Image(ramp("float32") / 4), "portable")[0])
    assert np.array_equal(apply_modality_lut(fractions.pixel_array, fractions), ramp("float32") / 4)


@pytest.mark.parametrize("name", ["uint8", "uint16"])
def test_colour_is_kept(tmp_path, name):
    pixels = np.stack([ramp(name), ramp(name) + 1, ramp(name) + 2], -1)
    found = read(made(tmp_path, Image(pixels, photometric="RGB"))[0])
    assert (found.SamplesPerPixel, found.PlanarConfiguration) == (3, 0)
    assert found.PhotometricInterpretation == "RGB"
    assert np.array_equal(found.pixel_array, pixels)


def test_colour_of_other_types_is_refused(tmp_path):
    with pytest.raises(ExportError, match="colour of type float32 has no place in DICOM"):
        made(tmp_path, Image(np.zeros((2, 2, 3), np.float32), photometric="RGB"))


def test_monochrome1_stays(tmp_path):
    path, artifact = made(tmp_path, Image(ramp("uint8"), photometric="MONOCHROME1"))
    assert read(path).PhotometricInterpretation == "MONOCHROME1"
    assert codes(artifact) == []


@pytest.mark.parametrize(
    ("name", "photometric", "uid"),
    [
        ("uint8", "MONOCHROME2", f"{PLAIN}.2"),
        ("uint16", "MONOCHROME2", f"{PLAIN}.3"),
        ("uint8", "RGB", f"{PLAIN}.4"),
    ],
)
def test_pages_are_frames_of_one_file(tmp_path, name, photometric, uid):
    """pylinac reads the first page only."""
    frames = [np.roll(ramp(name), shift, 1) for shift in range(3)]
    if photometric == "RGB":
        frames = [np.stack([frame] * 3, -1) for frame in frames]
    path, artifact = made(tmp_path, [page(frame, i + 1, photometric) for i, frame in enumerate(frames)])
    found = read(path)
    assert found.SOPClassUID == uid
    assert found.NumberOfFrames == 3
    assert found.FrameIncrementPointer == 0x00182001
    assert list(found.PageNumberVector) == [1, 2, 3]
    assert found.BurnedInAnnotation == "NO"
    assert np.array_equal(found.pixel_array, np.stack(frames))
    assert codes(artifact) == []
    if photometric == "MONOCHROME2":
        assert (found.RescaleSlope, found.RescaleIntercept, found.RescaleType) == (1, 0, "US")
        assert found.PresentationLUTShape == "IDENTITY"


def test_pages_that_are_not_alike_are_refused(tmp_path):
    with pytest.raises(ExportError) as caught:
        made(tmp_path, [page(ramp("uint8"), 1), page(ramp("uint8", 4), 2)])
    assert str(caught.value) == (
        "page 2 has the shape (4, 7), the first one (5, 7); all of one file must have the same; "
        "write one file per page ({page} in 'path')"
    )
    with pytest.raises(ExportError, match="page 2 has the type uint16, the first one uint8"):
        made(tmp_path, [page(ramp("uint8"), 1), page(ramp("uint16"), 2)])


def test_multi_frame_files_say_what_they_cannot_hold(tmp_path):
    _, artifact = made(tmp_path, [page(ramp("int16"), 1), page(ramp("int16"), 2)])
    assert [note.text for note in artifact.notes] == [
        "a multi-frame Secondary Capture may not hold int16, and few programs read it there; "
        "use one file per page ({page} in 'path') for one that all do"
    ]
    pixels = np.zeros((2, 3, 3), np.uint16)
    with pytest.raises(ExportError, match="holds colour of 8 bits, not uint16"):
        made(tmp_path, [page(pixels, 1, "RGB"), page(pixels, 2, "RGB")])


def test_a_spacing_is_that_of_the_medium(tmp_path):
    film = Geometry().having(RECIPE, spacing=(0.254, 0.3))
    found = read(made(tmp_path, Image(ramp("uint8"), film))[0])
    assert found.NominalScannedPixelSpacing == [0.254, 0.3]
    assert "PixelSpacing" not in found
    other = Geometry().having(RECIPE, spacing=(1.0, 1.0))
    path, artifact = made(
        tmp_path, [page(ramp("uint8"), 1, geometry=film), page(ramp("uint8"), 2, geometry=other)]
    )
    assert "NominalScannedPixelSpacing" not in read(path)
    assert codes(artifact) == ["spacing-differs"]


def test_frames_of_a_dicom_source_are_referenced_by_number(tmp_path):
    source = dicom_source(Modality="US", FrameOfReferenceUID="1.2.9")
    images = [
        Image(
            ramp("uint8"),
            sources=(SourceFile(source.path, "dicom", dataset=source.dataset, page=n, pages=2),),
        )
        for n in (1, 2)
    ]
    found = read(made(tmp_path, images)[0])
    assert [item.ReferencedFrameNumber for item in found.SourceImageSequence] == [1, 2]
    assert "FrameOfReferenceUID" not in found
    assert (found.Modality, found.StudyInstanceUID) == ("OT", "1.2.3.4")

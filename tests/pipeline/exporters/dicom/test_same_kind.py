"""`to: dicom` on files of other makers, and on what is done to them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicombake.pipeline.dicom.verify import differences
from dicombake.pipeline.errors import ExportError, SourceError
from dicombake.pipeline.exporters.dicom import same_kind
from dicombake.pipeline.exporters.options import SameKindOptions
from dicombake.pipeline.imaging.image import Image
from dicombake.pipeline.loaders.dicom.loader import load
from dicombake.pipeline.loaders.options import DicomOptions, Limits
from dicombake.pipeline.process.apply import apply
from dicombake.pipeline.pydicom_versions.elements import tag_text
from dicombake.schemas.process import Operations
from pydantic import TypeAdapter
from pydicom import Dataset, dcmread

from ....pydicom_api import apply_modality_lut
from ...exporting import codes, context, export, ramp, read

FILES = Path(pydicom.__file__).parent / "data" / "test_files"
ENCODING = frozenset(
    {0x00080005, 0x00280004, 0x00280006, 0x00280100, 0x00280101, 0x00280102, 0x00280103, 0x7FE00010}
)


def loaded(path: Path, **options) -> list[Image]:
    return list(load(path, DicomOptions(**options), Limits()))


def processed(path: Path, *operations, **options) -> list[Image]:
    steps = TypeAdapter(Operations).validate_python(list(operations))
    return [apply(image, steps) for image in loaded(path, **options)]


def made(tmp_path, images, how="auto", overrides=None, **more):
    options = SameKindOptions(path="x", pixels=how)
    return export(same_kind.EXPORTER, images, options, context(overrides, **more), tmp_path)


def original(path: Path) -> Dataset:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return dcmread(path, force=True)


def sample(name: str) -> Path:
    return FILES / name


def sources() -> Iterator[Path]:
    for path in sorted([*FILES.glob("*.dcm"), *FILES.glob("dicomdirtests/*/*/*")]):
        if path.stat().st_size < 600_000:
            yield path


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", list(sources()), ids=lambda path: path.name)
def test_a_file_keeps_its_tags_and_values(path, tmp_path):
    """Every file that can be loaded: equal to the source, element by element, and the same instance."""
    try:
        images = loaded(path)
    except SourceError as error:
        assert error.subject == str(path), "refused by the loader, whose tests say why"
        return
    try:
        written, artifact = made(tmp_path, images)
    except ExportError as error:
        assert any(
            reason in str(error) for reason in ("1-bit pixels", "of type uint32 has no place in DICOM")
        )
        return
    before, found = original(path), read(written)
    changed = changes(before, found, artifact)
    if changed and before.get("SOPInstanceUID"):
        assert changed.pop(0) == "SOP Instance UID"
    if before.PhotometricInterpretation == "PALETTE COLOR":
        assert changed[0] == "Samples per Pixel"
        assert all("Palette" in name for name in changed[1:])
    else:
        assert changed == added(before, images)
    values = apply_modality_lut(found.pixel_array, found) if images[0].pixels.ndim == 2 else found.pixel_array
    expected = np.stack([image.pixels for image in images]) if len(images) > 1 else images[0].pixels
    if before.get("Modality") == "US" and expected.dtype == np.uint16:
        # an ultrasound image has 8 bits (PS3.3 C.8.5.6): those of its palette's 16 that are not 0
        assert not np.any(expected & 0xFF)
        expected = expected >> 8
    if "DoseGridScaling" in found:
        values = values * float(found.DoseGridScaling)
    assert np.allclose(values, expected, rtol=1e-12, atol=0)


def changes(before: Dataset, found: Dataset, artifact) -> list[str]:
    """What is different, but for the values that were dropped and told."""
    ours = Dataset({tag: before[tag] for tag in before.keys() if usual(before, tag)})  # noqa: SIM118
    told = ("invalid-source-value", "source-mended", "narrow-window")
    empty = {note.text.split(" ")[0] for note in artifact.notes if note.code in told}
    every = [name for name in differences(ours, found, skipped=ENCODING) if " not OB or OW" not in name]
    if found.SOPInstanceUID != before.get("SOPInstanceUID"):
        every.remove("(0018,A001) was not meant to be there")  # a new instance says what made it
        assert [item.Manufacturer for item in found.ContributingEquipmentSequence] == ["dicombake"]
    left = [name for name in every if not excused(name, empty)]
    return [] if left == ["SOP Instance UID"] and empty else left


def usual(dataset: Dataset, tag) -> bool:
    """But for what never is in a dataset that is written anew: group lengths and padding."""
    return tag.element != 0 and tag.group not in (0x0002, 0xFFFC)


def excused(name: str, empty: set[str]) -> bool:
    name = name.removesuffix(" is missing").removesuffix("[0]: Referenced Frame Number")
    return any(
        name in (pydicom.datadict.dictionary_description(keyword), _number(keyword)) for keyword in empty
    )


def _number(keyword: str) -> str:
    return f"{tag_text(pydicom.tag.Tag(keyword))} was not meant to be there"


def added(before: Dataset, images: list[Image]) -> list[str]:
    """What a file lacks and must have: UIDs, and the record of a lossy codec."""
    missing = []
    for tag, keyword in (
        ("(0008,0018)", "SOPInstanceUID"),
        ("(0020,000D)", "StudyInstanceUID"),
        ("(0020,000E)", "SeriesInstanceUID"),
    ):
        if not before.get(keyword):
            missing.append(f"{tag} was not meant to be there")
    if images[0].lossy:
        for tag, keyword in (
            ("(0028,2110)", "LossyImageCompression"),
            ("(0028,2112)", "LossyImageCompressionRatio"),
            ("(0028,2114)", "LossyImageCompressionMethod"),
        ):
            if keyword not in before:
                missing.append(f"{tag} was not meant to be there")
    return missing


def test_a_changed_tag_is_another_instance_of_the_same_series(tmp_path):
    path = sample("MR_small.dcm")
    found = read(made(tmp_path, loaded(path), overrides={"ImageComments": "checked"})[0])
    before = original(path)
    assert found.ImageComments == "checked"
    assert found.SOPInstanceUID != before.SOPInstanceUID
    assert found.SeriesInstanceUID == before.SeriesInstanceUID
    assert "SourceImageSequence" not in found


def test_a_changed_nested_tag_is_another_instance(tmp_path):
    path = sample("MR_small.dcm")
    first = read(made(tmp_path, loaded(path), overrides={"SourceImageSequence[0].ImageComments": "a"})[0])
    assert first.SOPInstanceUID != original(path).SOPInstanceUID


def test_another_patient_is_another_study_and_series(tmp_path):
    path = sample("CT_small.dcm")
    found = read(made(tmp_path, loaded(path), overrides={"PatientID": "QA", "PatientName": "QA^TB1"})[0])
    before = original(path)
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "SOPInstanceUID"):
        assert getattr(found, keyword) != getattr(before, keyword)


def test_a_crop_is_a_new_image_in_a_new_series_at_its_place(tmp_path):
    """pylinac's save keeps the SOP Instance UID and leaves the position stale."""
    path = sample("CT_small.dcm")
    written, artifact = made(tmp_path, processed(path, {"crop": {"top": 3, "left": 5}}))
    found, before = read(written), original(path)
    row, column = (np.array(before.ImageOrientationPatient[i : i + 3], float) for i in (0, 3))
    spacing = before.PixelSpacing
    expected = np.array(before.ImagePositionPatient, float) + 5 * spacing[1] * row + 3 * spacing[0] * column
    assert np.allclose(np.array(found.ImagePositionPatient, float), expected, atol=1e-6)
    assert (found.Rows, found.Columns) == (125, 123)
    assert np.array_equal(found.pixel_array, before.pixel_array[3:, 5:])
    assert (found.RescaleSlope, found.RescaleIntercept) == (1, -1024)
    assert found.ImageType[0] == "DERIVED"
    assert found.StudyInstanceUID == before.StudyInstanceUID
    assert found.SeriesInstanceUID != before.SeriesInstanceUID
    assert found.SOPInstanceUID != before.SOPInstanceUID
    assert found.SourceImageSequence[0].ReferencedSOPInstanceUID == before.SOPInstanceUID
    assert found.PatientName == before.PatientName
    assert "crop" in found.DerivationDescription
    assert set(codes(artifact)) <= {"stale-attribute"}


def test_a_quarter_turn_swaps_the_spacings(tmp_path):
    path = sample("CT_small.dcm")
    images = loaded(path)
    oblong = images[0].geometry.having(images[0].geometry.origins["spacing"], spacing=(0.5, 0.75))
    (turn,) = TypeAdapter(Operations).validate_python(["rotate90"])
    found = read(made(tmp_path, [apply(images[0].replace(geometry=oblong), [turn])])[0])
    assert found.PixelSpacing == [0.75, 0.5]


def test_computed_values_get_their_own_rescale(tmp_path):
    path = sample("CT_small.dcm")
    images = processed(path, {"rescale": {"slope": "0.5", "intercept": "0"}})
    found = read(made(tmp_path, images)[0])
    assert found.BitsAllocated == 16
    values = found.pixel_array * float(found.RescaleSlope) + float(found.RescaleIntercept)
    assert np.array_equal(values, images[0].pixels)
    for keyword in ("SmallestImagePixelValue", "LargestImagePixelValue", "PixelPaddingValue", "WindowCenter"):
        assert keyword not in found


def test_what_no_longer_holds_is_told(tmp_path):
    images = processed(sample("MR_small.dcm"), "invert")
    _, artifact = made(tmp_path, images)
    assert "left out, since it no longer holds for the changed pixels: WindowCenter" in [
        note.text for note in artifact.notes
    ]


def test_an_rle_source_is_written_whole(tmp_path):
    """pylinac destroys the destination of one."""
    written, _ = made(tmp_path, loaded(sample("MR_small_RLE.dcm")))
    assert read(written).file_meta.TransferSyntaxUID.name == "Explicit VR Little Endian"
    assert np.array_equal(read(written).pixel_array, original(sample("MR_small.dcm")).pixel_array)


def test_some_frames_of_a_multi_frame_file(tmp_path):
    path = sample("rtdose.dcm")
    found = read(made(tmp_path, loaded(path, frame=3))[0])
    assert found.NumberOfFrames == 1
    assert np.array_equal(found.pixel_array, original(path).pixel_array[2])
    assert found.SOPInstanceUID != original(path).SOPInstanceUID


def test_doses_that_were_computed_are_refused(tmp_path):
    with pytest.raises(ExportError, match="cannot be written as an RT Dose"):
        made(tmp_path, processed(sample("rtdose_1frame.dcm"), "invert"))


def test_colours_of_a_palette_are_written_as_colours(tmp_path):
    path = sample("OBXXXX1A.dcm")
    if not path.is_file():
        path = next(iter(FILES.glob("**/*PALETTE*.dcm")), None) or sample("examples_palette.dcm")
    if not path.is_file():
        pytest.skip(f"pydicom {pydicom.__version__} ships no file with a palette")
    found = read(made(tmp_path, loaded(path))[0])
    assert found.PhotometricInterpretation == "RGB"
    assert "RedPaletteColorLookupTableData" not in found
    colours = np.squeeze(np.stack([i.pixels for i in loaded(path)]))
    assert found.BitsAllocated == 8
    assert np.array_equal(found.pixel_array, colours if colours.dtype == np.uint8 else colours >> 8)


def test_a_source_that_is_no_dicom_is_refused(tmp_path):
    with pytest.raises(ExportError) as caught:
        made(tmp_path, Image(ramp("uint8")))
    assert str(caught.value) == (
        "'to: dicom' keeps the kind of a DICOM source, and this source is none; "
        "name a kind: rt-image, secondary-capture"
    )


@pytest.mark.real
def test_an_rt_images_own_geometry_follows_a_crop(real, tmp_path):
    path = real / "rtimage" / "LinaQA_Leeds1.dcm"
    found = read(made(tmp_path, processed(path, {"crop": {"top": 10, "left": 20}}))[0])
    before = original(path)
    x, y = (float(value) for value in before.RTImagePosition)
    spacing = [float(value) for value in before.ImagePlanePixelSpacing]
    assert np.allclose([float(v) for v in found.RTImagePosition], [x + 20 * spacing[1], y - 10 * spacing[0]])
    assert found.RTImageSID == before.RTImageSID
    assert found.RescaleSlope == before.RescaleSlope
    assert np.array_equal(found.pixel_array, before.pixel_array[10:, 20:])


@pytest.mark.real
def test_real_files_keep_everything(real, tmp_path):
    for path in sorted((real / "rtimage").rglob("*.dcm")):
        images = loaded(path)
        written, artifact = made(tmp_path, images)
        before, found = original(path), read(written)
        if before.get("SOPInstanceUID"):
            assert changes(before, found, artifact) == [], path.name
        assert np.array_equal(found.pixel_array, before.pixel_array)

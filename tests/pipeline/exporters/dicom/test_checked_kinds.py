"""What checkers refused of outputs of a source's kind: each case with dciodvfy, and with our own check."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicombake.pipeline.dicom.standard.check import check_file
from dicombake.pipeline.errors import ExportError
from dicombake.pipeline.exporters.dicom import parametric_map, rt_image, same_kind, secondary_capture
from dicombake.pipeline.exporters.options import (
    ParametricMapOptions,
    RtImageOptions,
    SameKindOptions,
    SecondaryCaptureOptions,
)
from dicombake.pipeline.imaging.image import Image
from dicombake.pipeline.loaders.dicom.loader import load
from dicombake.pipeline.loaders.options import DicomOptions, Limits
from dicombake.pipeline.process.apply import apply
from dicombake.schemas.process import Operations
from msgspec.structs import replace
from pydantic import TypeAdapter
from pydicom import Dataset, dcmread
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence

from ...exporting import codes, context, export
from ...loaders.input_files import dataset_of, encoded

ROOT = "1.2.840.10008.5.1.4.1.1."
RAMP = np.arange(20, dtype=np.uint16).reshape(4, 5) * np.uint16(100)
SAME, SC = (
    (same_kind.EXPORTER, SameKindOptions(path="x")),
    (secondary_capture.EXPORTER, SecondaryCaptureOptions(path="x")),
)
MAP = (parametric_map.EXPORTER, ParametricMapOptions(path="x"))


def source(folder: Path, pixels: np.ndarray = RAMP, *operations: object, **says: Any) -> list[Image]:
    path = folder / "in.dcm"
    path.write_bytes(encoded(dataset_of(pixels, **says), pixels))
    steps = TypeAdapter(Operations).validate_python(list(operations))
    return [apply(image, steps) for image in load(path, DicomOptions(), Limits())]


def written(folder: Path, images: list[Image], target: tuple[Any, Any] = SAME, tags: Any = None, **more: Any):
    path, artifact = export(target[0], images, target[1], context(tags, **more), folder)
    return dcmread(path), artifact


def errors_of(checker: Callable[[str], str], path: Path) -> list[str]:
    told = subprocess.run([checker("dciodvfy"), str(path)], capture_output=True, text=True, check=False)
    return [line for line in told.stderr.splitlines() if line.startswith("Error")]


def icon(data: bytes, *, compressed: bool) -> Dataset:
    item = dataset_of(np.zeros((2, 2), np.uint8))
    for keyword in ("SOPClassUID", "SOPInstanceUID", "PatientName", "Modality"):
        delattr(item, keyword)
    item.add_new(0x7FE00010, "OB", data)
    item["PixelData"].is_undefined_length = compressed
    return item


def test_a_compressed_icon_is_left_out_of_a_native_file(tmp_path, checker):
    items = Sequence([icon(encapsulate([b"\xff\xd8\xff\xd9"]), compressed=True)])
    says = {"IconImageSequence": items, "StudyInstanceUID": "1.2.3", "SeriesInstanceUID": "1.2.3.1"}
    images = source(tmp_path, **says)
    assert any("is compressed" in str(finding) for finding in check_file(tmp_path / "in.dcm").errors)
    found, artifact = written(tmp_path, images)
    assert "IconImageSequence" not in found
    assert found.SOPInstanceUID == "1.2.3.4"
    assert any("compressed picture" in note.text for note in artifact.notes)
    assert not [line for line in errors_of(checker, tmp_path / "out.dcm") if "encapsulated" in line]


def test_a_native_icon_stays(tmp_path):
    images = source(tmp_path, IconImageSequence=Sequence([icon(b"\0\1\2\3", compressed=False)]))
    assert written(tmp_path, images)[0].IconImageSequence[0].PixelData == b"\0\1\2\3"


def test_the_class_that_the_meta_names_is_written(tmp_path):
    source(tmp_path)
    dataset = dcmread(tmp_path / "in.dcm")
    del dataset.SOPClassUID
    dataset.save_as(tmp_path / "in.dcm")
    images = list(load(tmp_path / "in.dcm", DicomOptions(), Limits()))
    found, artifact = written(tmp_path, images)
    assert found.SOPClassUID == found.file_meta.MediaStorageSOPClassUID == f"{ROOT}7"
    assert any(note.text.startswith("SOPClassUID") for note in artifact.notes)


@pytest.mark.parametrize("target", [SAME, SC])
def test_a_window_of_width_0_goes(target, tmp_path):
    found, artifact = written(tmp_path, source(tmp_path, WindowWidth=0, WindowCenter=5), target)
    assert "WindowWidth" not in found
    assert "WindowCenter" not in found
    assert "invalid-window" in codes(artifact)


@pytest.mark.parametrize(("uid", "modality"), [("1.1", "DX"), ("1.1.1", "DX"), ("1.2", "MG"), ("1.3", "IO")])
def test_digital_x_rays_keep_their_rescale_of_1_and_0(uid, modality, tmp_path, checker):
    says = {
        "SOPClassUID": f"{ROOT}{uid}", "Modality": modality, "PresentationLUTShape": "INVERSE",
        "PhotometricInterpretation": "MONOCHROME1", "RescaleSlope": 1, "RescaleIntercept": 0,
        "RescaleType": "US", "PixelIntensityRelationship": "LOG", "PixelIntensityRelationshipSign": -1,
    }  # fmt: skip
    found, _ = written(tmp_path, source(tmp_path, RAMP, "invert", **says))
    assert (found.RescaleSlope, found.RescaleIntercept, found.RescaleType) == (1, 0, "US")
    assert (found.PhotometricInterpretation, found.PresentationLUTShape) == ("MONOCHROME2", "IDENTITY")
    wrong = [
        line for line in errors_of(checker, tmp_path / "out.dcm") if "Rescale" in line or "Shape" in line
    ]
    assert not wrong
    with pytest.raises(ExportError, match="a digital X-ray image has no rescale"):
        written(tmp_path, source(tmp_path, RAMP, "normalize", **says))


def test_a_pet_image_that_left_its_unit_says_so(tmp_path):
    says = {
        "SOPClassUID": f"{ROOT}128",
        "Modality": "PT",
        "Units": "BQML",
        "RescaleSlope": 2,
        "RescaleIntercept": 0,
    }
    found, artifact = written(tmp_path, source(tmp_path, RAMP, "invert", **says))
    assert found.Units == "NONE"
    assert "units-lost" in codes(artifact)
    for kept in ("flip_vertical", {"filter": {"kind": "gaussian", "size": 1}}):
        assert written(tmp_path, source(tmp_path, RAMP, kept, **says))[0].Units == "BQML"


@pytest.mark.parametrize(("entries", "told"), [(257, False), (250, True)])
def test_a_palette_of_16_bits_is_8_in_an_ultrasound_image(entries, told, tmp_path):
    pixels = np.arange(20, dtype=np.uint8).reshape(4, 5)
    table = (np.arange(256) * entries).clip(0, 65535).astype("<u2").tobytes()
    says = {f"{name}PaletteColorLookupTableDescriptor": [256, 0, 16] for name in ("Red", "Green", "Blue")}
    says |= {f"{name}PaletteColorLookupTableData": table for name in ("Red", "Green", "Blue")}
    images = source(
        tmp_path,
        pixels,
        SOPClassUID=f"{ROOT}6.1",
        Modality="US",
        PhotometricInterpretation="PALETTE COLOR",
        **says,
    )
    found, artifact = written(tmp_path, images)
    assert (found.BitsAllocated, found.BitsStored, found.PhotometricInterpretation) == (8, 8, "RGB")
    assert np.array_equal(found.pixel_array[..., 0], pixels.astype(int) * entries >> 8)
    assert ("colours-in-8-bits" in codes(artifact)) == told


_MAP_TAGS = {"ContentDate": "20240102", "ContentTime": "120000"}


def test_an_empty_method_of_loss_is_not_carried(tmp_path):
    images = source(tmp_path, LossyImageCompressionMethod="", LossyImageCompressionRatio="")
    found, _ = written(tmp_path, images, MAP, _MAP_TAGS)
    assert "LossyImageCompressionMethod" not in found
    assert found.LossyImageCompression == "00"


def test_a_parametric_map_holds_no_burned_in_text(tmp_path):
    images = source(tmp_path, BurnedInAnnotation="YES")
    with pytest.raises(ExportError, match="BurnedInAnnotation YES"):
        written(tmp_path, images, MAP, _MAP_TAGS)
    found, _ = written(tmp_path, images, MAP, {**_MAP_TAGS, "BurnedInAnnotation": "NO"})
    assert found.BurnedInAnnotation == "NO"


@pytest.mark.parametrize("modality", ["XC", "ES", "OP", "DX", "OT", "CT"])
def test_the_modality_of_a_secondary_capture_is_free(modality, tmp_path):
    found, artifact = written(tmp_path, [Image(RAMP)], SC, {"Modality": modality}, strict=True)
    assert found.Modality == modality
    assert "contradicts-kind" not in codes(artifact)


@pytest.mark.parametrize(
    "tags",
    [
        {"RescaleSlope": 1, "RescaleIntercept": 0, "RescaleType": "US"},
        {"PhotometricInterpretation": "MONOCHROME1"},
    ],
)
def test_what_contradicts_nothing_is_no_contradiction(tags, tmp_path):
    assert written(tmp_path, [Image(RAMP)], SC, tags, strict=True)


@pytest.mark.parametrize(
    ("tag", "value", "contradicts"),
    [("GantryAngle", 90.05, False), ("GantryAngle", 450, False), ("GantryAngle", 91, True),
     ("ImagePlanePixelSpacing", [0.33601, 0.336], False), ("ImagePlanePixelSpacing", [0.34, 0.34], True),
     ("RTImageSID", 1500, False), ("RTImageSID", 1501, True)],
)  # fmt: skip
def test_a_tag_within_the_tolerances_contradicts_nothing(tag, value, contradicts, tmp_path):
    from ...exporting import PLACED

    target = (rt_image.EXPORTER, RtImageOptions(path="x"))
    _, artifact = written(tmp_path, [Image(RAMP, PLACED)], target, {tag: value})
    assert ("contradicts-geometry" in codes(artifact)) == contradicts


def test_modality_that_an_rt_image_has_not_still_contradicts(tmp_path):
    from ...exporting import PLACED

    _, artifact = written(
        tmp_path, [Image(RAMP, PLACED)], (rt_image.EXPORTER, RtImageOptions(path="x")), {"Modality": "CT"}
    )
    assert "contradicts-kind" in codes(artifact)


PADDED = {
    "SOPClassUID": f"{ROOT}2",
    "Modality": "CT",
    "PixelPaddingValue": 100,
    "RescaleSlope": 1,
    "RescaleIntercept": -1024,
    "ImagePositionPatient": [0, 0, 0],
    "PixelSpacing": [1, 1],
    "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
    "StudyDate": "20240102",
    "StudyTime": "120000",
}


@pytest.mark.parametrize("target", [SC])
def test_padding_is_kept_where_the_integers_are_the_sources(target, tmp_path):
    found, artifact = written(tmp_path, source(tmp_path, **PADDED), target)
    assert found.PixelPaddingValue == 100
    assert np.array_equal(found.pixel_array == 100, RAMP == 100)
    assert "padding-lost" not in codes(artifact)


def test_padding_that_became_ordinary_is_told(tmp_path):
    found, artifact = written(tmp_path, source(tmp_path, **PADDED), MAP)
    assert "PixelPaddingValue" not in found
    assert "padding-lost" in codes(artifact)
    found, artifact = written(tmp_path, source(tmp_path, RAMP, "invert", **PADDED), SC)
    assert "PixelPaddingValue" not in found
    assert "padding-lost" in codes(artifact)


def test_a_file_without_padded_pixels_says_nothing_of_it(tmp_path):
    _, artifact = written(tmp_path, source(tmp_path, **{**PADDED, "PixelPaddingValue": 101}), MAP)
    assert "padding-lost" not in codes(artifact)


def test_quantize_keeps_integers_that_are_exact(tmp_path):
    images = source(tmp_path, RAMP, "flip_vertical", **{**PADDED, "RescaleSlope": "0.37"})
    found, artifact = written(tmp_path, images, (SC[0], SecondaryCaptureOptions(path="x", pixels="quantize")))
    assert np.array_equal(found.pixel_array, RAMP[::-1])
    assert (str(found.RescaleSlope), str(found.RescaleIntercept)) == ("0.37", "-1024")
    assert "quantized" not in codes(artifact)


@pytest.mark.parametrize(
    ("pixels", "advice"),
    [(np.arange(20, dtype=np.float32).reshape(4, 5), "portable"),
     (np.linspace(0, 1, 20, dtype=np.float64).reshape(4, 5) ** 3, "quantize"),
     (np.full((4, 5), np.nan, np.float32), "parametric-map")],
)  # fmt: skip
def test_retain_advises_what_will_work(pixels, advice, tmp_path):
    from ...exporting import PLACED

    options = RtImageOptions(path="x", pixels="retain")
    _, artifact = written(tmp_path, [Image(pixels, PLACED)], (rt_image.EXPORTER, options))
    told = next(note.text for note in artifact.notes if note.code == "dtype-not-allowed")
    assert advice in told
    if advice != "parametric-map":
        options = RtImageOptions(path="x", pixels=advice)
        assert written(tmp_path, [Image(pixels, PLACED)], (rt_image.EXPORTER, options))


@pytest.mark.parametrize(
    ("says", "told"),
    [
        ({"Modality": "CT"}, False),  # a Secondary Capture of a CT
        ({"SOPClassUID": f"{ROOT}2", "Modality": "CT"}, True),
        ({"SOPClassUID": f"{ROOT}4", "Modality": "MR"}, True),
        ({"SOPClassUID": f"{ROOT}481.1", "Modality": "RTIMAGE"}, False),
        ({"SOPClassUID": f"{ROOT}7.3", "Modality": "OT", "NumberOfFrames": "1"}, True),
    ],
)
def test_the_class_decides_which_pixels_are_allowed(says: dict[str, str], told: bool, tmp_path: Path) -> None:
    images = source(tmp_path, RAMP.astype(np.uint8), {"crop": {"top": 1}}, **says)
    computed = [replace(image, stored=None) for image in images]
    _, artifact = written(tmp_path, computed)
    assert ("dtype-not-allowed" in {note.code for note in artifact.notes}) == told


def test_elements_of_groups_below_8_are_left_out(tmp_path: Path) -> None:
    images = source(tmp_path)
    dataset = images[0].source.dataset
    assert dataset is not None
    dataset.add_new(0x00070001, "SH", "none's")
    found, artifact = written(tmp_path, images)
    assert [tag for tag in found.keys() if tag.group < 8] == []  # noqa: SIM118
    assert [str(note) for note in artifact.notes if note.code == "element-unreadable"] == [
        "elements of groups below 0008, which DICOM gives to no dataset, are left out"
    ]


def test_colour_of_a_dicom_file_is_not_told_to_choose_a_channel(tmp_path: Path) -> None:
    images = source(tmp_path, np.stack([RAMP] * 3, -1))
    with pytest.raises(ExportError, match="'to: secondary-capture' keeps its colours"):
        written(tmp_path, images, MAP)

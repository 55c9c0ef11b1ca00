"""Every DICOM file at hand is what pydicom reads, or is refused with a reason that stands here."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from dicombake.pipeline.errors import SourceError
from dicombake.pipeline.imaging.image import Image
from dicombake.pipeline.loaders.dicom.loader import LOADER, load, probe
from dicombake.pipeline.loaders.options import DicomOptions, Limits
from dicombake.pipeline.pydicom_versions.elements import original_encoding
from dicombake.pipeline.samples import files

from ....pydicom_api import apply_color_lut, apply_modality_lut, decoded

FOLDER = Path(pydicom.__file__).parent / "data" / "test_files"
FILES = sorted(path for path in FOLDER.rglob("*") if path.is_file())

NO_DICOM = "is not DICOM: no preamble, and no DICOM elements at its start"
OBJECTS = "; 'source: dicom-object' or 'auto' takes such files"
"""What is added where a file holds no pixels."""
REFUSED = {
    "JPEG2000-embedded-sequence-delimiter.dcm": "has a compressed frame that is damaged: its header"
    " claims 14540801 tiles",
    "MR_truncated.dcm": "is truncated: PixelData has 8130 bytes where 8192 are needed",
    "badVR.dcm": "has a NumberOfFrames that is no whole number",
    "meta_missing_tsyntax.dcm": "names no transfer syntax, and its elements do not show which it is",
    "nested_priv_SQ.dcm": "has pixels but no BitsAllocated",
    "ExplVR_BigEndNoMeta.dcm": "holds no pixels (RT Ion Plan Storage)",
    "ExplVR_LitEndNoMeta.dcm": "holds no pixels (RT Ion Plan Storage)",
    "UN_sequence.dcm": "holds no pixels (CT Image Storage)",
    "empty_charset_LEI.dcm": "holds no pixels",
    "no_meta.dcm": NO_DICOM,
    "no_meta_group_length.dcm": "holds no pixels (RT Image Storage)",
    "priv_SQ.dcm": "holds no pixels (MR Image Storage)",
    "reportsi.dcm": "holds no pixels (Basic Text SR Storage)",
    "reportsi_with_empty_number_tags.dcm": "holds no pixels (Basic Text SR Storage)",
    "rtplan.dcm": "holds no pixels (RT Plan Storage)",
    "rtplan_truncated.dcm": "holds no pixels (RT Plan Storage)",
    "rtstruct.dcm": "holds no pixels (RT Structure Set Storage)",
    "test-SR.dcm": "holds no pixels (Comprehensive SR Storage)",
    "waveform_ecg.dcm": "holds no pixels (12-lead ECG Waveform Storage)",
}
NOT_READ_BY_PYDICOM = {"JPEG-lossy.dcm", "JPGExtended.dcm"}
"""12-bit JPEG, decoded by imagecodecs."""


def reason(path: Path) -> str | None:
    """Why a file is refused; None if it is read."""
    if path.name in REFUSED:
        return REFUSED[path.name]
    if path.name.startswith("DICOMDIR"):
        return "holds no pixels (Media Storage Directory Storage)"
    if path.name.startswith("IM0000"):
        return "holds no pixels (CT Image Storage)"
    if path.suffix in (".txt", ".json", ".dump", ".gz", ".icc") or path.name == "README":
        return NO_DICOM
    return None


def reference(path: Path) -> tuple[np.ndarray[Any, Any], pydicom.Dataset]:
    """The modality values by pydicom alone, frames first."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = pydicom.dcmread(path, force=True)
        if "TransferSyntaxUID" not in dataset.file_meta:
            implicit, little = original_encoding(dataset)
            end = ".2" if not little else "" if implicit else ".1"
            dataset.file_meta.TransferSyntaxUID = pydicom.uid.UID(f"1.2.840.10008.1.2{end}")
        values = decoded(dataset)
        if dataset.PhotometricInterpretation == "PALETTE COLOR":
            values = apply_color_lut(values, dataset)
        values = apply_modality_lut(values, dataset)
    if "DoseGridScaling" in dataset:
        values = values * float(dataset.DoseGridScaling)
    frames = int(dataset.get("NumberOfFrames") or 1)
    return (values if frames > 1 else values[np.newaxis]), dataset


def check(path: Path) -> list[Image]:
    images = list(load(path, DicomOptions(), Limits()))
    expected, dataset = reference(path)
    assert len(images) == len(expected)
    for number, (image, frame) in enumerate(zip(images, expected, strict=True)):
        assert np.array_equal(image.pixels, frame)
        assert image.source.page == number + 1 and image.source.pages == len(images)
        assert image.pixels.dtype.isnative
        if image.stored is not None:
            assert image.stored.bits_stored <= 8 * image.stored.pixels.dtype.itemsize
            again = image.stored.pixels * image.stored.slope + image.stored.intercept
            assert np.array_equal(again, image.pixels)
    assert (images[0].photometric in ("RGB", "RGBA")) == (expected.ndim == 4)
    kept = images[0].source.dataset
    assert kept is not None
    assert set(kept.keys()) == {tag for tag in list(dataset.keys()) if tag.group != 0x7FE0}
    seen = probe(path, DicomOptions(), Limits())
    assert (seen.shape, seen.pages) == (images[0].pixels.shape, len(images))
    assert seen.geometry == images[0].geometry
    return images


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_every_file_of_pydicom(path: Path) -> None:
    assert LOADER.sniff is not None
    assert bool(LOADER.sniff(path.read_bytes()[:1024], path)) == (reason(path) != NO_DICOM)
    if (why := reason(path)) is not None:
        with pytest.raises(SourceError) as caught:
            list(load(path, DicomOptions(), Limits()))
        assert str(caught.value).removesuffix(OBJECTS) == f"{path}: {why}"
    elif path.name in NOT_READ_BY_PYDICOM:
        (image,) = load(path, DicomOptions(), Limits())
        assert image.pixels.shape == (1024, 256) and image.pixels.max() == 264
    else:
        check(path)


def test_every_refusal_is_of_a_file_that_is_there() -> None:
    names = {path.name for path in FILES}
    assert set(REFUSED) <= names and names >= NOT_READ_BY_PYDICOM


def real_dicom(real: Path) -> list[Path]:
    found = [*real.glob("ct-series/*/*"), *real.glob("mr-series/*/*"), *real.glob("rtimage/**/*.dcm")]
    return sorted(path for path in found if path.is_file())


@pytest.mark.real
def test_every_real_file(real: Path) -> None:
    files = real_dicom(real)
    assert len(files) >= 40
    for path in files:
        (image,) = check(path)
        assert LOADER.sniff is not None and LOADER.sniff(path.read_bytes()[:1024], path)
        assert image.notes == ()


@pytest.mark.real
def test_no_other_real_file_is_taken_for_dicom(real: Path) -> None:
    dicom = set(real_dicom(real))
    others = [path for path in real.rglob("*") if path.is_file() and path not in dicom]
    assert len(others) >= 30
    for path in others:
        assert LOADER.sniff is not None and not LOADER.sniff(path.read_bytes()[:1024], path)
        with pytest.raises(SourceError, match=re.escape(NO_DICOM)):
            list(load(path, DicomOptions(), Limits()))


@pytest.mark.real
def test_geometry_of_a_real_rt_image(real: Path) -> None:
    """Against the elements as pydicom shows them."""
    path = real / "rtimage" / "LinaQA_StarShot" / "RI.QA0017.MV_0_0a.dcm"
    (image,) = load(path, DicomOptions(), Limits())
    dataset = pydicom.dcmread(path)
    geometry = image.geometry
    assert geometry.spacing == (0.336, 0.336)
    assert geometry.sid == float(dataset.RTImageSID) and geometry.sad == float(dataset.RadiationMachineSAD)
    assert geometry.gantry == float(dataset.GantryAngle) == 359.9999995
    assert geometry.collimator == float(dataset.BeamLimitingDeviceAngle)
    assert geometry.position == tuple(map(float, dataset.RTImagePosition))
    assert geometry.translation == tuple(map(float, dataset.XRayImageReceptorTranslation))
    assert geometry.origins["sid"].detail == "RTImageSID"
    assert image.units == "CU" and image.source.properties["RTImageSID"] == geometry.sid


@pytest.mark.real
def test_hounsfield_units_are_exact_integers(real: Path) -> None:
    (image,) = load(real / "ct-series/LinaQA_CatPhan604/CT.CP600.Image_31.dcm", DicomOptions(), Limits())
    assert image.pixels.dtype == np.int32 and image.units == "HU"
    assert image.geometry.patient is not None and image.geometry.spacing is not None
    (raw,) = load(
        real / "ct-series/LinaQA_CatPhan604/CT.CP600.Image_31.dcm", DicomOptions(raw_values=True), Limits()
    )
    assert raw.pixels.dtype == np.uint16 and raw.units is None
    assert np.array_equal(raw.pixels.astype(np.int32) - 1000, image.pixels)


def test_an_image_without_its_pixels_is_told_to_be_cut_off(tmp_path: Path) -> None:
    content = files.dicom(files.rt_image(np.zeros((4, 6), np.uint16), name="a"))
    path = tmp_path / "cut.dcm"
    path.write_bytes(content[: content.index(b"\xe0\x7f\x10\x00")])
    with pytest.raises(SourceError, match=r"holds no pixels .*; it describes some, so they were cut off"):
        list(load(path, DicomOptions(), Limits()))

"""Every DICOM output says which program made it, after what its source says of its own makers."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
from dicombake.pipeline.exporters.dicom import (
    ct_series,
    parametric_map,
    rt_image,
    same_kind,
    secondary_capture,
)
from dicombake.pipeline.exporters.options import (
    CtSeriesOptions,
    ParametricMapOptions,
    RtImageOptions,
    SameKindOptions,
    SecondaryCaptureOptions,
)
from dicombake.pipeline.imaging.image import Image
from pydicom import Dataset
from pydicom.sequence import Sequence

from ...exporting import PLACED, SCANNED, context, dicom_source, export, ramp, read, slice_of

KINDS = {
    "rt-image": (rt_image, RtImageOptions(path="x"), Image(ramp("uint16"), PLACED)),
    "ct-series": (ct_series, CtSeriesOptions(path="x"), slice_of(ramp("int16"))),
    "secondary-capture": (
        secondary_capture,
        SecondaryCaptureOptions(path="x"),
        Image(ramp("uint8"), SCANNED),
    ),
    "parametric-map": (
        parametric_map,
        ParametricMapOptions(path="x"),
        slice_of(ramp("float32"), units="HU"),
    ),
    "dicom": (
        same_kind,
        SameKindOptions(path="x"),
        Image(ramp("uint16"), PLACED, sources=(dicom_source(),), history=("cropped",)),
    ),
}


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_says_what_made_it(name: str, tmp_path: Path) -> None:
    module, options, image = KINDS[name]
    moment = {"ContentDate": "20240102", "ContentTime": "120000"}
    dataset = read(export(module.EXPORTER, image, options, context(moment), tmp_path)[0])
    (item,) = dataset.ContributingEquipmentSequence
    assert (item.Manufacturer, item.ManufacturerModelName) == ("dicombake", "dicombake")
    assert item.SoftwareVersions == version("dicombake")
    (purpose,) = item.PurposeOfReferenceCodeSequence
    assert (purpose.CodeValue, purpose.CodingSchemeDesignator) == ("109102", "DCM")
    assert purpose.CodeMeaning == "Processing Equipment"


def scanner() -> Dataset:
    item, purpose = Dataset(), Dataset()
    purpose.CodeValue, purpose.CodingSchemeDesignator, purpose.CodeMeaning = (
        "109101", "DCM", "Acquisition Equipment",
    )  # fmt: skip
    item.Manufacturer = "ACME"
    item.PurposeOfReferenceCodeSequence = Sequence([purpose])
    return item


def of_scanner(**changes: object) -> Image:
    source = dicom_source(ContributingEquipmentSequence=Sequence([scanner()]), PixelRepresentation=0)
    return Image(ramp("uint16"), PLACED, sources=(source,), **changes)  # type: ignore[arg-type]


def makers(path: Path) -> list[str]:
    return [item.Manufacturer for item in read(path).get("ContributingEquipmentSequence") or ()]


@pytest.mark.parametrize(
    ("module", "options"), [(rt_image, RtImageOptions(path="x")), (same_kind, SameKindOptions(path="x"))]
)
def test_the_makers_of_the_source_stay_before_ours(module, options, tmp_path: Path) -> None:
    image = of_scanner(history=("cropped",))
    path, _ = export(module.EXPORTER, image, options, context(), tmp_path)
    assert makers(path) == ["ACME", "dicombake"]
    again, _ = export(module.EXPORTER, image, options, context(), tmp_path)
    assert makers(again) == ["ACME", "dicombake"], "the source's own sequence must not grow"
    assert image.source.dataset is not None
    assert len(image.source.dataset.ContributingEquipmentSequence) == 1


def test_an_instance_that_stays_its_source_s_own_names_no_maker(tmp_path: Path) -> None:
    source = dicom_source(
        BitsAllocated=16, BitsStored=16, HighBit=15, PixelRepresentation=0, SamplesPerPixel=1,
        PhotometricInterpretation="MONOCHROME2", Rows=5, Columns=7,
    )  # fmt: skip
    image = Image(ramp("uint16"), sources=(source,))
    path, _ = export(same_kind.EXPORTER, image, SameKindOptions(path="x"), context(), tmp_path)
    assert read(path).SOPInstanceUID == "1.2.3.4.5"
    assert makers(path) == []
    changed, _ = export(
        same_kind.EXPORTER, image, SameKindOptions(path="x"), context({"PatientID": "7"}), tmp_path
    )
    assert read(changed).SOPInstanceUID != "1.2.3.4.5"
    assert makers(changed) == ["dicombake"]


def test_the_recipe_has_the_last_word(tmp_path: Path) -> None:
    options = RtImageOptions(path="x")
    image = Image(np.zeros((2, 3), np.uint16), PLACED)
    path, _ = export(
        rt_image.EXPORTER, image, options, context(remove=("ContributingEquipmentSequence",)), tmp_path
    )
    assert makers(path) == []
    named = {"ContributingEquipmentSequence[0].InstitutionName": "North"}
    path, _ = export(rt_image.EXPORTER, image, options, context(named), tmp_path)
    (item,) = read(path).ContributingEquipmentSequence
    assert (item.Manufacturer, item.InstitutionName) == ("dicombake", "North")

"""Our own check against files that are right, and against copies that were broken on purpose."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from dicombake.pipeline.dicom.standard.check import check_file, check_written
from dicombake.pipeline.dicom.standard.tables import kind_of, modules_of
from dicombake.pipeline.errors import SourceError, VerificationError
from dicombake.pipeline.exporters.dicom import ct_series, parametric_map, rt_image, secondary_capture
from dicombake.pipeline.exporters.options import (
    CtSeriesOptions,
    ParametricMapOptions,
    RtImageOptions,
    SecondaryCaptureOptions,
)
from dicombake.pipeline.imaging.image import Image, SourceFile
from pydicom import DataElement, Dataset, dcmread
from pydicom.sequence import Sequence
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRLittleEndian

from ....pydicom_api import write_whole
from ...exporting import PLACED, context, export, ramp, slice_of

TAGS = {"PatientName": "QA^Phantom", "PatientID": "QA-1", "StudyDate": "20250102", "StudyTime": "10"}
DATED = {"ContentDate": "20250102", "ContentTime": "101112"}


def page(number: int) -> Image:
    source = SourceFile(Path("pages.tif"), "image", page=number, pages=2)
    return Image(ramp("uint16"), sources=(source,))


KINDS = {
    "rt-image": (rt_image, RtImageOptions(path="x"), [Image(ramp("uint16"), PLACED)]),
    "ct": (ct_series, CtSeriesOptions(path="x"), [slice_of(ramp("int16"), 2, units="HU")]),
    "sc": (secondary_capture, SecondaryCaptureOptions(path="x"), [Image(ramp("uint8"))]),
    "frames": (secondary_capture, SecondaryCaptureOptions(path="x"), [page(1), page(2)]),
    "map": (parametric_map, ParametricMapOptions(path="x"), [Image(ramp("float32") / 3, PLACED)]),
}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A file of a kind, as it is written."""
    done: dict[str, Path] = {}

    def make(kind: str) -> Path:
        if kind not in done:
            module, options, images = KINDS[kind]
            tags = TAGS | (DATED if kind == "map" else {})
            folder = tmp_path_factory.mktemp(kind)
            done[kind] = export(module.EXPORTER, images, options, context(tags), folder)[0]
        return done[kind]

    return make


def broken(path: Path, folder: Path, change: Callable[[Dataset], None]) -> Path:
    dataset = dcmread(path)
    change(dataset)
    target = folder / "broken.dcm"
    write_whole(target, dataset)
    return target


def told(path: Path) -> list[str]:
    return [str(finding) for finding in check_file(path).errors]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_is_conformant(kind: str, written: Callable[[str], Path]) -> None:
    report = check_file(written(kind))
    assert report.findings == ()


def mandatory(dataset: Dataset) -> list[str]:
    """Types 1 and 2 of the mandatory modules."""
    kind = kind_of(str(dataset.SOPClassUID))
    assert kind is not None
    found = {
        row.keyword: None
        for module in modules_of(kind)
        if module.usage == "M"
        for row in module.attributes
        if row.type in ("1", "2") and row.keyword in dataset
    }
    return list(found)


@pytest.mark.parametrize("kind", KINDS)
def test_every_mandatory_attribute_is_missed(
    kind: str, written: Callable[[str], Path], tmp_path: Path
) -> None:
    """Each one deleted in turn, of every kind; SOPClassUID apart, without which there is no kind."""
    keywords = mandatory(dcmread(written(kind)))
    assert len(keywords) > 20
    for keyword in keywords:
        path = broken(written(kind), tmp_path, lambda dataset, word=keyword: delattr(dataset, word))
        names = [finding.attribute for finding in check_file(path).errors]
        assert keyword in names, keyword


@pytest.mark.checker
@pytest.mark.parametrize("kind", ["rt-image", "ct"])
def test_dciodvfy_misses_the_same(
    kind: str, written: Callable[[str], Path], checker: Callable[[str], str], tmp_path: Path
) -> None:
    """The other program complains of each of these copies too, and names the attribute."""
    program = checker("dciodvfy")
    for keyword in set(mandatory(dcmread(written(kind)))) - {"SOPClassUID"}:
        path = broken(written(kind), tmp_path, lambda dataset, word=keyword: delattr(dataset, word))
        done = subprocess.run([program, "-new", str(path)], capture_output=True, text=True, check=False)
        lines = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("Error")]
        assert done.returncode == 1, keyword
        assert any(keyword in line for line in lines), keyword


CASES: dict[str, tuple[str, Callable[[Dataset], None], list[str]]] = {
    "a Type 1 that is empty": (
        "rt-image",
        lambda ds: setattr(ds, "RTImageLabel", ""),
        [
            "RTImageLabel (3002,0002): empty, and needs a value (Type 1, module RT Image); "
            "tags: {RTImageLabel: ...}"
        ],
    ),
    "a Type 2 of the geometry": (
        "rt-image",
        lambda ds: delattr(ds, "RTImageSID"),
        ["RTImageSID (3002,0026): missing (Type 2, module RT Image); geometry: {sid: 1500}"],
    ),
    "a Type 2 of the patient": (
        "rt-image",
        lambda ds: delattr(ds, "PatientID"),
        ["PatientID (0010,0020): missing (Type 2, module Patient); tags: {PatientID: null}"],
    ),
    "a condition that holds": (
        "rt-image",
        lambda ds: delattr(ds, "ReportedValuesOrigin"),
        [
            "ReportedValuesOrigin (3002,000a): missing (Type 2C, module RT Image); "
            "tags: {ReportedValuesOrigin: null}"
        ],
    ),
    "a condition that does not": (
        "rt-image",
        lambda ds: setattr(ds, "PlanarConfiguration", 0),
        [
            "PlanarConfiguration (0028,0006): there, though its condition does not hold "
            "(Type 1C, module Image Pixel); remove_tags: [PlanarConfiguration]"
        ],
    ),
    "an attribute of an item": (
        "rt-image",
        lambda ds: setattr(ds, "ExposureSequence", Sequence([exposure()])),
        [
            "ExposureSequence[0].NumberOfBlocks (300a,00f0): missing (Type 1, module RT Image); "
            'tags: {"ExposureSequence[0].NumberOfBlocks": 0}'
        ],
    ),
    "a half of an optional module": (
        "rt-image",
        lambda ds: setattr(ds, "PositionReferenceIndicator", "SN"),
        ["FrameOfReferenceUID (0020,0052): missing (Type 1, module Frame Of Reference); dicombake writes it"],
    ),
    "a half of a rescale": (
        "sc",
        lambda ds: setattr(ds, "RescaleIntercept", "5"),
        [
            "RescaleSlope (0028,1053): missing (Type 1C, module Modality LUT); dicombake writes it",
            "RescaleType (0028,1054): missing (Type 1C, module Modality LUT); dicombake writes it",
        ],
    ),
    "an enumerated value": (
        "rt-image",
        lambda ds: setattr(ds, "RTImagePlane", "OBLIQUE"),
        [
            "RTImagePlane (3002,000c): is OBLIQUE; the standard has NORMAL, NON_NORMAL; "
            "tags: {RTImagePlane: NORMAL}"
        ],
    ),
    "the value of a patient's attribute": (
        "rt-image",
        lambda ds: setattr(ds, "PatientSex", "SECRET"),
        ["PatientSex (0010,0040): is another term; the standard has M, F, O; tags: {PatientSex: O}"],
    ),
    "another modality": (
        "ct",
        lambda ds: setattr(ds, "Modality", "MR"),
        ["Modality (0008,0060): is MR; the standard has CT; tags: {Modality: OT}"],
    ),
    "a date": (
        "rt-image",
        lambda ds: put(ds, "StudyDate", "DA", "20251341"),
        ["StudyDate (0008,0020): is no value of the VR DA; tags: {StudyDate: 2024-01-31}"],
    ),
    "a number that is too long": (
        "rt-image",
        lambda ds: put(ds, "RTImageSID", "DS", "1500.00000000000001"),
        ["RTImageSID (3002,0026): is not in the form of the VR DS; geometry: {sid: 1500}"],
    ),
    "another VR": (
        "rt-image",
        lambda ds: put(ds, "StudyID", "IS", "12"),
        ["StudyID (0020,0010): has the VR IS; the standard says SH; tags: {StudyID: ...}"],
    ),
    "the number of values": (
        "rt-image",
        lambda ds: put(ds, "ImagePlanePixelSpacing", "DS", ["1", "1", "1"]),
        [
            "ImagePlanePixelSpacing (3002,0011): has 3 values; the standard says 2; "
            "geometry: {pixel_spacing: [row, column]}"
        ],
    ),
    "a window of LINEAR": (
        "rt-image",
        lambda ds: (setattr(ds, "WindowCenter", "0.5"), setattr(ds, "WindowWidth", "0.5")),
        [
            "WindowWidth (0028,1051): below 1, which VOILUTFunction LINEAR does not allow "
            "(module VOI LUT); tags: {VOILUTFunction: LINEAR_EXACT}"
        ],
    ),
    "a private element without creator": (
        "rt-image",
        lambda ds: put(ds, Tag(0x0009, 0x1001), "LO", "x"),
        ["(0009,1001): a private element whose block no creator has reserved"],
    ),
    "the size of the pixels": (
        "rt-image",
        lambda ds: setattr(ds, "Rows", 6),
        [
            "PixelData (7fe0,0010): has 70 bytes; Rows, Columns, samples, bits and frames need 84 "
            "(Type 1C, module Image Pixel); dicombake writes it from the pixels"
        ],
    ),
    "the bits of the pixels": (
        "rt-image",
        lambda ds: setattr(ds, "HighBit", 7),
        [
            "HighBit (0028,0102): is 7, not BitsStored - 1 = 15 (Type 1, module Image Pixel); "
            "dicombake writes it from the pixels"
        ],
    ),
    "the vector of the frames": (
        "frames",
        lambda ds: delattr(ds, "PageNumberVector"),
        [
            "PageNumberVector (0018,2001): missing (Type 1C, module SC Multi Frame Vector); "
            "dicombake writes it"
        ],
    ),
    "a functional group": (
        "map",
        lambda ds: delattr(ds.SharedFunctionalGroupsSequence[0], "PixelMeasuresSequence"),
        [
            "PerFrameFunctionalGroupsSequence[0].PixelMeasuresSequence (0028,9110): missing of frame 1, and "
            "not shared (Type 1, module Multi-frame Functional Groups); dicombake writes it"
        ],
    ),
    "a code without its scheme": (
        "map",
        lambda ds: delattr(mapping(ds).MeasurementUnitsCodeSequence[0], "CodingSchemeDesignator"),
        [
            "SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence[0]."
            "MeasurementUnitsCodeSequence[0].CodingSchemeDesignator (0008,0102): missing "
            "(Type 1C, module Parametric Map Multi Frame Functional Groups); "
            'tags: {"SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence[0].'
            'MeasurementUnitsCodeSequence[0].CodingSchemeDesignator": ...}'
        ],
    ),
}


def exposure() -> Dataset:
    item = Dataset()
    item.KVP, item.MetersetExposure = "6000", "1"
    return item


def mapping(ds: Dataset) -> Dataset:
    item: Dataset = ds.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence[0]
    return item


def put(ds: Dataset, key: str | Tag, vr: str, value: object) -> None:
    tag = Tag(key)
    ds[tag] = DataElement(tag, vr, value, validation_mode=0)


@pytest.mark.parametrize("name", CASES)
def test_what_is_wrong_is_told_with_its_module_type_and_way_out(
    name: str, written: Callable[[str], Path], tmp_path: Path
) -> None:
    kind, change, expected = CASES[name]
    assert told(broken(written(kind), tmp_path, change)) == expected


def test_text_beyond_ascii_needs_its_character_set(written: Callable[[str], Path], tmp_path: Path) -> None:
    def change(dataset: Dataset) -> None:
        dataset.PatientName = "Müller"
        dataset.SpecificCharacterSet = "ISO_IR 100"

    assert told(broken(written("rt-image"), tmp_path, change)) == []
    path = broken(written("rt-image"), tmp_path, change)
    dataset = dcmread(path)
    del dataset.SpecificCharacterSet
    dataset.PatientName = b"M\xfcller"
    dataset.save_as(path)
    assert told(path) == [
        "SpecificCharacterSet (0008,0005): missing (Type 1C, module SOP Common); dicombake writes it"
    ]


def test_a_file_without_preamble_and_with_another_s_meta(
    written: Callable[[str], Path], tmp_path: Path
) -> None:
    data = written("rt-image").read_bytes()
    bare = tmp_path / "bare.dcm"
    bare.write_bytes(data[132:])
    assert (
        "preamble: missing: 128 bytes and DICM (module File Meta Information); dicombake writes it"
        in told(bare)
    )
    other = dcmread(written("rt-image"))
    other.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    other.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    other.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    other.save_as(tmp_path / "other.dcm")
    assert told(tmp_path / "other.dcm") == [
        f"{keyword} {tag}: is not the dataset's {same} (Type 1, module File Meta Information); "
        "dicombake writes it"
        for keyword, tag, same in (
            ("MediaStorageSOPClassUID", "(0002,0002)", "SOPClassUID"),
            ("MediaStorageSOPInstanceUID", "(0002,0003)", "SOPInstanceUID"),
        )
    ]


def test_floats_have_no_place_in_an_rt_image(tmp_path: Path) -> None:
    options = RtImageOptions(path="x", pixels="retain")
    images = Image(ramp("float32") / 3, PLACED)
    path, _ = export(rt_image.EXPORTER, images, options, context(TAGS), tmp_path)
    assert (
        "FloatPixelData (7fe0,0008): has no place in this kind of file (RT Image); "
        "'to: parametric-map' holds floats; 'pixels: portable' makes integers of them"
    ) in told(path)


def test_true_values_against_their_condition_are_a_warning(
    written: Callable[[str], Path], tmp_path: Path
) -> None:
    """Varian writes the time and current of a portal image, whose condition names only simulators."""

    def change(dataset: Dataset) -> None:
        item = exposure()
        item.NumberOfBlocks, item.ExposureTime, item.XRayTubeCurrent = 0, "100", "20"
        dataset.ExposureSequence = Sequence([item])

    report = check_file(broken(written("rt-image"), tmp_path, change))
    assert report.errors == ()
    assert [(finding.severity, finding.attribute) for finding in report.findings] == [
        ("warning", "ExposureSequence[0].ExposureTime"),
        ("warning", "ExposureSequence[0].XRayTubeCurrent"),
    ]


def test_several_numbers_in_the_place_of_one_are_told(written: Callable[[str], Path], tmp_path: Path) -> None:
    def change(dataset: Dataset) -> None:
        dataset.SamplesPerPixel, dataset.BitsStored, dataset.NumberOfFrames = [1, 1], [8, 8], [1, 2]

    found = {
        finding.attribute for finding in check_file(broken(written("rt-image"), tmp_path, change)).errors
    }
    assert {"SamplesPerPixel", "BitsStored", "NumberOfFrames"} <= found


def test_a_kind_without_a_table_is_checked_as_far_as_it_goes(
    written: Callable[[str], Path], tmp_path: Path
) -> None:
    def change(dataset: Dataset) -> None:
        dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.77.1.4"
        dataset.HighBit = 3

    report = check_file(broken(written("rt-image"), tmp_path, change))
    assert report.kind == "VL Photographic Image Storage"
    assert [finding.severity for finding in report.findings] == ["warning", "error"]
    assert report.errors[0].attribute == "HighBit"


@pytest.mark.parametrize("content", [b"", b"no DICOM at all", b"\0" * 128 + b"DICM" + b"\xff" * 40])
def test_what_cannot_be_read_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.dcm"
    path.write_bytes(content)
    try:
        findings = check_file(path).errors
    except SourceError as error:
        assert error.subject == str(path)
    else:
        assert "SOPClassUID" in [finding.attribute for finding in findings]
    with pytest.raises(SourceError, match="cannot be read"):
        check_file(tmp_path / "absent.dcm")


SOURCE_CLASS = b"\x08\x00\x16\x00UI\x1a\x001.2.840.10008.5.1.4.1.1.7\0"
BROKEN = {
    "cut within an element": SOURCE_CLASS + b"\x10\x00\x10\x00PN\x10\x00A^",
    "a length that the file has not": SOURCE_CLASS + b"\xe0\x7f\x10\x00OB\0\0\xf0\xff\xff\xffxx",
    "a number of a wrong length": SOURCE_CLASS + b"\x28\x00\x10\x00US\x03\x00abc",
    "no such VR": SOURCE_CLASS + b"\x10\x00\x10\x00ZZ\x02\x00A^",
    "an item that is none": SOURCE_CLASS + b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff" + b"\x01" * 12,
    "sequences in sequences": SOURCE_CLASS
    + b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff" * 3000,
}
OUR_WORDS = {
    f"cannot be read as DICOM: {why}"
    for why in (
        "it ends within an element",
        "its elements are not what their VR or their length says",
        "its sequences are nested too deep",
    )
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("preamble", [b"", b"\0" * 128 + b"DICM"], ids=["bare", "preamble"])
def test_a_damaged_file_is_told_in_words_of_our_own(content: bytes, preamble: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.dcm"
    path.write_bytes(preamble + content)
    try:
        report = check_file(path)
    except SourceError as error:
        assert error.what in OUR_WORDS
    else:
        assert report.errors


def test_an_output_with_errors_is_none(written: Callable[[str], Path], tmp_path: Path) -> None:
    check_written(written("rt-image"))

    def change(dataset: Dataset) -> None:
        del dataset.PatientID, dataset.PatientName

    with pytest.raises(VerificationError) as caught:
        check_written(broken(written("rt-image"), tmp_path, change))
    assert str(caught.value) == (
        "is not as the standard says: PatientName (0010,0010): missing (Type 2, module Patient); "
        "tags: {PatientName: null}; and 1 more; 'dicombake check-dicom' tells all of them; "
        "'verify: values' writes it all the same"
    )

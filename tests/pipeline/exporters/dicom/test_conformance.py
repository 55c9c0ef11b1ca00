"""Every kind of DICOM file against checkers and readers that are not ours."""

from __future__ import annotations

import json
import re
import subprocess
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicombake.pipeline.dicom.encode.encoding import CT_IMAGE, PARAMETRIC_MAP, RT_IMAGE, SECONDARY_CAPTURE
from dicombake.pipeline.dicom.standard.check import check_file
from dicombake.pipeline.errors import SourceError
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
from dicombake.pipeline.imaging.image import Geometry, Image, Lossy, SourceFile
from dicombake.pipeline.loaders.options import DicomOptions, Limits, XimOptions
from dicombake.pipeline.loaders.registry import load
from dicombake.pipeline.process.combine import combine
from dicombake.pipeline.process.operations import Combine
from msgspec.structs import replace
from pydicom import dcmread

from ....pydicom_api import apply_modality_lut
from ...exporting import PLACED, SCANNED, context, dicom_source, export, ramp, read, slice_of

RT_SOURCE = {
    "RadiationMachineName": "TB1",
    "PrimaryDosimeterUnit": "MU",
    "RTImageDescription": "6x",
    "RTImageLabel": "open",
    "RTImagePlane": "NORMAL",
    "ImageType": ["ORIGINAL", "PRIMARY", "PORTAL"],
    "ReportedValuesOrigin": "ACTUAL",
    "ConversionType": "DI",
}


def colour(name):
    return np.stack([ramp(name, 6, 8)] * 3, -1)


def page(pixels, number, photometric="MONOCHROME2"):
    source = SourceFile(Path("pages.tif"), "image", page=number, pages=2, lossy=Lossy("ISO_10918_1", 9.5))
    return Image(pixels, Geometry(), photometric, sources=(source,))


def rt(pixels, how="portable", geometry=PLACED, **more):
    return rt_image, RtImageOptions(path="x", pixels=how), Image(pixels, geometry, **more)


def ct(pixels, how="portable", **more):
    return ct_series, CtSeriesOptions(path="x", pixels=how), slice_of(pixels, 2, **more)


def sc(*images, how="portable"):
    return secondary_capture, SecondaryCaptureOptions(path="x", pixels=how), list(images)


def pm(*images, how="auto"):
    return parametric_map, ParametricMapOptions(path="x", pixels=how), list(images)


FLOATS = np.linspace(-0.75, 2.75, 48).reshape(6, 8)
CASES = {
    "rt-uint8": rt(ramp("uint8", 6, 8)),
    "rt-uint8-odd": rt(ramp("uint8", 5, 7)),
    "rt-uint16": rt(ramp("uint16", 6, 8)),
    "rt-int16": rt(ramp("int16", 6, 8)),
    "rt-int32": rt(ramp("int32", 6, 8)),
    "rt-float32": rt((ramp("float32", 6, 8)) / 4),
    "rt-float64-quantized": rt(FLOATS, "quantize"),
    "rt-scanned": rt(ramp("uint16", 6, 8), geometry=SCANNED),
    "rt-blank": rt(ramp("uint16", 6, 8), geometry=Geometry(blank={"sid": "parked", "spacing": "unknown"})),
    "rt-colour": rt(colour("uint8"), photometric="RGB"),
    "rt-derived": rt(ramp("uint16", 6, 8), sources=(dicom_source(**RT_SOURCE),), history=("crop",)),
    "rt-of-a-ct": rt(
        ramp("uint16", 6, 8), sources=(dicom_source(Modality="CT", FrameOfReferenceUID="1.2.9"),)
    ),
    "ct-int16": ct(ramp("int16", 6, 8) * np.int16(20), units="HU"),
    "ct-uint16": ct(ramp("uint16", 6, 8)),
    "ct-float": ct(ramp("float64", 6, 8) / 2, units="HU"),
    "sc-uint8": sc(Image(ramp("uint8", 6, 8))),
    "sc-uint16": sc(Image(ramp("uint16", 6, 8), SCANNED)),
    "sc-int16": sc(Image(ramp("int16", 6, 8))),
    "sc-float": sc(Image(ramp("float64", 6, 8) / 2)),
    "sc-rgb": sc(Image(colour("uint8"), photometric="RGB")),
    "sc-rgb16": sc(Image(colour("uint16"), photometric="RGB")),
    "sc-lossy": sc(page(ramp("uint8", 6, 8), 1)),
    "sc-byte-frames": sc(page(ramp("uint8", 6, 8), 1), page(ramp("uint8", 6, 8), 2)),
    "sc-word-frames": sc(page(ramp("uint16", 6, 8), 1), page(ramp("uint16", 6, 8), 2)),
    "sc-colour-frames": sc(page(colour("uint8"), 1, "RGB"), page(colour("uint8"), 2, "RGB")),
}
MAPS = {
    "map-float32": pm(Image(ramp("float32", 6, 8) / 3, PLACED)),
    "map-float64": pm(Image(FLOATS, PLACED)),
    "map-uint16": pm(Image(ramp("uint16", 6, 8))),
    "map-int16": pm(Image(ramp("int16", 6, 8), SCANNED)),
    "map-not-finite": pm(Image(np.where(FLOATS < 0, np.nan, FLOATS))),
    "map-volume": pm(
        *(slice_of(FLOATS.astype(np.float32) + index, index, units="HU") for index in (1, 2, 3))
    ),
    "map-pages": pm(page(FLOATS, 1), page(FLOATS * 2, 2)),
    "map-derived": pm(
        Image(
            FLOATS,
            PLACED,
            sources=(dicom_source(WindowCenter="1", WindowWidth="0.5", **RT_SOURCE),),
            history=("crop",),
        )
    ),
}
"""Parametric Maps, which few programs read at all."""
FRAMES = {
    "rt-frames": (
        rt_image,
        RtImageOptions(path="x"),
        [page(ramp("uint16", 6, 8), number).replace(geometry=PLACED) for number in (1, 2)],
    ),
}
WRITTEN = CASES | MAPS | FRAMES
DATED = {"ContentDate": "20250102", "ContentTime": "101112"}
TAGS = DATED | {"PatientName": "QA^Phantom", "PatientID": "QA-1", "StudyDate": "20250102", "StudyID": "1"}


def made(case, tmp_path, overrides=TAGS):
    module, options, images = case
    return export(module.EXPORTER, images, options, context(overrides), tmp_path)[0]


def dciodvfy(program: str, path: Path) -> list[str]:
    """The errors it reports. An abort (134, on 32 and 64 bits) has no line and must not pass for clean."""
    done = subprocess.run([program, "-new", str(path)], capture_output=True, text=True, check=False)
    errors = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("Error")]
    assert done.returncode in (0, 1), f"status {done.returncode}"
    assert errors or done.returncode == 0
    return errors


@pytest.mark.checker
@pytest.mark.parametrize("name", WRITTEN)
def test_dciodvfy_finds_no_error(name, checker, tmp_path):
    assert dciodvfy(checker("dciodvfy"), made(WRITTEN[name], tmp_path)) == []


@pytest.mark.parametrize("name", WRITTEN)
def test_our_own_check_finds_nothing(name, tmp_path):
    assert check_file(made(WRITTEN[name], tmp_path)).findings == ()


DTYPES = ("bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64",
          "float16", "float32", "float64")  # fmt: skip
SWEPT = {"rt-image": rt, "ct-series": ct, "secondary-capture": lambda pixels, how: sc(Image(pixels), how=how),
         "parametric-map": lambda pixels, how: pm(Image(pixels, PLACED), how=how)}  # fmt: skip
ALLOWED = {
    "rt-image": RT_IMAGE.dtypes | {"bool"},
    "ct-series": CT_IMAGE.dtypes,
    "secondary-capture": SECONDARY_CAPTURE.dtypes | {"bool"},
    "parametric-map": PARAMETRIC_MAP.dtypes | {"float16"},
}
"""What each kind may hold, so that `retain` is conformant; bool and float16 become uint8 and float32."""
SWEEP = [
    (to, dtype, how)
    for to in SWEPT
    for dtype in DTYPES
    for how in ("portable", "retain")
    if how == "portable" or dtype in ALLOWED[to]
]


@pytest.mark.checker
@pytest.mark.parametrize("to", SWEPT)
def test_every_type_is_conformant_as_portable_and_where_it_is_allowed(to, checker, tmp_path):
    """Each kind x type x `portable`, and `retain` where the kind may hold the type; one exception, named."""
    program = checker("dciodvfy")
    for dtype, how in [(dtype, how) for kind, dtype, how in SWEEP if kind == to]:
        pixels = ramp("uint8", 6, 8) > 9 if dtype == "bool" else ramp(dtype, 6, 8)
        path = made(SWEPT[to](pixels, how), tmp_path)
        assert check_file(path).findings == (), (dtype, how)
        expected = [SIGNED_RT_IMAGE] if (to, dtype, how) == ("rt-image", "int16", "retain") else []
        assert header_errors(program, path) == expected, (dtype, how)


SIGNED_RT_IMAGE = "Error - </PixelRepresentation(0028,0103)[1]> - Unrecognized enumerated value = <0x1>"


def header_errors(program: str, path: Path) -> list[str]:
    """The errors of `dciodvfy`, which aborts (134) on 32 and 64 bits: then on a copy without pixels, where
    exactly their absence must be told."""
    dataset = dcmread(path)
    if dataset.BitsAllocated <= 16 or "PixelData" not in dataset:
        return dciodvfy(program, path)
    del dataset.PixelData
    bare = path.with_name("bare.dcm")
    dataset.save_as(bare)
    errors = dciodvfy(program, bare)
    missed = [error for error in errors if "PixelData" in error and "Missing attribute for Type 1C" in error]
    assert len(missed) == 1
    return [error for error in errors if error not in missed]


@pytest.mark.checker
def test_dciodvfy_knows_no_signed_rt_image_yet(checker, tmp_path):
    """Allowed since 2020 (PS3.3 C.8.8.2.2 constrains 8 bits only); this checker is of 2022."""
    errors = dciodvfy(checker("dciodvfy"), made(rt(ramp("int16", 6, 8), "retain"), tmp_path))
    assert len(errors) == 1
    assert "PixelRepresentation" in errors[0]
    assert "Unrecognized enumerated value = <0x1>" in errors[0]


@pytest.mark.checker
@pytest.mark.parametrize("name", ["int32", "uint32"])
def test_dciodvfy_accepts_the_header_of_32_bits(name, checker, tmp_path):
    """It aborts on the pixels, so they are taken out; then exactly they are missed."""
    path = made(sc(Image(ramp(name, 6, 8)), how="retain"), tmp_path)
    bare = dcmread(path)
    del bare.PixelData
    bare.save_as(path)
    (error,) = dciodvfy(checker("dciodvfy"), path)
    assert "PixelData" in error
    assert "Missing attribute for Type 1C" in error


@pytest.mark.checker
def test_dcentvfy_accepts_a_series(checker, tmp_path):
    """pylinac's has a study for each slice."""
    paths = []
    for index in range(1, 5):
        image = slice_of(ramp("int16", 6, 8) * np.int16(index), index)
        artifact = ct_series.EXPORTER.export([image], CtSeriesOptions(path="x"), context(TAGS))
        path = tmp_path / f"{index}.dcm"
        path.write_bytes(b"".join(artifact.chunks))
        paths.append(str(path))
    done = subprocess.run([checker("dcentvfy"), *paths], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.checker
@pytest.mark.parametrize("name", CASES)
def test_dcmdump_and_gdcminfo_read_it(name, checker, tmp_path):
    path = made(CASES[name], tmp_path)
    for program in ("dcmdump", "gdcminfo", "dcmftest"):
        done = subprocess.run([checker(program), str(path)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{program}: {done.stderr}"
        assert not [line for line in done.stderr.splitlines() if line.startswith(("W:", "E:"))]


EXPOSURE = re.compile(
    r"Error - </ExposureSequence\(3002,0030\)\[1\]/(KVP|XRayTubeCurrent|ExposureTime|MetersetExposure)\(.*"
    r" - Attribute present when condition unsatisfied"
)
"""The four lines that stand in real images of Varian's console too. KVP and MetersetExposure are required for
PORTAL by the ImageType of the image (PS3.3 C.8.8.2); the checker looks for it in the item, where putting it
silences the error. ExposureTime and XRayTubeCurrent are required of simulators' and radiographs' exposures
only; what the console says of a portal image's is true, and is kept."""


@cache
def table(name: str) -> Any:
    """One of highdicom's tables of PS3.3, as they are in its package."""
    highdicom = pytest.importorskip("highdicom")
    folder = Path(highdicom.__file__).parent / "_standard"
    if folder.is_dir():
        return json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    module = import_module(f"highdicom.{'_modules' if name == 'module_attribute_map' else '_iods'}")
    return getattr(module, {"sop_class_iod_map": "SOP_CLASS_UID_IOD_KEY_MAP"}.get(name, name.upper()))


@pytest.mark.parametrize("name", WRITTEN)
def test_highdicom_finds_every_mandatory_attribute(name, tmp_path):
    """Types 1 and 2 of the mandatory modules, by highdicom's tables of PS3.3."""
    found = read(made(WRITTEN[name], tmp_path))
    attributes = table("module_attribute_map")
    modules = table("iod_module_map")[table("sop_class_iod_map")[found.SOPClassUID]]
    wanted = [
        (attribute["keyword"], attribute["type"])
        for module in modules
        if module["usage"] == "M"
        for attribute in attributes[module["key"]]
        if not attribute["path"] and attribute["type"] in ("1", "2")
    ]
    assert len(wanted) > 20
    assert [keyword for keyword, _ in wanted if keyword not in found] == []
    empty = [keyword for keyword, kind in wanted if kind == "1" and found[keyword].value in (None, "")]
    assert empty == []


@pytest.mark.parametrize("name", [name for name in CASES if "frames" not in name])
def test_simpleitk_reads_the_same_values(name, tmp_path):
    import SimpleITK

    path = made(CASES[name], tmp_path)
    found = read(path)
    values = found.pixel_array
    if values.ndim == 2:
        values = apply_modality_lut(values, found)
    seen = np.squeeze(SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path))))
    assert np.array_equal(seen, values)


def test_simpleitk_reads_a_series_where_it_lies(tmp_path):
    import SimpleITK

    volume = np.stack([ramp("int16", 6, 8) + np.int16(100 * index) for index in range(4)])
    for index, plane in enumerate(volume, 1):
        artifact = ct_series.EXPORTER.export(
            [slice_of(plane, index)], CtSeriesOptions(path="x"), context(TAGS)
        )
        (tmp_path / f"{index}.dcm").write_bytes(b"".join(artifact.chunks))
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(tmp_path)))
    image = reader.Execute()
    assert np.array_equal(SimpleITK.GetArrayFromImage(image), volume)
    assert image.GetSpacing() == pytest.approx((0.75, 0.5, 2.5))
    assert image.GetOrigin() == pytest.approx((-31.75, -23.75, 0))


OWN = re.compile(
    r"Error - </Laterality.* - Missing attribute for Type 2C|"
    r"Error - </StudyInstanceUID.* has same value as FrameOfReferenceUID"
)
"""What the sources themselves say, and a file of their own kind goes on to say: CT Images of phantoms without
a laterality (required of paired parts only), and test files with one UID for two things."""


def real_images(path: Path) -> list[Image]:
    """The images of a real file; none where it cannot be converted."""
    if not path.is_file() or path.suffix not in ("", ".dcm", ".xim", ".dat"):
        return []
    try:
        return list(load(path, XimOptions() if path.parent.name == "xim" else DicomOptions(), Limits()))
    except SourceError:
        return []


def targets(images: list[Image]) -> list[tuple[Any, Any]]:
    source = images[0].source.dataset
    found: list[tuple[Any, Any]] = [(parametric_map, ParametricMapOptions(path="x"))]
    if images[0].geometry.patient is None:
        found.append((rt_image, RtImageOptions(path="x", pixels="portable")))
    elif source is not None and source.get("Modality") == "CT":
        found.append((ct_series, CtSeriesOptions(path="x")))
    return [*found, (same_kind, SameKindOptions(path="x"))] if source is not None else found


@pytest.mark.checker
@pytest.mark.real
@pytest.mark.parametrize("folder", ["rtimage", "xim", "ct-series"])
def test_real_files_become_conformant_ones(folder, real, checker, tmp_path):
    """Each in every kind that suits it: no error but the four misjudged ones, and the source's own."""
    program, count = checker("dciodvfy"), 0
    # the first slices of a series stand for the others
    folders = [path for path in (real / folder, *(real / folder).rglob("*")) if path.is_dir()]
    for path in (path for where in folders for path in sorted(where.glob("*"))[:8]):
        images = real_images(path)
        if not images:
            continue
        images = [unknown_geometry(image) for image in images]
        for module, options in targets(images):
            written = made((module, options, images), tmp_path, DATED)
            count += 1
            assert check_file(written).errors == (), (path.name, options.to)
            errors = [error for error in dciodvfy(program, written) if not EXPOSURE.match(error)]
            if module is same_kind:
                errors = [error for error in errors if not OWN.match(error)]
            assert errors == [], (path.name, options.to)
    assert count > 5


def unknown_geometry(image: Image) -> Image:
    """Without a distance or a spacing, as a recipe says `sid: unknown`."""
    geometry = image.geometry
    blank = {"sid": "unknown", "spacing": "unknown"} | dict(geometry.blank)
    return image.replace(geometry=replace(geometry, blank=blank))


@pytest.mark.checker
@pytest.mark.real
@pytest.mark.parametrize("method", ["mean", "sum"])
def test_a_star_shot_of_real_files_is_conformant(method, real, checker, tmp_path):
    """Their leaves and metersets differ; what is left of the exposures is whole."""
    files = sorted((real / "rtimage" / "LinaQA_StarShot").glob("*.dcm"))
    images = [image for path in files for image in real_images(path)]
    star = combine(images, Combine(method=method))
    for module, options in ((rt_image, RtImageOptions(path="x")), (same_kind, SameKindOptions(path="x"))):
        written = made((module, options, star), tmp_path, {})
        assert check_file(written).errors == ()
        assert [error for error in dciodvfy(checker("dciodvfy"), written) if not EXPOSURE.match(error)] == []

"""Looking at files: what is told agrees with what other readers say."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pydicom
import pytest
import tifffile
from dicombake.pipeline.errors import SourceError, UsageError
from dicombake.pipeline.imaging.image import Geometry, Image, Origin
from dicombake.pipeline.loaders.options import RawOptions, XimOptions
from dicombake.pipeline.report.commands.inspect import Failure, Kind, as_json, facts, inspect_file
from dicombake.pipeline.report.commands.inspect_table import MAX_TEXT, printable, shown, table
from dicombake.pipeline.report.commands.source_option import source_of
from rich.console import Console

AUTO = source_of("auto")
TEST_FILES = Path(pydicom.__file__).parent / "data" / "test_files"
KEYS = [
    "file", "format", "pages", "shape", "dtype", "kinds", "minimum", "maximum", "not_finite", "units",
    "lossy", "geometry", "properties", "notes",
]  # fmt: skip


def shown_at(width: int, path: Path) -> str:
    out = io.StringIO()
    Console(file=out, width=width, highlight=False).print(table(inspect_file(path, AUTO)))
    return out.getvalue()


def test_an_array_with_holes(tmp_path: Path) -> None:
    values = np.array([[np.nan, 1.5], [-2.25, np.inf]], np.float32)
    np.save(tmp_path / "a.npy", values)
    found = inspect_file(tmp_path / "a.npy", AUTO)
    assert found.kinds == (Kind((2, 2), "float32", "MONOCHROME2", 1),)
    assert (found.minimum, found.maximum, found.not_finite) == (-2.25, 1.5, 2)


def test_nothing_finite_has_no_range(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.full((2, 2), np.nan))
    found = inspect_file(tmp_path / "a.npy", AUTO)
    assert (found.minimum, found.maximum, found.not_finite) == (None, None, 4)


def test_bool_ranges_over_0_and_1(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([[True, False]]))
    found = as_json(inspect_file(tmp_path / "a.npy", AUTO))
    assert (str(found["minimum"]), str(found["maximum"])) == ("0", "1")


def test_every_page_counts(tmp_path: Path) -> None:
    path = tmp_path / "pages.tif"
    pages = [np.full((4, 5), 7, np.uint16), np.full((4, 5), 900, np.uint16), np.full((2, 3), 3, np.uint8)]
    with tifffile.TiffWriter(path) as writer:
        for page in pages:
            writer.write(page, photometric="minisblack", metadata=None)
    found = inspect_file(path, AUTO)
    assert found.pages == 3
    assert found.kinds == (Kind((4, 5), "uint16", "MONOCHROME2", 2), Kind((2, 3), "uint8", "MONOCHROME2", 1))
    assert (found.minimum, found.maximum) == (3, 900)


def test_a_dicom_file_tells_every_element_and_its_modality_range() -> None:
    path = TEST_FILES / "CT_small.dcm"
    dataset = pydicom.dcmread(path)
    found = as_json(inspect_file(path, AUTO))
    assert list(found) == KEYS
    values = dataset.pixel_array * float(dataset.RescaleSlope) + float(dataset.RescaleIntercept)
    assert (found["minimum"], found["maximum"]) == (values.min(), values.max())
    assert (found["format"], found["units"]) == ("dicom", "HU")
    assert found["geometry"]["spacing"] == {
        "value": [float(part) for part in dataset.PixelSpacing],
        "origin": "file",
        "detail": "PixelSpacing",
    }
    assert found["geometry"]["patient.position"]["value"] == [float(x) for x in dataset.ImagePositionPatient]
    assert found["properties"]["PatientName"] == str(dataset.PatientName)
    assert found["properties"]["OtherPatientIDsSequence"][0]["PatientID"] == "ABCD1234"
    assert found["properties"]["(0009,0010)"] == "GEMS_IDEN_01"
    assert "PixelData" not in found["properties"]
    assert found["properties"]["DataSetTrailingPadding"] == "(126 bytes)"
    json.dumps(found, allow_nan=False)


def test_headers_only_agrees_but_for_the_range() -> None:
    path = TEST_FILES / "MR_small.dcm"
    whole, quick = (inspect_file(path, AUTO, headers=headers) for headers in (False, True))
    assert quick.minimum is quick.maximum is quick.not_finite is None
    assert (quick.format, quick.pages, quick.geometry) == (whole.format, whole.pages, whole.geometry)
    assert quick.kinds[0].shape == whole.kinds[0].shape


@pytest.mark.parametrize(
    ("name", "reason"), [("", "is a folder; name the files in it"), ("none.tif", "cannot be read: ")]
)
def test_what_is_no_file(name: str, reason: str, tmp_path: Path) -> None:
    path = tmp_path / name
    with pytest.raises(SourceError) as caught:
        inspect_file(path, AUTO)
    assert str(caught.value).startswith(f"{path}: {reason}")


def test_source_as_in_a_recipe() -> None:
    assert source_of("xim") == XimOptions()
    raw = RawOptions(shape=(2, 3), dtype="uint16")
    assert source_of("{format: raw, shape: [2, 3], dtype: uint16}") == raw


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("xmi", "is none of dicom, image, xim"),
        (
            "{format: raw, shape: [2, 0], dtype: uint17}",
            "shape[1]: must be at least 1; dtype: 'uint17' is none",
        ),
        ("{format: xim, pgae: 1}", "pgae: unknown key"),
        ("[", "this '[' is not closed"),
        ("{format: raw, shap: [1, 1], dtype: uint8}", "shap: unknown key; did you mean 'shape'?"),
    ],
)
def test_a_wrong_source_is_told_as_in_a_recipe(text: str, what: str) -> None:
    with pytest.raises(UsageError) as caught:
        source_of(text)
    assert str(caught.value).startswith("--source: ")
    assert what in str(caught.value)


def test_facts_tell_values_origins_and_what_is_blank() -> None:
    geometry = Geometry(
        sid=1500.0, origins={"sid": Origin("file", "RTImageSID")}, blank={"sad": "sad: unknown"}
    )
    assert [(fact.name, fact.value, str(fact.origin), fact.blank) for fact in facts(geometry)] == [
        ("sid", 1500.0, "file (RTImageSID)", None),
        ("sad", None, "None", "sad: unknown"),
    ]


def test_a_failure_as_json() -> None:
    assert as_json(Failure(Path("a.xim"), "is empty")) == {"file": "a.xim", "error": "is empty"}


@pytest.mark.parametrize("width", [40, 80, 200])
def test_the_table_fits_its_terminal(width: int) -> None:
    text = shown_at(width, TEST_FILES / "CT_small.dcm")
    assert max(map(len, text.splitlines())) <= width
    for part in ("int32, MONOCHROME2", "-896 to 1167 HU", "PatientName", "CompressedSamples^CT1"):
        assert part.replace(" ", "") in text.replace(" ", "").replace("\n", "")


def test_long_values_are_cut_and_odd_ones_escaped() -> None:
    assert shown("x" * 300) == "x" * MAX_TEXT + "... (300 characters)"
    assert shown("a\x1b[31m\nb") == "a\\x1b[31m\\nb"
    assert shown(np.array([1, 2])) == "[1, 2]"
    assert printable("Zürich 日本") == "Zürich 日本"


def test_an_image_is_not_kept_in_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import weakref

    from dicombake.pipeline.report.commands import inspect

    alive: list[weakref.ref[np.ndarray]] = []

    def pages(*_: object):  # type: ignore[no-untyped-def]
        for _ in range(5):
            values = np.zeros((10, 10))
            alive.append(weakref.ref(values))
            assert sum(ref() is not None for ref in alive) <= 2
            yield Image(values)

    monkeypatch.setattr(inspect, "load", pages)
    assert inspect_file(tmp_path / "x", AUTO).pages == 5


@pytest.mark.real
def test_a_real_xim(real: Path) -> None:
    found = as_json(inspect_file(real / "xim" / "SN6543_geo_MLCCheck.xim", AUTO))
    assert (found["format"], found["shape"], found["dtype"]) == ("xim", [1280, 1280], "uint16")
    assert (found["minimum"], found["maximum"]) == (0, 3892)
    assert found["geometry"]["sid"]["value"] == pytest.approx(1500.0283, abs=1e-4)
    assert found["geometry"]["gantry"]["detail"] == "GantryRtn"
    assert found["properties"]["AcquisitionModeId"] == "Highres"

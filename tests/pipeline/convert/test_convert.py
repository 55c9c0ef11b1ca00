"""One file now: the recipe that does the same gives the same bytes, and messages name the option."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicombake.pipeline.cli.main import app
from dicombake.pipeline.samples import files, xim
from PIL import Image
from typer.testing import CliRunner, Result

PIXELS = (np.arange(48 * 64, dtype=np.uint16) * 21).reshape(48, 64)
ODD = "a [b] {c}*?\n#- é.png" if os.name == "posix" else "a [b] {c} #- é.png"
"""A name with everything that a glob, a template or YAML would take for something else."""


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs a command in a folder with a picture, a XIM, DICOM files, an array and a volume."""
    folder = tmp_path / "in"
    folder.mkdir()
    Image.fromarray(PIXELS).save(folder / "field.png")
    (folder / ODD).write_bytes((folder / "field.png").read_bytes())
    (folder / "mv.xim").write_bytes(xim.encode(PIXELS, xim.mv_properties(gantry=90)))
    for number in range(3):
        dataset = files.rt_image(PIXELS + number, name=f"r{number}")
        (folder / f"r{number}.dcm").write_bytes(files.dicom(dataset))
    np.save(folder / "a.npy", PIXELS)
    np.save(folder / "v.npy", np.stack([PIXELS, PIXELS[::-1]]))
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(app, ["convert", *words])


GEOMETRY = ("--sid", "1000", "--dpi", "150")
VOLUME = ("--source", "{format: volume, slice_axis: 0, spacing: [1, 1, 2.5], units: hu}")
CALLS: dict[str, tuple[str, ...]] = {
    "picture": ("in/field.png", "out/x.dcm", *GEOMETRY, "--gantry", "90", "--center", "image"),
    "odd name": (f"in/{ODD}", "out/", "--sid", "1000", "--pixel-spacing", "0.4,0.5"),
    "tags": ("in/field.png", "out/", *GEOMETRY, "--tag", "PatientID=QA: 1", "--tag", "StudyDate=20240102"),
    "xim": ("in/mv.xim", "out/x.png"),
    "kind of the source": ("in/r0.dcm", "out/x.dcm", "--process", "invert", "--remove-tag", "PatientName"),
    "several": ("in/mv.xim", "in/field.png", "out/", "--to", "tiff"),
    "combined": ("in/r0.dcm", "in/r1.dcm", "in/r2.dcm", "out/x.dcm", "--combine", "mean", "--to", "rt-image"),
    "array": ("in/a.npy", "out/x.jpg", "--window", "[0, 4095]", "--process", "crop: {top: 20}"),
    "volume": ("in/v.npy", "out/", *VOLUME, "--tag", "PatientPosition=HFS"),
    "syntax": ("in/field.png", "out/x.dcm", *GEOMETRY, "--transfer-syntax", "rle", "--pixels", "retain"),
}


def contents(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


@pytest.mark.parametrize("name", CALLS)
def test_the_recipe_that_does_the_same_gives_the_same_bytes(
    name: str, cli: Callable[..., Result], tmp_path: Path
) -> None:
    done = cli(*CALLS[name])
    assert done.exit_code == 0, done.output
    made = contents(tmp_path / "out")
    printed = cli(*CALLS[name], "--recipe")
    (tmp_path / "kept.yaml").write_text(printed.output, encoding="utf-8", newline="")
    again = ["run", "kept.yaml", "--data", "in", "--out", "again", "--quiet"]
    assert CliRunner().invoke(app, again).exit_code == 0
    assert made and contents(tmp_path / "again") == made
    assert {path.name for path in tmp_path.iterdir()} == {
        "in",
        "out",
        "again",
        "kept.yaml",
        "kept.lock",
        ".dicombake",
    }


def test_bytes_depend_neither_on_out_nor_on_the_folder(cli: Callable[..., Result], tmp_path: Path) -> None:
    cli("in/field.png", "one.dcm", *GEOMETRY)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "field.png").write_bytes((tmp_path / "in" / "field.png").read_bytes())
    cli(str(tmp_path / "elsewhere" / "field.png"), "deep/er/two.dcm", *GEOMETRY)
    assert (tmp_path / "one.dcm").read_bytes() == (tmp_path / "deep/er/two.dcm").read_bytes()


def test_what_is_written(cli: Callable[..., Result], tmp_path: Path) -> None:
    for name in ("picture", "kind of the source"):
        (tmp_path / "out" / "x.dcm").unlink(missing_ok=True)
        assert cli(*CALLS[name]).output == f"wrote {Path('out') / 'x.dcm'}\n"
        dataset = pydicom.dcmread(tmp_path / "out" / "x.dcm")
        assert dataset.SOPClassUID.name == "RT Image Storage"
        expected = PIXELS if name == "picture" else PIXELS.max() + PIXELS.min() - PIXELS.astype(int)
        slope, intercept = dataset.get("RescaleSlope", 1), dataset.get("RescaleIntercept", 0)
        assert np.array_equal(dataset.pixel_array * float(slope) + float(intercept), expected)
    cli(*CALLS["volume"])
    assert [path.name for path in sorted((tmp_path / "out").glob("v_*.dcm"))] == ["v_0001.dcm", "v_0002.dcm"]


PICTURE = ("in/field.png", "x.dcm")
WRONG: dict[str, tuple[tuple[str, ...], str]] = {
    "unit": ((*PICTURE, "--dpi", "150", "--sid", "1000mm"), "--sid: must be a number; lengths are in mm"),
    "both": ((*PICTURE, *GEOMETRY, "--pixel-spacing", "1,1"), "give 'dpi' or 'pixel_spacing', not both"),
    "keyword": ((*PICTURE, *GEOMETRY, "--tag", "PatientNam=x"), "--tag PatientNam: 'PatientNam' is no DICOM"),
    "no value": ((*PICTURE, *GEOMETRY, "--tag", "PatientID"), "--tag: 'PatientID' is no tag with a value"),
    "operation": (("in/field.png", "x.png", "--process", "lut"), "--process: unknown operation 'lut'"),
    "yaml": ((*PICTURE, "--process", "crop: {top: 1"), "--process: this '{' is not closed"),
    "target": ((*PICTURE, "--to", "rtimage"), "--to: 'rtimage' is none of"),
    "suffix": (("in/field.png", "x.xyz"), "x.xyz: its suffix '.xyz' says no format"),
    "source": (("in/field.png", "x.png", "--source", "xin"), "--source: 'xin' is none of"),
    "absent": (("in/absent.png", "x.png"), "in/absent.png: there is no such file"),
    "folder": (("in", "x.png"), "in: is a folder, not a file"),
    "standard input": (("-", "x.png"), "-: standard input cannot be converted"),
    "alone": (("in/field.png",), "name the files to convert, then where to write"),
    "several": (("in/field.png", "in/a.npy", "x.png"), "x.png: 2 files cannot go into one"),
    "two inputs": (("in/field.png", "in/mv.xim"), "its suffix '.xim' says no format"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_message_names_the_option(name: str, cli: Callable[..., Result], tmp_path: Path) -> None:
    words, said = WRONG[name]
    done = cli(*words)
    assert done.exit_code == 2, done.output
    assert said.replace("/", os.sep) in done.output or said in done.output
    assert "conversions" not in done.output and "yaml" not in done.output
    assert {path.name for path in tmp_path.iterdir()} == {"in"}


def test_what_is_there_is_replaced_only_when_asked(cli: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"mine")
    done = cli("in/field.png", "x.png")
    assert (done.exit_code, (tmp_path / "x.png").read_bytes()) == (2, b"mine")
    assert "x.png: is there already; give --overwrite to replace it" in done.output
    assert cli("in/field.png", "x.png", "--overwrite").exit_code == 0
    with Image.open(tmp_path / "x.png") as picture:
        assert np.array_equal(np.asarray(picture), PIXELS)


def test_a_file_that_cannot_be_converted_fails_alone(cli: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "in" / "cut.png").write_bytes((tmp_path / "in" / "field.png").read_bytes()[:-40])
    done = cli("in/cut.png", "in/field.png", "out/", "--to", "npy")
    assert done.exit_code == 1
    assert "cut.png" in done.output
    assert list(contents(tmp_path / "out")) == ["field.npy"]


@pytest.mark.parametrize("words", [["run", "in/mv.xim"], ["in/mv.xim", "x.png"], ["plan", "in/field.png"]])
def test_who_gives_an_image_elsewhere_is_pointed_here(words: list[str], cli: Callable[..., Result]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "dicombake.pipeline.cli", *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "dicombake convert" in done.stderr


def test_what_fails_or_is_in_the_way_is_named_once_by_a_path_that_exists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "bad.tif").write_bytes(b"II*\0")
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "in" / "good.png")
    for words in (["in/bad.tif", "in/good.png", "out/", "--to", "png"], ["in/bad.tif", "x.png"]):
        done = CliRunner().invoke(app, ["convert", *words])
        assert done.exit_code == 1
        assert done.stderr.startswith("failed: in/bad.tif: ") and done.stderr.count("bad.tif") == 1
    done = CliRunner().invoke(app, ["convert", "in/good.png", "out/", "--to", "png"])
    assert done.exit_code == 2
    assert done.stderr.startswith("dicombake: out/good.png: is there already")

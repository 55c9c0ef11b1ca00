"""The short way of one file means what the planner makes of the recipe, or leaves it to the planner."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from dicombake.pipeline.cli.main import load
from dicombake.pipeline.cli.program import plain_convert
from dicombake.pipeline.convert import plainly
from dicombake.pipeline.convert.request import asked
from dicombake.pipeline.convert.run import _loaded
from dicombake.pipeline.plan.build import plan
from dicombake.pipeline.samples import files
from PIL import Image

from .test_convert import WRONG

PIXELS = (np.arange(48 * 64, dtype=np.uint16) * 21).reshape(48, 64)
PLAIN = [
    "in/field.png x.dcm --sid 1000 --dpi 150",
    "in/field.png x.dcm --sid=1000.5 --pixel-spacing 0.4,0.5 --gantry -90 --collimator 10 --couch 350",
    "in/field.png x.dcm --sid 1000 --dpi 150 --at isocenter --sad 1000 --center image",
    "in/field.png x.dcm --sid 1000 --dpi 150 --center 24,31.5 --tag PatientID=QA-1",
    "in/field.png out/x.png",
    "in/field.png x.jpg",
    "in/field.png x.tif",
    "in/field.png x.npy --source image",
    "in/r.dcm x.dcm",
    "in/r.dcm x.dcm --to secondary-capture --transfer-syntax rle --pixels retain",
    "in/field.png x.dcm --to secondary-capture --transfer-syntax keep",
    "in/r.dcm x.dcm --transfer-syntax keep",
    "in/r.dcm x.png --source dicom",
    "in/a.npy x.dcm --source array --sid 1500 --dpi 75",
    "in/a.npy x.dcm --source visionrt-raw --sid 1500 --dpi 75",
]
NOT_PLAIN = [
    "in/field.png x.dcm --sid 10000000 --dpi 150",
    "in/field.png x.dcm --sid 100 --dpi 150",
    "in/field.png x.dcm --dpi 150 --pixel-spacing 1,1",
    "in/field.png x.dcm --sid unknown --dpi 150",
    "in/field.png x.dcm --gantry 720",
    "in/field.png x.dcm --tag PatientID={stem}",
    "in/field.png x.dcm --tag PatientSex=W",
    "in/field.png x.dcm --tag StudyDate=yesterday",
    "in/field.png x.dcm --tag PatientID=A --tag PatientID=B",
    "in/field.png x.dcm --tag Rows",
    "in/field.png x.png --tag PatientID=A",
    "in/field.png x.png --pixels retain",
    "in/field.png x.dcm --transfer-syntax keep",
    "in/field.png con.dcm",
    "in/field.png in/field.png",
    "in/field.png in/FIELD.png",
    "in/field.png in",
    "in/field.png out",
    "in/field.png absent/x.dcm",
    "in/a.npy x.dcm --source volume",
    "in/a.npy x.dcm --source raw",
    "in/a.npy x.dcm --source dicom-series",
    "in/a.npy x.dcm --to ct-series",
    "in/field.png x.dcm --json",
    "in/field.png x.dcm --recipe",
    "in/field.png x.dcm --profile standard",
    "in/field.png in/a.npy x.dcm",
    "-- in/field.png x.dcm",
    "in/field.png x.dcm --help",
    "in/field.png x.dcm --overwrite=yes",
    "in/field.png",
    "",
]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    Image.fromarray(PIXELS).save(tmp_path / "in" / "field.png")
    (tmp_path / "in" / "r.dcm").write_bytes(files.dicom(files.rt_image(PIXELS, name="r")))
    np.save(tmp_path / "in" / "a.npy", PIXELS)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("line", PLAIN)
def test_it_means_what_the_planner_makes_of_the_recipe(line: str) -> None:
    read = plain_convert._read(line.split())
    assert read is not None
    found = plainly.lowered(read[0])
    assert found is not None
    wanted = asked(read[0])
    planned = plan(_loaded(wanted), data=wanted.data, out=wanted.out)
    recipe, unit = found
    assert (unit,) == planned.units
    assert recipe == planned.lowered
    assert planned.notes == ()


@pytest.mark.parametrize("line", NOT_PLAIN)
def test_what_is_not_plain_is_left_to_the_planner(line: str, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    assert not plain_convert.convert(line.split())
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("name", WRONG)
def test_whatever_is_wrong_is_left_to_the_command(name: str, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    assert not plain_convert.convert(list(WRONG[name][0]))
    assert sorted(tmp_path.rglob("*")) == before


def test_a_file_that_fails_is_left_to_the_command(tmp_path: Path) -> None:
    (tmp_path / "in" / "cut.png").write_bytes((tmp_path / "in" / "field.png").read_bytes()[:200])
    assert not plain_convert.convert(["in/cut.png", "x.png"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out"]


def test_what_is_there_is_replaced_only_when_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["in/field.png", "x.png"]
    assert plain_convert.convert(words)
    assert capsys.readouterr().out == "wrote x.png\n"
    (tmp_path / "x.png").write_bytes(b"mine")
    assert not plain_convert.convert(words)
    assert (tmp_path / "x.png").read_bytes() == b"mine"
    assert plain_convert.convert([*words, "--overwrite"])
    assert np.array_equal(np.asarray(Image.open(tmp_path / "x.png")), PIXELS)


def test_options_are_those_of_the_command() -> None:
    """Each takes one value there, too."""
    options = {name: each for each in load("convert").params for name in each.opts}
    assert set(plain_convert._OF_VALUES) <= set(options)
    assert not any(options[name].is_flag for name in plain_convert._OF_VALUES)
    assert options["--overwrite"].is_flag


@pytest.mark.parametrize(
    ("line", "notes"),
    [
        ("in/field.png x.dcm --sid 1000 --dpi 96", 0),
        ("in/field.png x.dcm --to secondary-capture --transfer-syntax keep", 1),
    ],
)
def test_it_loads_neither_typer_nor_pydantic(line: str, notes: int, tmp_path: Path) -> None:
    code = (
        f"import os, sys; sys.argv = 'dicombake convert {line}'.split();"
        "slow = {'typer', 'pydantic', 'yaml', 'rich'};"
        "os._exit = lambda status: print(sorted(slow & set(sys.modules)));"
        "from dicombake.pipeline.cli.__main__ import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert "wrote x.dcm\n[]\n" in done.stdout
    assert done.stdout.count("note: ") == notes

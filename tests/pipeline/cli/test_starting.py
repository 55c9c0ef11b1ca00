"""`demo` and `new`, as a user calls them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pydicom
from dicombake.pipeline.recipe.load import load_recipe

from ...support import made_samples


def call(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dicombake.pipeline.cli", *arguments],
        cwd=folder, capture_output=True, text=True, check=False, encoding="utf-8",
    )  # fmt: skip


def test_the_demo_makes_everything_it_shows_and_can_be_repeated(tmp_path: Path) -> None:
    done = call("demo", folder=tmp_path)
    assert (done.returncode, done.stderr.count("Traceback")) == (0, 0)
    assert "32 written" in done.stdout
    folder = tmp_path / "dicombake-demo"
    made = pydicom.dcmread(folder / "dicom" / "epid" / "mlc_g000.dcm")
    sample = made_samples()["epid/mlc_g000.xim"]
    assert np.array_equal(made.pixel_array, sample.pixels)
    again = call("demo", folder=tmp_path)
    assert again.returncode == 0
    assert "32 up to date" in again.stdout


def test_the_demo_leaves_a_folder_alone_that_it_did_not_make(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("do not touch", encoding="utf-8")
    done = call("demo", "mine", folder=tmp_path)
    assert done.returncode == 2
    assert done.stderr == (
        "dicombake: mine: is not empty, and no demo made it; name a new folder: dicombake demo FOLDER\n"
    )
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


def test_new_writes_a_valid_recipe_and_never_replaces_one(tmp_path: Path) -> None:
    done = call("new", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "wrote recipe.yaml\nNext: dicombake validate recipe.yaml\n"
    assert call("validate", "recipe.yaml", folder=tmp_path).returncode == 0
    before = (tmp_path / "recipe.yaml").read_bytes()
    again = call("new", folder=tmp_path)
    assert again.returncode == 2
    assert (
        again.stderr == "dicombake: recipe.yaml: exists and is not replaced; name another file with --out\n"
    )
    assert (tmp_path / "recipe.yaml").read_bytes() == before


def test_new_from_an_example_brings_what_it_extends(tmp_path: Path) -> None:
    done = call("new", "--from", "site", "--out", "daily.yaml", folder=tmp_path)
    assert done.returncode == 0
    assert (tmp_path / "sites" / "north.yaml").is_file()
    assert load_recipe(tmp_path / "daily.yaml").recipe.name == "north-daily"


def test_new_takes_files_or_an_example_but_not_both(tmp_path: Path) -> None:
    done = call("new", "--from", "film", "a.tif", folder=tmp_path)
    assert done.returncode == 2
    assert done.stderr == "dicombake: an example and files do not go together; give --from or files\n"
    assert not (tmp_path / "recipe.yaml").exists()

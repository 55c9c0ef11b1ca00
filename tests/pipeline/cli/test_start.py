"""Workers are started ahead of the program where they will be wanted, and only there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from dicombake.pipeline.cli.__main__ import _wants_workers


@pytest.fixture(autouse=True)
def recipes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("new.yaml", "old.yaml", "old.lock"):
        (tmp_path / name).touch()
    (tmp_path / "mean.yaml").write_text("combine: {method: mean}")
    (tmp_path / "volume.yaml").write_text("{source: dicom-series, exports: [{to: nifti}, {to: 'rt-dose'}]}")
    (tmp_path / "both.yaml").write_text("{source: dicom-series, exports: [{to: nifti}, {to: png}]}")
    (tmp_path / "films.yaml").write_text("{source: {format: image}, exports: {to: tiff}}")
    for name, size in (("a.jpg", 2**21), ("b.tif", 2**24), ("small.tif", 2**20)):
        with (tmp_path / name).open("wb") as file:
            file.truncate(size + 1)


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("run new.yaml", True),
        ("run old.yaml", False),
        ("run old.yaml new.yaml", True),
        ("run absent.yaml", False),
        ("run mean.yaml", False),
        ("run volume.yaml", False),
        ("run volume.yaml -j 2", True),
        ("run both.yaml", True),
        ("run films.yaml", True),
        ("run mean.yaml --jobs 2", True),
        ("run old.yaml --jobs 2", True),
        ("run old.yaml --jobs=8", True),
        ("run -j 2 old.yaml", True),
        ("run -j2 old.yaml", True),
        ("run old.yaml --out 5", False),
        ("run new.yaml --jobs 1", False),
        ("run new.yaml --jobs=1 --quiet", False),
        ("run new.yaml --jobs many", True),
        ("run new.yaml --dry-run", False),
        ("run --help", False),
        ("run", False),
        ("check new.yaml", False),
        ("plan new.yaml --jobs 2", False),
        ("convert a.jpg small.tif small.tif out/", True),
        ("convert b.tif small.tif out/ --to png", True),
        ("convert small.tif small.tif small.tif out/", False),
        ("convert b.tif out.dcm", False),
        ("convert b.tif small.tif out.npy --combine=sum", False),
        ("convert b.tif small.tif out/ --recipe", False),
        ("", False),
    ],
)
def test_workers_are_wanted(words: str, wanted: bool) -> None:
    assert _wants_workers(words.split()) is wanted


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["--version"], 0, "dicombake "),
        (["formats"], 0, "ct-series"),
        (["validate", "absent.yaml"], 2, "absent.yaml"),
        (["nothing"], 2, "No such command"),
    ],
)
def test_all_is_said_before_the_program_ends_at_once(words: list[str], status: int, said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "dicombake.pipeline.cli", *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == status
    assert said in (done.stderr if status else done.stdout)


def test_workers_load_nothing_that_only_reads_recipes_or_plans() -> None:
    others = ["pydantic", "yaml", "typer", "rich", "sqlite3", "scipy", "tifffile"]
    others += [
        f"dicombake.pipeline.{name}"
        for name in ("plan.build", "plan.units", "recipe.load", "recipe.yaml_nodes")
    ]
    code = f"import sys, dicombake.pipeline.run.workers.preloaded; print(set({others}) & set(sys.modules))"
    buffered = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=buffered, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "set()\n"

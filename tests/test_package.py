"""What is released: a wheel with the packages and their data alone, made of a source distribution."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from .test_layout import PROJECT, ROOT

LEFT_OUT = shutil.ignore_patterns("__pycache__")


def call(code: str, folder: Path, **environment: str) -> str:
    """What a Python program prints that runs in a folder."""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=os.environ | environment,
        capture_output=True, text=True, encoding="utf-8", check=False, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The source distribution of this tree, and the wheel that is made of it, as by `python -m build`."""
    folder = tmp_path_factory.mktemp("release")
    # not the tree itself: what a build leaves behind must not be taken for sources
    for name in [".ci", ".github", *(path.name for path in ROOT.iterdir() if not path.name.startswith("."))]:
        if (ROOT / name).is_dir() and name not in ("build", "dist", "site"):
            shutil.copytree(ROOT / name, folder / "tree" / name, ignore=LEFT_OUT)
    for path in ROOT.iterdir():
        if path.is_file() and path.name != ".git":
            shutil.copyfile(path, folder / "tree" / path.name)
    build = "from setuptools import build_meta; print('made', build_meta.build_{}({!r}))"
    made = call(build.format("sdist", str(folder)), folder / "tree").split("made ")[-1].strip()
    with tarfile.open(folder / made) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    (source,) = (folder / "unpacked").iterdir()
    wheel = call(build.format("wheel", str(folder)), source).split("made ")[-1].strip()
    return folder / made, folder / wheel


def expected() -> set[str]:
    """Every file of the packages, by its path in the wheel: a table that is not declared would be missing."""
    folders = PROJECT["tool"]["setuptools"]["package-dir"]
    found = set()
    for package in PROJECT["tool"]["setuptools"]["packages"]:
        top = max((name for name in folders if f"{package}.".startswith(f"{name}.")), key=len)
        folder = ROOT / folders[top] / Path(*package.removeprefix(top).strip(".").split("."))
        files = [path for path in folder.iterdir() if path.is_file() and path.suffix != ".pyc"]
        found |= {f"{package.replace('.', '/')}/{path.name}" for path in files}
    recipes = ROOT / "recipes"
    return found | {
        f"dicombake/recipes/{path.relative_to(recipes).as_posix()}" for path in recipes.rglob("*.yaml")
    }


def test_the_wheel_holds_the_packages_and_nothing_else(released: tuple[Path, Path]) -> None:
    version = PROJECT["project"]["version"]
    assert released[1].name == f"dicombake-{version}-py3-none-any.whl"
    names = set(zipfile.ZipFile(released[1]).namelist())
    assert {name for name in names if ".dist-info/" not in name} == expected()
    assert f"dicombake-{version}.dist-info/licenses/LICENSE" in names


def test_the_source_distribution_can_be_tested(released: tuple[Path, Path]) -> None:
    with tarfile.open(released[0]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    needed = {
        "LICENSE",
        "README.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "noxfile.py",
        "mkdocs.yml",
        "pyproject.toml",
    }
    assert needed <= names
    for top in ("tests", "docs", "benchmarks", "pipeline", "schemas", "recipes"):
        ours = {
            path.relative_to(ROOT).as_posix()
            for path in (ROOT / top).rglob("*")
            if path.is_file() and path.suffix not in (".pyc", ".pyo") and "dicombake-demo" not in path.parts
        }
        assert ours - names == set()
    assert [name for name in names if "__pycache__" in name or name.startswith("build/")] == []


def test_the_wheel_alone_runs_the_demo(released: tuple[Path, Path], tmp_path: Path) -> None:
    zipfile.ZipFile(released[1]).extractall(tmp_path / "wheel")
    code = (
        "import sys, dicombake; from dicombake.pipeline.cli.__main__ import main\n"
        f"assert dicombake.__file__.startswith({str(tmp_path)!r}), dicombake.__file__\n"
        "sys.argv = ['dicombake', 'demo']; main()"
    )
    (tmp_path / "work").mkdir()
    call(code, tmp_path / "work", PYTHONPATH=str(tmp_path / "wheel"))
    files = [path for path in (tmp_path / "work" / "dicombake-demo").rglob("*.dcm") if path.is_file()]
    assert len(files) > 10

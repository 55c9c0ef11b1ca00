"""Running a recipe in a test, and showing what came out."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pydicom
import pytest
from dicombake.pipeline.cli.main import app
from dicombake.pipeline.plan.build import plan
from dicombake.pipeline.recipe.load import load_recipe
from dicombake.pipeline.run.preflight import RunOptions
from dicombake.pipeline.run.run import run_plan
from dicombake.pipeline.run.unit.results import Outcome
from dicombake.pipeline.samples import Sample, samples
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag
from typer.testing import CliRunner

JPEG_LS = pytest.mark.skipif(
    find_spec("jpeg_ls") is None and sys.version_info >= (3, 14),
    reason="pyjpegls is not installed: it has no wheel for Python 3.14",
)
"""On a test that writes JPEG-LS."""


def copy_of_every_kind(folder: Path) -> Path:
    """Copy the recipe that writes every kind of file to a folder, without JPEG-LS where nothing writes it."""
    text = (Path(__file__).parent / "reproducibility" / "every.yaml").read_text(encoding="utf-8")
    if find_spec("jpeg_ls") is None and sys.version_info >= (3, 14):
        text = "".join(line for line in text.splitlines(keepends=True) if "jpegls-lossless" not in line)
    path = folder / "every.yaml"
    path.write_text(text, encoding="utf-8", newline="\n")
    return path


@cache
def made_samples() -> Mapping[str, Sample]:
    """The sample files by their paths, made once in each process."""
    return {sample.path: sample for sample in samples()}


@cache
def json_schema() -> dict[str, Any]:
    """The schema as committed, which a test holds to the models: making it takes half a second."""
    path = Path(__file__).resolve().parent.parent / "schemas" / "recipe.schema.json"
    schema: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return schema


def bake(recipe: Path, data: Path | None = None, out: Path | None = None) -> Outcome:
    """Carry out a recipe in this process."""
    return run_plan(plan(load_recipe(recipe), data=data, out=out), RunOptions(jobs=1))


def called(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """What the program says and ends with, in this process: starting one takes longer than its work."""
    done = CliRunner(env=environment).invoke(app, words)
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return subprocess.CompletedProcess(words, done.exit_code, done.stdout, done.stderr)


def failures(outcome: Outcome) -> list[str]:
    return [str(result.error) for result in outcome.results if result.error]


def standard_tables() -> Path:
    """The folder of highdicom's JSON tables of PS3.3; the test is skipped where there is none."""
    found = find_spec("highdicom")
    if found is None or found.origin is None:
        pytest.skip("highdicom is not installed")
    folder = Path(found.origin).parent / "_standard"
    if not folder.is_dir():
        pytest.skip(
            f"highdicom {version('highdicom')} is older than its JSON tables, as is its edition of PS3.3"
        )
    return folder


def dump(path: Path) -> str:
    """A DICOM file as text: tag, VR and value of each element in order, pixels as the hash of their bytes."""
    ds = pydicom.dcmread(path)
    return "\n".join([*_lines(ds.file_meta, ""), *_lines(ds, "")]) + "\n"


def _lines(ds: Dataset, indent: str) -> list[str]:
    lines = []
    for element in ds:
        start = f"{indent}{_tag(element.tag)} {element.VR} {element.keyword or element.name}"
        if element.VR == "SQ":
            lines.append(f"{start}: {len(element.value)} items")
            for item in element.value:
                lines += [*_lines(item, indent + "  "), f"{indent}  --"]
        elif isinstance(element.value, bytes) and len(element.value) > 64:
            digest = hashlib.sha256(element.value).hexdigest()
            lines.append(f"{start}: {len(element.value)} bytes, sha256 {digest}")
        else:
            lines.append(f"{start}: {_written(element)}")
    return lines


def _written(element: DataElement) -> str:
    """The value; tags, and numbers that are texts, as they stand in the file: pydicom 2.4 shows others."""
    if element.VR not in ("DS", "AT") or element.value is None:
        return repr(element.value)
    values = element.value if element.VM > 1 else [element.value]
    shown = [_tag(value) if element.VR == "AT" else str(value) for value in values]
    if element.VM > 1:
        return f"[{', '.join(shown)}]"
    return shown[0] if element.VR == "AT" else repr(shown[0])


def _tag(tag: BaseTag) -> str:
    return f"({tag.group:04X},{tag.element:04X})"

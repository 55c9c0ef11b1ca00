"""CONTRIBUTING's worked examples, applied to a copy of the project: what they name is all there is to do."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from .pydicom_api import PYDICOM_3
from .typecheck import LINKED, check, linked

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("pipeline", "schemas", "recipes", "tests", "docs", "README.md", "CONTRIBUTING.md", "pyproject.toml")
BLOCK = re.compile(
    r"^`(?P<path>[\w/.]+)`, (?:new|(?P<where>above|below) `(?P<anchor>[^`\n]+)`)\n\n"
    r"```\w+\n(?P<text>.*?)^```$",
    re.M | re.S,
)
NUMBER = 5
"""A model, a loader or exporter, a row, a sample or line that shows it, and tests."""
RECIPE = """\
version: 1
name: acme
uid_namespace: 0e2f6c55-8f0c-4a0e-8a8c-8f9a5d6c7b01
conversions:
  scans:
    inputs: acme/*.acme
    source: {format: acme-raw, shape: [80, 120]}
    exports:
      - {to: pgm, path: "pgm/{stem}.pgm"}
      - {to: npy, path: "npy/{stem}.npy"}
tests:
  - name: a wedge
    conversion: scans
    input:
      {phantom: wedge, name: acme/made.acme, format: raw, shape: [80, 120], dtype: uint16, header_bytes: 64}
    expect:
      - {file: "pgm/*", kind: pgm, shape: [80, 120], dtype: uint16, max: 200}
"""

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Example:
    """One worked example: its text, and the files that it names."""

    text: str

    @property
    def files(self) -> list[str]:
        return list(dict.fromkeys(block["path"] for block in BLOCK.finditer(self.text)))

    def apply(self, root: Path) -> None:
        for block in BLOCK.finditer(self.text):
            path = root / block["path"]
            if block["where"] is None:
                assert not path.exists(), path
                path.write_text(block["text"], encoding="utf-8")
                continue
            lines = path.read_text(encoding="utf-8").split("\n")
            (at,) = (number for number, line in enumerate(lines) if line.strip() == block["anchor"])
            lines.insert(at + (block["where"] == "below"), block["text"].rstrip("\n"))
            path.write_text("\n".join(lines), encoding="utf-8")


def examples() -> Iterator[Example]:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for heading in ("## Add a format, worked through\n", "## Add a target, worked through\n"):
        assert text.count(heading) == 1
        yield Example(text.partition(heading)[2].partition("\n## ")[0])


def hashes(root: Path) -> dict[str, str]:
    files = (path for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    own = ((path.relative_to(root), path) for path in files)
    return {
        name.as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for name, path in own
        if name.parts[0] in PARTS
    }


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The project with both examples applied, and formatted as a commit would be."""
    root = tmp_path / "project"
    root.mkdir()
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, root / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(ROOT / part, root / part)
    before = hashes(root)
    for example in examples():
        example.apply(root)
        assert len(example.files) == NUMBER
    named = {name for example in examples() for name in example.files}
    ruff = [sys.executable, "-m", "ruff"]
    subprocess.run([*ruff, "format", "--quiet", "--no-cache", *named_python(named)], cwd=root, check=True)
    subprocess.run([*ruff, "check", "--quiet", "--no-cache", *named_python(named)], cwd=root, check=True)
    assert changed(before, hashes(root)) == named
    linked(root)
    return root


def named_python(names: set[str]) -> list[str]:
    return sorted(name for name in names if name.endswith(".py"))


def python(root: Path, *arguments: str, status: int = 0) -> str:
    """What a command prints that runs in the copy and on its modules."""
    environment = os.environ | {"PYTHONPATH": str(root / LINKED.parent), "NO_COLOR": "1", "COLUMNS": "200"}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=root, env=environment, capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def dicombake(root: Path, *arguments: str, status: int = 0) -> str:
    return python(root, "-m", "dicombake.pipeline.cli", *arguments, status=status)


@pytest.mark.skipif(not PYDICOM_3, reason="types are those of pydicom 3 and of what goes with it")
def test_the_types_are_right(copy: Path) -> None:
    """The project's, and the copy's: what mypy knows of the one holds for the other but for what changed."""
    assert check(ROOT, "--no-error-summary") == (0, "")
    shutil.copytree(ROOT / ".mypy_cache", copy / ".mypy_cache")
    assert check(copy, "--no-error-summary") == (0, "")


def test_a_recipe_with_both_runs_is_checked_and_compared(copy: Path) -> None:
    recipe = copy / "acme.yaml"
    recipe.write_text(RECIPE, encoding="utf-8")
    write = "import pathlib, dicombake.pipeline.samples as s; s.write_samples(pathlib.Path())"
    assert copy.name in python(copy, "-c", "import dicombake.pipeline as p; print(p.__path__)")
    python(copy, "-c", write)
    dicombake(copy, "run", "acme.yaml")
    values = np.load(copy / "npy" / "scan.npy")
    made = (copy / "pgm" / "scan.pgm").read_bytes()
    assert made == b"P5\n120 80\n65535\n" + values.astype(">u2").tobytes()
    dicombake(copy, "check", "acme.yaml")
    assert "1 passed" in dicombake(copy, "test", "acme.yaml")

    row = int(np.argmax(values == values.max()) // 120)
    (copy / "pgm" / "scan.pgm").write_bytes(
        made[: 16 + row * 240] + bytes(240) + made[16 + (row + 1) * 240 :]
    )
    told = dicombake(copy, "check", "acme.yaml", "--diff", status=3)
    assert "pgm/scan.pgm" in told and f"row {row}" in told
    assert "cannot be read" not in told

    formats = dicombake(copy, "formats")
    assert re.search(r"^ +acme-raw +ACME's detector", formats, re.M)
    assert re.search(r"^ +pgm +grey picture", formats, re.M)


DERIVED = {"schemas/recipe.schema.json", "README.md", "docs/pictures.md", "docs/formats/acme-raw.md"}
"""What `pytest --rewrite` writes besides messages, as CONTRIBUTING says."""
WRITING = (
    "tests/schemas/describe",
    "tests/pipeline/recipe/test_bad.py",
    *(
        f"tests/test_docs.py::test_{name}"
        for name in (
            "the_table_of_formats_is_that_of_the_registries",
            "the_targets_that_are_no_dicom_are_listed",
            "every_key_of_a_recipe_is_in_the_reference",
            "every_source_format_has_a_page_that_names_its_options",
        )
    ),
)
CONTRACTS = (
    "tests/pipeline/loaders/test_contract.py", "tests/pipeline/exporters/test_contract.py",
    "tests/pipeline/loaders/raw/test_acme.py", "tests/pipeline/exporters/pictures/test_pgm.py",
    "tests/pipeline/samples/test_samples.py", "tests/pipeline/report/commands/test_formats.py",
    "tests/test_layout.py",
)  # fmt: skip

OF_EACH = (
    "test_damage_raises", "test_images_are_what", "test_the_probe_agrees", "test_loading_twice",
    "test_auto_on_every_real_file", "test_no_file_at_all", "test_every_sample_holds",
    "test_the_same_bytes_every_time", "test_its_check_refuses", "test_it_writes_what",
    "test_says_the_same_without",
)  # fmt: skip
"""Tests of each format, target or file by itself: only the new ones are tried, as nothing else changed."""


def test_the_contracts_hold_and_the_rest_is_written_anew(copy: Path) -> None:
    before = hashes(copy)
    pytest_there = ("-m", "pytest", "-p", "no:cacheprovider", "-n", "0")
    python(copy, *pytest_there, "--rewrite", *WRITING)
    written = {name for name in changed(before, hashes(copy)) if not name.startswith("tests/bad/")}
    assert written == DERIVED
    text = "".join(example.text for example in examples())
    assert [name for name in DERIVED if f"`{name}`" not in text] == []
    python(copy, *pytest_there, *WRITING, *CONTRACTS, "-k", f"acme or pgm or not ({' or '.join(OF_EACH)})")

"""The shape of the project: who may import whom, what is packaged, who may print, the README's promise."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator, Sequence
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
MODULES = sorted([*(ROOT / "schemas").rglob("*.py"), *(ROOT / "pipeline").rglob("*.py")])

ORDER = (
    "schemas/language", "schemas", "schemas/rules", "schemas/testing", "schemas/describe",
    "pipeline/version", "pipeline/errors", "pipeline/extras", "pipeline/decimal_string", "pipeline/first_of",
    "pipeline/printable", "pipeline/confined", "pipeline/reading", "pipeline/packed",
    "pipeline/pydicom_versions", "pipeline/notebook", "pipeline/imaging", "pipeline/trace", "pipeline/output",
    "pipeline/loaders", "pipeline/loaders/codecs", "pipeline/loaders/arrays", "pipeline/loaders/dicom",
    "pipeline/loaders/pictures", "pipeline/loaders/raw", "pipeline/loaders/volumes", "pipeline/loaders/xim",
    "pipeline/process",
    "pipeline/dicom/standard", "pipeline/dicom/encode", "pipeline/dicom/moving",
    "pipeline/dicom/build", "pipeline/dicom", "pipeline/deidentify",
    "pipeline/exporters", "pipeline/exporters/pictures", "pipeline/exporters/volumes",
    "pipeline/exporters/dicom",
    "pipeline/places", "pipeline/recipe", "pipeline/inputs", "pipeline/plan", "pipeline/to_dataset",
    "pipeline/store",
    "pipeline/samples", "pipeline/drafts",
    "pipeline/run/unit", "pipeline/run/workers", "pipeline/run",
    "pipeline/convert", "pipeline/check", "pipeline/deliver", "pipeline/watch", "pipeline/explain",
    "pipeline/diff", "pipeline/testing", "pipeline/report",
    "pipeline/api", "pipeline/public", "pipeline/cli",
)  # fmt: skip
"""Each folder (and each file directly in `pipeline`) may import those before it, and its own kind: the
order in which data flows. A folder that is not named is a part of the one that holds it."""


def place(parts: Sequence[str]) -> int:
    """The place in the order of a module, or of a name in it: ``("pipeline", "run", "unit", "work")``."""
    for length in range(len(parts), 0, -1):
        name = "/".join(parts[:length])
        if name in ORDER:
            return ORDER.index(name)
    pytest.fail(
        f"'{'/'.join(parts)}' has no place in the order of imports; give it one in tests/test_layout.py"
    )


def nodes(path: Path) -> Iterator[ast.AST]:
    """All that a module's text consists of, at any depth."""
    return ast.walk(ast.parse(path.read_text(encoding="utf-8")))


@cache
def imports(path: Path) -> list[list[str]]:
    """The modules (or names in them) of this project that a module imports, at any depth of its code."""
    package = path.relative_to(ROOT).parts[:-1]
    if package == ("pipeline", "public"):
        package = ()  # it is `dicombake` itself
    found: list[list[str]] = []
    for node in nodes(path):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - node.level + 1]
            target = [*base, *(node.module.split(".") if node.module else [])]
            found += ([*target, alias.name] for alias in node.names)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            outside = (
                [node.module or ""] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
            )
            for name in outside:
                assert not name.startswith("dicombake"), f"{path}: imports inside the project are relative"
    return found


def test_imports_go_one_way() -> None:
    first = ROOT / "pipeline" / "__init__.py"
    assert imports(first) == []
    names = {path: path.relative_to(ROOT).with_suffix("").parts for path in MODULES if path != first}
    assert [
        f"{'/'.join(own)} must not import {'/'.join(other)}"
        for path, own in names.items()
        for other in imports(path)
        if place(other) > place(own)
    ] == []


def test_no_file_imports_itself_by_way_of_others() -> None:
    needs = {
        path: {target for name in imports(path) if (target := module(name))} - {path} for path in MODULES
    }
    tuple(TopologicalSorter(needs).static_order())


def module(name: Sequence[str]) -> Path | None:
    """The file of a module, or that of the module which a name stands in."""
    for parts in (name, name[:-1]):
        for path in (ROOT.joinpath(*parts).with_suffix(".py"), ROOT.joinpath(*parts, "__init__.py")):
            if parts and path.is_file():
                return path
    return None


def test_no_folder_is_a_heap() -> None:
    for folder in {path.parent for path in MODULES}:
        assert len([path for path in folder.glob("*.py") if path.name != "__init__.py"]) <= 20, folder


def test_only_the_command_line_prints_or_exits() -> None:
    for path in MODULES:
        if path.is_relative_to(ROOT / "pipeline" / "cli"):
            continue
        for node in nodes(path):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in ("print", "exit", "quit"), f"{path}, line {node.lineno}"
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                named = node.value.id == "sys" and node.attr in ("stdout", "stderr", "exit")
                assert not named, f"{path}, line {node.lineno}"


def test_the_package_list_is_the_folders() -> None:
    folders = {
        path.parent.relative_to(ROOT).parts
        for top in ("pipeline", "schemas", "recipes")
        for path in (ROOT / top).rglob("__init__.py")
    }
    packages = {".".join(("dicombake", *parts)) for parts in folders - {("pipeline", "public")}}
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == {"dicombake", *packages}
    for top in ("pipeline", "schemas"):
        for path in (ROOT / top).rglob("*.py"):
            assert (path.parent / "__init__.py").exists(), f"{path.parent} is no package"


def test_every_dependency_is_used_and_every_import_is_declared() -> None:
    distributions = {
        "PIL": "pillow",
        "nrrd": "pynrrd",
        "yaml": "pyyaml",
        "dicomweb_client": "dicomweb-client",
        "requests": "dicomweb-client",  # which is built on it
        "dask": "distributed",  # which is built on it
        "dask_jobqueue": "dask-jobqueue",
    }
    used = {
        distributions.get(name, name)
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for name in (
            [alias.name.split(".")[0] for alias in node.names]
            if isinstance(node, ast.Import)
            else [(node.module or "").split(".")[0]]
            if isinstance(node, ast.ImportFrom) and not node.level
            else []
        )
    }
    extras = PROJECT["project"]["optional-dependencies"]
    optional = [
        line
        for extra in ("cluster", "deidentify", "provenance", "pacs", "watch", "volumes")
        for line in extras[extra]
    ]
    lines = [*PROJECT["project"]["dependencies"], *optional]
    declared = {re.split(r"[<>=~!\[ ]", line)[0] for line in lines}
    assert used - set(sys.stdlib_module_names) - {"pydantic_core"} == declared


def fenced(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.M | re.S)


def test_the_first_commands_of_the_readme_work_on_a_bare_machine() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    first, second = fenced(readme, "sh")[:2]
    start = "python3 -m venv --without-pip .venv && python3 -m pip --python .venv install -q "
    assert first == start + ". && .venv/bin/dicombake demo\n"
    assert second == start + "-e '.[test]' && .venv/bin/python -m pytest -n auto\n"

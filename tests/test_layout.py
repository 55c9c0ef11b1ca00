"""The shape of the project: who may import whom, what is packaged, who may print, the README's promise."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
MODULES = sorted([*(ROOT / "schemas").rglob("*.py"), *(ROOT / "pipeline").rglob("*.py")])

LAYERS = (
    {"schemas"},
    {"records"},
    {"errors"},
    {"loaded"},
    {"recipe_file"},
    {"arguments"},
    {"image"},
    {"trace"},
    {"loaders.base", "exporters.base"},
    {"angles", "arithmetic", "exact"},
    {"geometry"},
    {"loaders"},
    {"agreement"},
    {"combine", "process"},
    {"dicom"},
    {"exporters"},
    {"to_dataset"},
    {"globs"},
    {"inputs", "near_miss", "table", "templates"},
    {"units"},
    {"scopes"},
    {"plan"},
    {"stamp"},
    {"database"},
    {"store", "lock"},
    {"running"},
    {"state"},
    {"samples", "drafts"},
    {"execute"},
    {"testing"},
    {"report"},
    {"api"},
    {"cli"},
)
"""Each part may import those before it, and its own kind. The order in which data flows."""


def part(path: Path) -> str:
    """The part of the project that a module belongs to: ``loaders``, ``errors``, ``schemas``."""
    return named(path.relative_to(ROOT).with_suffix("").parts)


def named(dotted: Sequence[str]) -> str:
    """The part of a dotted name. What all loaders, or all exporters, agree on is a part of its own."""
    if dotted[0] == "schemas":
        return "schemas"
    agreed = list(dotted[1:3]) in (["loaders", "base"], ["exporters", "base"])
    return ".".join(dotted[1:3]) if agreed else dotted[1]


def layer(name: str) -> int:
    name = re.sub("^recipe_.*", "recipe_file", re.sub("^plan_.*", "plan", name))
    for index, names in enumerate(LAYERS):
        if name in names:
            return index
    pytest.fail(f"'{name}' has no place in the order of imports; give it one in tests/test_layout.py")


def imports(path: Path) -> Iterator[str]:
    """The parts of this project that a module imports, at any depth of its code."""
    package = path.relative_to(ROOT).parts[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - node.level + 1]
            target = [*base, *(node.module.split(".") if node.module else [])]
            names = [target] if node.module else [[*target, alias.name] for alias in node.names]
            yield from (named(name) for name in names)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            outside = (
                [node.module or ""] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
            )
            for name in outside:
                assert not name.startswith("dicombake"), f"{path}: imports inside the project are relative"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_imports_go_one_way(path: Path) -> None:
    if path == ROOT / "pipeline" / "__init__.py":
        assert list(imports(path)) == []
        return
    own = part(path)
    for other in imports(path):
        assert layer(other) <= layer(own), f"{own} must not import {other}"


@pytest.mark.parametrize("path", sorted((ROOT / "pipeline").rglob("*.py")), ids=lambda path: path.name)
def test_frozen_classes_are_defined_quickly(path: Path) -> None:
    """Each start pays for them; see `pipeline/records.py`."""
    text = path.read_text(encoding="utf-8")
    if path.name != "records.py" and re.search(r"^@dataclass\(frozen=True(, slots=True)?\)$", text, re.M):
        assert re.search(r"^from \.+records import dataclass$", text, re.M)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_only_the_command_line_prints_or_exits(path: Path) -> None:
    if part(path) == "cli":
        return
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("print", "exit", "quit"), f"line {node.lineno}"
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "sys":
            assert node.attr not in ("stdout", "stderr", "exit"), f"line {node.lineno}"


def test_the_package_list_is_the_folders() -> None:
    folders = {
        "dicombake." + ".".join(path.parent.relative_to(ROOT).parts)
        for top in ("pipeline", "schemas", "recipes")
        for path in (ROOT / top).rglob("__init__.py")
    }
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == folders
    for top in ("pipeline", "schemas"):
        for path in (ROOT / top).rglob("*.py"):
            assert (path.parent / "__init__.py").exists(), f"{path.parent} is no package"


def test_every_dependency_is_used_and_every_import_is_declared() -> None:
    distributions = {"PIL": "pillow", "yaml": "pyyaml"}
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
    optional = PROJECT["project"]["optional-dependencies"]["provenance"]
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
    editable = "-e '.[test]' --config-settings editable_mode=strict"
    assert second == start + editable + " && .venv/bin/python -m pytest -n auto\n"

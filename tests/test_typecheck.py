"""Types are checked in the files that one edits, not in an installed or linked copy of them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from .typecheck import ROOT, check

WRONG = 'value: int = "text"\n'


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small project that is mapped as this one is, with its settings."""
    shutil.copyfile(ROOT / "pyproject.toml", tmp_path / "pyproject.toml")
    files = {
        "pipeline/public/__init__.py": "from .pipeline.run import value\n",
        "pipeline/__init__.py": "",
        "pipeline/run.py": "from ..schemas.recipe import value\n__all__ = ['value']\n",
        "schemas/__init__.py": "",
        "schemas/recipe.py": "value: int = 1\n",
        "recipes/__init__.py": "",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    settings = tmp_path / "pyproject.toml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace('plugins = ["pydantic.mypy"]\n', ""), encoding="utf-8")
    return tmp_path


def test_an_error_names_the_file_that_one_edits(tree: Path) -> None:
    assert check(tree, "--no-error-summary") == (0, "")
    for name in ("pipeline/run.py", "schemas/recipe.py", "pipeline/public/__init__.py"):
        path = tree / name
        before = path.read_text(encoding="utf-8")
        path.write_text(before + WRONG.replace("value", "wrong"), encoding="utf-8")
        status, said = check(tree, "--no-error-summary")
        line = before.count("\n") + 1
        assert (status, said.split(" error:")[0]) == (1, f"{Path(name)}:{line}:")
        path.write_text(before, encoding="utf-8")


def test_a_new_file_and_a_new_folder_are_there_at_once(tree: Path) -> None:
    assert check(tree, "--no-error-summary")[0] == 0
    (tree / "schemas" / "added").mkdir()
    (tree / "schemas" / "added" / "__init__.py").write_text("", encoding="utf-8")
    (tree / "schemas" / "added" / "module.py").write_text(WRONG, encoding="utf-8")
    status, said = check(tree, "--no-error-summary")
    assert (status, said.split(" error:")[0]) == (1, f"{Path('schemas/added/module.py')}:1:")

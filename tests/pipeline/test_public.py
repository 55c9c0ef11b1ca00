"""`from dicombake import run, plan, check, load_recipe, to_dataset`, each loaded when it is asked for."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import dicombake
import pytest
from dicombake.pipeline import api


@pytest.mark.parametrize("name", ["check", "load_recipe", "plan", "run", "to_dataset"])
def test_it_is_the_apis(name: str) -> None:
    assert getattr(dicombake, name) is getattr(api, name)
    assert name in dicombake.__all__ and name in dir(dicombake)


def test_the_version_is_that_of_the_installation() -> None:
    assert dicombake.__version__ == version("dicombake")


def test_what_is_not_there_is_told_by_name() -> None:
    with pytest.raises(AttributeError, match="module 'dicombake' has no attribute 'to_datasets'"):
        _ = dicombake.to_datasets
    with pytest.raises(ImportError):
        exec("from dicombake import Plan")


def test_nothing_is_loaded_that_is_not_asked_for(tmp_path: Path) -> None:
    code = (
        "import sys, dicombake; assert 'dicombake.pipeline' not in sys.modules\n"
        "from dicombake import load_recipe; assert 'numpy' not in sys.modules\n"
        "from dicombake import *; print(to_dataset.__name__, run.__name__)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "to_dataset run\n", "")

"""What Python users call."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from dicombake.pipeline import api
from dicombake.pipeline.api import load_recipe, plan, run
from dicombake.pipeline.errors import ExitStatus, PlanError, RecipeError

RECIPE = """\
version: 1
vars: {folder: plain}
conversions:
  flat: {inputs: "raw/*.npy", source: array, exports: {to: npy, path: "{vars.folder}/{stem}.npy"}}
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    (tmp_path / "raw").mkdir()
    np.save(tmp_path / "raw/a.npy", np.arange(6, dtype=np.int16).reshape(2, 3))
    (tmp_path / "r.yaml").write_text(RECIPE)
    return tmp_path / "r.yaml"


def test_from_recipe_to_files(recipe: Path) -> None:
    planned = plan(load_recipe(str(recipe), {"folder": "other"}))
    assert [unit.id for unit in planned.units] == ["flat/a.npy"]
    outcome = run(planned)
    assert outcome.exit_status is ExitStatus.DONE
    assert outcome.results[0].written[0].path == "other/a.npy"
    assert np.array_equal(np.load(recipe.parent / "other/a.npy"), np.arange(6).reshape(2, 3))
    assert run(planned).count("current") == 1
    assert run(planned, force=True).count("written") == 1


def test_data_and_out_may_be_text(recipe: Path, tmp_path: Path) -> None:
    outcome = run(plan(load_recipe(recipe), data=str(recipe.parent), out=str(tmp_path / "out")))
    assert outcome.count("written") == 1
    assert (tmp_path / "out/plain/a.npy").is_file()


def test_errors_are_ours(recipe: Path) -> None:
    with pytest.raises(PlanError):
        plan(load_recipe(recipe), data=recipe.parent / "absent")
    recipe.write_text("version: 1")
    with pytest.raises(RecipeError):
        load_recipe(recipe)


def test_all_that_is_promised_is_there() -> None:
    assert sorted(name for name in api.__all__ if not hasattr(api, name)) == []
    assert not hasattr(api, "to_datasets")


def test_to_dataset_is_loaded_when_asked_for() -> None:
    code = (
        "import sys; from dicombake.pipeline import api; assert 'pydicom' not in sys.modules\n"
        "from dicombake.pipeline.api import to_dataset; assert to_dataset.__name__ == 'to_dataset'"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_recipe_or_its_path_stands_for_its_plan(recipe: Path, tmp_path: Path) -> None:
    assert [unit.id for unit in plan(str(recipe), only="flat").units] == ["flat/a.npy"]
    assert run(str(recipe)).results[0].written[0].path == "plain/a.npy"
    assert run(load_recipe(recipe)).count("current") == 1
    assert api.check(recipe).count("fresh") == 1
    assert run(recipe, out=str(tmp_path / "elsewhere"), only=["flat"]).count("written") == 1
    assert np.array_equal(np.load(tmp_path / "elsewhere/plain/a.npy"), np.arange(6).reshape(2, 3))


def test_a_plan_is_not_planned_again(recipe: Path, tmp_path: Path) -> None:
    with pytest.raises(api.UsageError, match="a plan has its folders and conversions already"):
        run(plan(recipe), out=tmp_path / "elsewhere")
    assert not (tmp_path / "elsewhere").exists()

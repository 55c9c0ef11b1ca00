"""The public API: what the command line does, from Python.

    from dicombake.pipeline.api import load_recipe, plan, run, to_dataset

    outcome = run("film.yaml")      # short for run(plan(load_recipe("film.yaml")))
    assert outcome.exit_status == 0

Everything here raises only `DicombakeError` for what is wrong with recipes, files or options.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .check.compare import Checked, Finding
from .check.compare import check as _check
from .errors import (
    DicombakeError,
    DifferenceError,
    ExitStatus,
    ExportError,
    GeometryError,
    Note,
    PlanError,
    Problem,
    ProcessError,
    RecipeError,
    SourceError,
    StoreError,
    UsageError,
    VerificationError,
)
from .places.url import where
from .plan import build as _plan
from .plan.model import InputFile, Output, Plan, Step, Unit
from .recipe import load as _recipe_file
from .recipe.loaded import LoadedRecipe
from .run.preflight import RunOptions
from .run.run import run_plan
from .run.unit.results import Failure, Outcome, UnitResult, Watching
from .store.files import Written

if TYPE_CHECKING:
    from .to_dataset import to_dataset

__all__ = [
    "Checked",
    "DicombakeError",
    "DifferenceError",
    "ExitStatus",
    "ExportError",
    "Failure",
    "Finding",
    "GeometryError",
    "InputFile",
    "LoadedRecipe",
    "Note",
    "Outcome",
    "Output",
    "Plan",
    "PlanError",
    "Problem",
    "ProcessError",
    "RecipeError",
    "SourceError",
    "Step",
    "StoreError",
    "Unit",
    "UnitResult",
    "UsageError",
    "VerificationError",
    "Written",
    "check",
    "load_recipe",
    "plan",
    "run",
    "to_dataset",
]


def load_recipe(
    path: str | PathLike[str], variables: Mapping[str, str] | None = None, *, trusted: bool = True
) -> LoadedRecipe:
    """Read a recipe; `variables` win over its `vars`, as ``--set`` does.

    A recipe that is not `trusted` reaches nothing but its folder, the data and the output folder, here and in
    whatever is done with it later, as ``--untrusted`` has it.

    Raises:
        RecipeError: every mistake in the file and in those that it extends, with line and column.
    """
    return _recipe_file.load_recipe(Path(path), variables, trusted=trusted)


def plan(
    recipe: LoadedRecipe | str | PathLike[str],
    *,
    data: str | PathLike[str] | None = None,
    out: str | PathLike[str] | None = None,
    only: Collection[str] = (),
) -> Plan:
    """Return everything that running the recipe would do; reads no pixels, writes nothing.

    Args:
        recipe: from `load_recipe`, or the path of one.
        data: the folder that inputs are relative to, or a URL; default: the recipe's own.
        out: the output folder, or a URL; default: the recipe's own.
        only: names of conversions (or one name); those that they chain from are planned with them.

    Raises:
        RecipeError: where `recipe` is a path, as `load_recipe`.
        PlanError: the recipe cannot be carried out on these files, with every reason.
        UsageError: a name in `only` that the recipe does not have.
    """
    return _plan.plan(
        recipe if isinstance(recipe, LoadedRecipe) else load_recipe(recipe),
        data=None if data is None else where(data),
        out=None if out is None else where(out),
        only=(only,) if isinstance(only, str) else only,
    )


def _planned(
    wanted: Plan | LoadedRecipe | str | PathLike[str],
    data: str | PathLike[str] | None = None,
    out: str | PathLike[str] | None = None,
    only: Collection[str] = (),
) -> Plan:
    """Return a plan unchanged, a recipe planned.

    Raises: as `plan`; UsageError: a plan together with arguments that would change it.
    """
    if not isinstance(wanted, Plan):
        return plan(wanted, data=data, out=out, only=only)
    if data is not None or out is not None or only:
        raise UsageError("a plan has its folders and conversions already", hint="give them to 'plan'")
    return wanted


def run(
    plan: Plan | LoadedRecipe | str | PathLike[str],
    *,
    data: str | PathLike[str] | None = None,
    out: str | PathLike[str] | None = None,
    only: Collection[str] = (),
    jobs: int | None = 1,
    overwrite: bool = False,
    force: bool = False,
    locked: bool = False,
    fail_fast: bool = False,
    durable: bool = False,
    watching: Watching | None = None,
) -> Outcome:
    """Carry out a plan and bring its lock up to date. A file that cannot be converted fails its own unit.

    Args:
        plan: from `plan`; or a recipe, loaded or by its path, that is planned first.
        data, out, only: as for `plan`, where a recipe is given.
        jobs: worker processes; None: one for each core. They do not import the program that called.
        overwrite: replace files that the recipe did not write.
        force: do what is up to date, too.
        locked: put nothing in place that is not what the lock says.
        fail_fast: start nothing after the first failure.
        durable: wait for the disk after every file.
        watching: is told of every unit that is finished.

    Raises:
        RecipeError, UsageError: as `load_recipe` and `plan`.
        PlanError: as `plan`; files in the way that the recipe did not write; nothing was written.
        DifferenceError: with `locked`, where the lock does not name the plan's outputs.
        StoreError: the lock cannot be written.
    """
    planned = _planned(plan, data, out, only)
    options = RunOptions(
        jobs=jobs,
        overwrite=overwrite,
        force=force,
        locked=locked,
        fail_fast=fail_fast,
        durable=durable,
        partial={unit.conversion for unit in planned.units} != set(planned.loaded.recipe.conversions),
    )
    return run_plan(planned, options, watching)


def check(
    plan: Plan | LoadedRecipe | str | PathLike[str],
    *,
    fast: bool = False,
    strict: bool = False,
    jobs: int | None = None,
) -> Checked:
    """Check whether the outputs are what recipe, inputs and lock say; write nothing.

    Args:
        plan: from `plan`, of the whole recipe; or a recipe, loaded or by its path.
        fast: read only files whose stat() changed since their content was last known.
        strict: outputs whose input is gone are a difference, too.
        jobs: threads that hash; None: one for each core.

    Raises:
        PlanError: the lock cannot be read.
    """
    return _check(_planned(plan), fast=fast, strict=strict, jobs=jobs)


def __getattr__(name: str) -> Any:
    """Import `to_dataset`, with numpy and pydicom, when it is used."""
    if name == "to_dataset":
        from .to_dataset import to_dataset

        return to_dataset
    raise AttributeError(f"module {__name__} has no attribute {name}")

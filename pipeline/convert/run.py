"""Carry out a request: its recipe is planned and run, and only the outputs are kept."""

from __future__ import annotations

import os
import re

from ..errors import PlanError, RecipeError, UsageError
from ..plan.build import plan
from ..plan.model import Plan
from ..recipe.load import load_tree
from ..recipe.loaded import LoadedRecipe
from ..recipe.merged_text import lines_of, quoted
from ..run.preflight import RunOptions
from ..run.run import run_plan
from ..run.unit.results import Outcome, Watching
from ..store.state import Stateless
from .options import NAME, Request
from .request import Asked, asked


def convert(request: Request, options: RunOptions, watching: Watching | None = None) -> Outcome:
    """Convert the files of a request.

    Raises:
        UsageError: an option that is wrong, by its name; several files for one output.
        PlanError: a file is in the way; nothing was written.
    """
    wanted = asked(request)
    loaded = _loaded(wanted)
    try:
        planned = plan(loaded, data=wanted.data, out=wanted.out)
    except PlanError as error:
        raise PlanError(*(_without_place(reason) for reason in error.reasons), hint=error.hint) from None
    if not options.overwrite:
        _refuse_existing(planned)
    return run_plan(planned, options, watching, state=Stateless(loaded.path))


def _refuse_existing(planned: Plan) -> None:
    paths = [output.path for unit in planned.units for output in unit.outputs]
    there = [path for path in paths if os.path.lexists(planned.out.joinpath(*path.split("/")))]
    if there:
        more = f" and {len(there) - 1} more" if len(there) > 1 else ""
        first = str(planned.out.joinpath(*there[0].split("/")))
        raise PlanError(f"is there already{more}", subject=first, hint="give --overwrite to replace it")


def recipe_text(request: Request) -> str:
    """Return the recipe that does the same, ready to be saved. Raises: UsageError, as `convert`."""
    wanted = asked(request)
    _loaded(wanted)
    lines = "".join(f"{line}\n" for line in lines_of(wanted.tree))
    return f"# --data {quoted(wanted.data.as_posix())}\n{lines}"


def _loaded(wanted: Asked) -> LoadedRecipe:
    try:
        return load_tree(wanted.tree, wanted.data / f"{NAME}.yaml")
    except RecipeError as error:  # each problem is "in" the option that gave the value
        reasons = dict.fromkeys(f"{problem.file}: {problem.what}" for problem in error.problems)
        raise UsageError("; ".join(reasons)) from None


def _without_place(reason: str) -> str:
    """Return a reason not to run without its place in a recipe: it names an option instead."""
    return re.sub(rf"^([^:]*): conversions\.{NAME}[^:]*: ", r"\1: ", reason)

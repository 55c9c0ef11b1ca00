"""The command ``dicombake validate RECIPE...``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ExitStatus, Problem, RecipeError
from .common import (
    Annotate,
    Annotations,
    Assignments,
    Json,
    Recipes,
    Untrusted,
    annotate,
    reporting,
    say,
    tell_problems,
    variables,
)
from .program.each import EachRecipe, Shown

if TYPE_CHECKING:
    from ..recipe.loaded import LoadedRecipe


def validate(
    recipes: Recipes,
    *,
    assignments: Assignments = None,
    annotations: Annotations = Annotate.AUTO,
    untrusted: Untrusted = False,
    json: Json = False,
) -> None:
    with reporting():
        from ..recipe.load import load_recipe
        from ..report.annotations import of_error

        values = variables(assignments)

        def validated(path: Path) -> Shown:
            try:
                loaded = load_recipe(path, values, trusted=not untrusted)
            except RecipeError as error:
                if not json:
                    tell_problems(error)
                annotate(annotations, of_error(path, error))
                return _as_json(path, error.problems), error.status
            if not json:
                for line in _doubts(loaded):
                    say(line, err=True)
                say(f"{path}: ok")
            return _as_json(path), ExitStatus.DONE

        each = EachRecipe(json, annotations)
        each.run(recipes, validated)
        each.finish("recipes")


def _doubts(loaded: LoadedRecipe) -> Iterator[str]:
    """Yield values that the recipe hardly means, each with its line; under `strict` these are mistakes."""
    from ...schemas.rules.doubts import doubts

    for name, conversion in loaded.recipe.conversions.items():
        for location, what in doubts(name, conversion):
            place = loaded.place(*location)
            where = f"{place.file}:{place.line}" if place is not None else str(loaded.path)
            yield f"{where}: note: {'.'.join(map(str, location))}: {what}"


def _as_json(path: Path, problems: Sequence[Problem] = ()) -> dict[str, Any]:
    keys = ("file", "line", "column", "where", "what")
    mistakes = [{key: getattr(problem, key) for key in keys} for problem in problems]
    return {"recipe": str(path), "ok": not problems, "problems": mistakes}

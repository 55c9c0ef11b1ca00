"""The command ``dicombake validate RECIPE...``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import ExitStatus, Problem, RecipeError
from ..common import (
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
from ..program.each import EachRecipe, Shown

if TYPE_CHECKING:
    from ...recipe.loaded import LoadedRecipe


def validate(
    recipes: Recipes,
    *,
    assignments: Assignments = None,
    annotations: Annotations = Annotate.AUTO,
    untrusted: Untrusted = False,
    json: Json = False,
) -> None:
    with reporting():
        from ...recipe.load import load_recipe
        from ...report.annotations import of_error

        values = variables(assignments)

        def validated(path: Path) -> Shown:
            try:
                loaded = load_recipe(path, values, trusted=not untrusted)
            except RecipeError as error:
                if not json:
                    tell_problems(error)
                annotate(annotations, of_error(path, error))
                return _as_json(path, error.problems), error.status
            doubts = tuple(_doubts(loaded))
            if not json:
                for doubt in doubts:
                    say(f"{doubt.file}:{doubt.line}: note: {doubt.where}: {doubt.what}", err=True)
                say(f"{path}: ok")
            return _as_json(path, notes=doubts), ExitStatus.DONE

        each = EachRecipe(json, annotations)
        each.run(recipes, validated)
        each.finish("recipes")


def _doubts(loaded: LoadedRecipe) -> Iterator[Problem]:
    """Yield what the recipe hardly means, each with its place; under `strict` these are mistakes."""
    from ....schemas.rules.doubts import doubts

    for name, conversion in loaded.recipe.conversions.items():
        for location, what in doubts(name, conversion):
            place = loaded.place(*location)
            file, line, column = (
                (place.file, place.line, place.column) if place is not None else (str(loaded.path), 0, 0)
            )
            yield Problem(file, line, column, ".".join(map(str, location)), what)


def _as_json(path: Path, problems: Sequence[Problem] = (), notes: Sequence[Problem] = ()) -> dict[str, Any]:
    def told(found: Sequence[Problem]) -> list[dict[str, Any]]:
        keys = ("file", "line", "column", "where", "what")
        return [{key: getattr(problem, key) for key in keys} for problem in found]

    return {"recipe": str(path), "ok": not problems, "problems": told(problems), "notes": told(notes)}

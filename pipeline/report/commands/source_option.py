"""Read ``--source``: the source of files, written on the command line as in a recipe."""

from __future__ import annotations

from pydantic import ValidationError

from ....schemas.recipe import Recipe
from ...errors import UsageError
from ...loaders.options import SourceOptions
from ...plan.lower import lowered_source
from ...recipe.problems import problems_in
from ...recipe.tree import Part, parts_of
from ...recipe.yaml_nodes import YamlError, read_yaml

OPTION = "--source"

_AROUND = b"{version: 1, name: x, conversions: {x: {inputs: x, exports: {to: npy, path: x}}}}"
"""The recipe whose one conversion gets the source: its reader has the messages for mistakes."""


def source_of(text: str) -> SourceOptions:
    """Return the source that an option's text means: ``xim``, ``{format: raw, shape: [2, 3], ..}``.

    Raises:
        UsageError: with every mistake of the text.
    """
    try:
        asked = parts_of(read_yaml(text.encode()), OPTION, own=True)
    except YamlError as error:
        raise UsageError("; ".join(problem.what for problem in error.problems), subject=OPTION) from None
    recipe = parts_of(read_yaml(_AROUND), OPTION, own=True)
    _put(asked, recipe)
    try:
        return lowered_source(Recipe.model_validate(recipe.plain()).conversions["x"].source)
    except ValidationError as error:
        mistakes = (
            f"{found.where}: {found.what}" if found.where else found.what
            for found in problems_in(error, recipe)
        )
        raise UsageError("; ".join(dict.fromkeys(mistakes)), subject=OPTION) from None


def _put(source: Part, recipe: Part) -> None:
    recipe.entries["conversions"].entries["x"].entries["source"] = source

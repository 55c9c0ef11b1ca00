"""Find the machine of a unit where a template names it."""

from __future__ import annotations

from collections.abc import Collection

from ...schemas.language.suggest import did_you_mean
from ...schemas.language.template import places
from ..errors import PlanError, SourceError
from ..inputs.render import Scope, render, shows_source


def asks_source(template: str) -> bool:
    """Tell whether the machine depends on what the file itself says."""
    return any(place.namespace == "source" for place in places(template))


def machine_named(template: str, scope: Scope, known: Collection[str]) -> str:
    """Return the known machine that a template names.

    Raises:
        SourceError: a file names a machine that the recipe does not have, or none.
        PlanError: another name does, or the template names an unknown value.
    """
    name = render(template, scope).strip()
    if name in known:
        return name
    listed = f"known are {', '.join(known)}"
    if shows_source(template):
        what, hint = f"'{template}' gives a name that is none of the recipe's machines", listed
    else:
        what = f"'{template}' gives '{name}', and the recipe has no such machine"
        hint = did_you_mean(name, known, otherwise=listed)
    error = SourceError if asks_source(template) else PlanError
    raise error(what, subject=scope.path, hint=hint)

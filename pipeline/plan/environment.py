"""Which variables of the environment are read while files are converted, not while the plan is made."""

from __future__ import annotations

from ...schemas.language.template import places
from ...schemas.recipe import Conversion
from ...schemas.rules.templates import templates


def variables_of(conversion: Conversion) -> frozenset[str]:
    """Return the names of `{env.X}` in a conversion, but for those that the plan fills in itself.

    Those are in paths and in `machine`.
    """
    return frozenset(
        place.name
        for location, text in templates(conversion)
        if location[0] not in ("exports", "machine")
        for place in places(text)
        if place.namespace == "env"
    )

"""Mistakes in `destinations`, `deliver`, `receive` that single models cannot see; what `where` cannot ask."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..language.suggest import suggestion
from ..language.tags import keywords
from ..language.template import parse, places
from ..recipe import Conversion, Recipe
from .checks import Found

if TYPE_CHECKING:
    from ..delivery import Receive

_DICOM = ("dicom", "dicom-series", "dicom-object", "rt-dose")
"""Sources whose headers are DICOM's alone: a property has one of its keywords."""


def problems(recipe: Recipe) -> Found:
    """Yield each mistake with its location in the recipe."""
    for name, conversion in recipe.conversions.items():
        at = ("conversions", name)
        yield from _unknown(recipe, (*at, "deliver"), conversion.deliver)
        for index, export in enumerate(conversion.exports):
            yield from _unknown(recipe, (*at, "exports", index, "deliver"), export.deliver)
        yield from _where((*at, "inputs"), conversion)
    ports: dict[int, str] = {}
    for name, destination in recipe.destinations.items():
        if destination.to != "dicom":
            continue
        port = destination.commit_port
        if port is not None and port in ports:
            what = f"'{ports[port]}' listens on this port already"
            yield ("destinations", name, "commit_port"), what
        if port is not None:
            ports[port] = name
    if recipe.receive is not None:
        if recipe.receive.port in ports:
            what = f"'{ports[recipe.receive.port]}' listens on this port for its reports"
            yield ("receive", "port"), what
        yield from ((("receive", "into"), what) for what in _into(recipe.receive))


def _unknown(recipe: Recipe, at: tuple[str | int, ...], names: tuple[str, ...] | None) -> Found:
    for index, name in enumerate(names or ()):
        if name not in recipe.destinations:
            known = ", ".join(recipe.destinations) or "none"
            hint = suggestion(name, recipe.destinations) or f"; 'destinations' has {known}"
            yield (*at, index), f"there is no destination '{name}'{hint}"


def _where(at: tuple[str | int, ...], conversion: Conversion) -> Found:
    inputs = conversion.inputs
    if inputs.where and inputs.from_:
        what = f"asks headers when the plan is made, and what '{inputs.from_[0]}' writes is not there then"
        yield (*at, "where"), f"{what}; put it into '{inputs.from_[0]}'"
        return
    for name in inputs.where if conversion.source.format in _DICOM else ():
        if name not in keywords() and not _is_number(name):
            yield (*at, "where", name), f"'{name}' is no DICOM keyword{suggestion(name, keywords())}"


def _is_number(name: str) -> bool:
    return len(name) == 8 and all(char in "0123456789abcdefABCDEF" for char in name)


def _into(receive: Receive) -> Iterator[str]:
    text = "".join(piece if isinstance(piece, str) else "x" for piece in parse(receive.into)).replace(
        "\\", "/"
    )
    if text.startswith("/") or text[1:2] == ":" or ".." in text.split("/"):
        yield "must be a folder below the data folder"
    for place in places(receive.into):
        if place.namespace or place.spec:
            yield f"'{{{place}}}': only elements of the instance, by their keywords, as in {{StudyDate}}"
        elif place.name not in keywords():
            yield f"'{place.name}' is no DICOM keyword{suggestion(place.name, keywords())}"

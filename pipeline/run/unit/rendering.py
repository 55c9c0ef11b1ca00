"""The templates of a conversion filled in for one image: its geometry, its tags, its study."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ....schemas.language.tags import TagPath, TagValue, problem_of, templates_of
from ....schemas.language.template import Template, is_template
from ....schemas.language.words import POSITIVE
from ...errors import ExportError, GeometryError
from ...imaging.geometry import restated
from ...imaging.image import Image, Origin, OriginKind
from ...inputs.render import Scope, render, render_number, shows_source, source_lookup
from ...plan.model import InputFile, Unit
from ...plan.scope import scope_of
from ...recipe.loaded import LoadedRecipe, Place

if TYPE_CHECKING:
    from ....schemas.geometry import Geometry as Stated
    from ....schemas.recipe import Conversion


def scope_for(loaded: LoadedRecipe, unit: Unit, image: Image, item: InputFile | None = None) -> Scope:
    """What the templates for one image may name; without `item` those of a group as one."""
    source = image.source
    return scope_of(
        loaded,
        unit,
        file=item,
        page=source.page,
        source=source_lookup(source.properties, source.dataset, source.attributes),
    )


def rendered_geometry(stated: Stated, scope: Scope) -> Stated:
    """The recipe's geometry with numbers in place of templates.

    Raises:
        GeometryError: a template gave a number that cannot be, such as a SID below 0.
        PlanError, SourceError: from the templates.
    """
    changes: dict[str, Any] = {}
    for name, value in vars(stated).items():
        if isinstance(value, Template):
            changes[name] = render_number(value, scope)
        elif isinstance(value, tuple) and name != "fills":
            changes[name] = tuple(render_number(part, scope) for part in value)
    for name, value in changes.items():
        if name in POSITIVE and min(value if isinstance(value, tuple) else (value,)) <= 0:
            raise GeometryError(f"{name} must be greater than 0, here {value}", subject=scope.path)
    return restated(stated, changes) if changes else stated


def geometry_origins(loaded: LoadedRecipe, conversion: str) -> tuple[dict[str, Origin], frozenset[str]]:
    """Where each stated value of a conversion's geometry stands, and which of them only fill gaps."""
    origins, weak = {}, set()
    stated = loaded.recipe.conversions[conversion].geometry
    for name in vars(stated):
        place = loaded.places.get(("conversions", conversion, "geometry", name))
        if place is None:
            continue
        origins[name] = stands_at(place)
        if place.layer not in ("conversion", "set"):
            weak.add(name)
    return origins, frozenset(weak)


def rendered_tags(conversion: Conversion, scope: Scope) -> dict[TagPath, TagValue]:
    """The overrides of a conversion for one image.

    Raises:
        ExportError: a template gave what the tag's VR cannot hold.
        PlanError, SourceError: from the templates.
    """
    tags = {}
    for path, value in conversion.tags.items():
        tags[path] = _rendered(value, scope)
        if tags[path] is value:
            continue
        unseen = any(shows_source(template) for template in templates_of(value))
        problem = problem_of(path, tags[path], literal=True, unseen=unseen)
        if problem:
            raise ExportError(problem, subject=scope.path)
    return tags


def _rendered(value: TagValue, scope: Scope) -> TagValue:
    if value.items is not None and any(is_template(item) for item in value.items):
        return TagValue(items=tuple(render(item, scope) for item in value.items), vr=value.vr)
    if value.nested is not None:
        nested = tuple(
            {path: _rendered(inner, scope) for path, inner in item.items()} for item in value.nested
        )
        return TagValue(nested=nested, vr=value.vr)
    return value


def tag_origins(loaded: LoadedRecipe, conversion: str) -> Mapping[TagPath, Origin]:
    """Where each override of a conversion stands."""
    origins = {}
    for path in loaded.recipe.conversions[conversion].tags:
        place = loaded.places.get(("conversions", conversion, "tags", path.text))
        origins[path] = stands_at(place) if place else Origin("conversion")
    return origins


def stands_at(place: Place) -> Origin:
    """The origin of a value that stands somewhere in the recipe."""
    kind: OriginKind = "conversion" if place.layer == "recipe" else place.layer
    return Origin(kind, str(place))

"""Fill in the templates of a conversion for one image: its geometry, its tags, its study."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ....schemas.language.tags import TagPath, TagValue, problem_of, templates_of
from ....schemas.language.template import is_template
from ....schemas.language.words import POSITIVE, UNKNOWN
from ...errors import ExportError, GeometryError
from ...imaging.image import Image, Origin, OriginKind, SourceFile
from ...imaging.stated import Stated
from ...inputs.acquired import Moment, checked_moment, moment_of
from ...inputs.render import Scope, render, render_number, shows_source, source_lookup
from ...plan.lowered import LoweredConversion, LoweredRecipe, Quantity
from ...plan.model import InputFile, Unit
from ...plan.scope import scope_of
from ...recipe.loaded import Place


def scope_for(recipe: LoweredRecipe, unit: Unit, image: Image, item: InputFile | None = None) -> Scope:
    """Return the values that templates may name for one image; without `item`, for a group as one image."""
    source = image.source
    return scope_of(
        recipe,
        unit,
        file=item,
        page=source.page,
        source=source_lookup(source.properties, source.dataset, source.attributes),
        moments=tuple(map(_moment, image.sources)),
    )


def _moment(source: SourceFile) -> Moment:
    """When a file says that its image was acquired, else its sidecar."""
    find = source_lookup(source.properties, source.dataset, source.attributes)
    found = moment_of(find)
    if found.date or "PerformedProcedureStepStartDate" not in source.companions:
        return found
    return checked_moment(find("PerformedProcedureStepStartDate"), find("PerformedProcedureStepStartTime"))


def rendered_geometry(stated: Stated[Quantity], scope: Callable[[], Scope]) -> Stated[float]:
    """Return the recipe's geometry with numbers in place of templates.

    `scope` gives what templates may name; it is asked only where there is one, since it reads headers.

    Raises:
        GeometryError: a template gave an impossible number, such as a SID below 0.
        PlanError, SourceError: from the templates.
    """
    filled = stated.filled(lambda each: render_number(each, scope()) if isinstance(each, str) else each)
    for name in (each for each in Stated.__struct_fields__ if each in POSITIVE):
        value = getattr(filled, name)
        if value not in (None, UNKNOWN) and min(value if isinstance(value, tuple) else (value,)) <= 0:
            raise GeometryError(f"{name} must be greater than 0, here {value}", subject=scope().path)
    return filled


def geometry_origins(conversion: LoweredConversion) -> tuple[dict[str, Origin], frozenset[str]]:
    """Return the place of each stated value of a conversion's geometry, and which of them only fill gaps."""
    places = conversion.geometry_places
    weak = (name for name, place in places.items() if place.layer not in ("conversion", "set"))
    return {name: origin_of(place) for name, place in places.items()}, frozenset(weak)


def rendered_tags(conversion: LoweredConversion, scope: Scope) -> dict[TagPath, TagValue]:
    """Return the tag overrides of a conversion for one image.

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


def tag_origins(conversion: LoweredConversion) -> Mapping[TagPath, Origin]:
    """Return the place of each tag override of a conversion in the recipe."""
    places = conversion.tag_places
    return {
        path: origin_of(places[path]) if path in places else Origin("conversion") for path in conversion.tags
    }


def origin_of(place: Place) -> Origin:
    """Return the origin of a value that a recipe states at this place."""
    kind: OriginKind = "conversion" if place.layer == "recipe" else place.layer
    return Origin(kind, str(place))

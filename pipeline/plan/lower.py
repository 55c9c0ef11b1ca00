"""Lower a recipe to what is carried out, once for each plan.

A test holds that no field of a model is left behind.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from ...schemas.base import Model
from ...schemas.geometry import Geometry
from ...schemas.language.template import Template, is_template
from ...schemas.sources import AnySource
from ..exporters.registry import TARGETS
from ..imaging.stated import Stated
from ..loaders.options import DicomSeriesOptions, Limits, SourceOptions
from ..loaders.registry import FORMATS
from ..recipe.loaded import LoadedRecipe
from .deidentified import settings_of
from .lowered import LoweredConversion, LoweredRecipe, Quantity
from .scope import kinds_of

if TYPE_CHECKING:
    from ...schemas.recipe import Conversion
    from ..process.operations import Combine, Operation

NOT_CARRIED_OUT = frozenset({"deliver"})
"""Fields that workers need not know: an output is delivered after it was written."""


Kind = TypeVar("Kind", bound=Struct)


def lower(loaded: LoadedRecipe, names: Iterable[str] | None = None) -> LoweredRecipe:
    """Return what carrying out some conversions (default: all) needs of a recipe."""
    recipe = loaded.recipe
    chosen = tuple(recipe.conversions if names is None else names)
    return LoweredRecipe(
        name=recipe.name,
        namespace=recipe.uid_namespace,
        variables=recipe.vars,
        limits=lowered(Limits, recipe.limits),
        machines=tuple(recipe.machines),
        conversions=_conversions(loaded, chosen),
        variants={machine: _conversions(variant, chosen) for machine, variant in loaded.variants.items()},
    )


def lowered_source(source: AnySource) -> SourceOptions:
    """Return the options of a source format."""
    return lowered(FORMATS[source.format].options, source)


def lowered_geometry(geometry: Geometry) -> Stated[Quantity]:
    """Return what is stated of a geometry; its `fills` were settled when layers were merged."""
    return Stated(
        sid=geometry.sid,
        sad=geometry.sad,
        dpi=geometry.dpi,
        pixel_spacing=geometry.pixel_spacing,
        at=geometry.at,
        center=geometry.center,
        gantry=geometry.gantry,
        collimator=geometry.collimator,
        couch=geometry.couch,
        scale=geometry.scale,
    )


def lowered(kind: type[Kind], model: Model) -> Kind:
    """Return the fields of a model as a struct; a test holds that it has each of them."""
    values = {name: getattr(model, name) for name in type(model).model_fields if name not in NOT_CARRIED_OUT}
    return kind(**{name: _inner(value) for name, value in values.items()})


def _inner(value: Any) -> Any:
    if isinstance(value, Model):
        from ..process.operations import INNER_KINDS

        return lowered(INNER_KINDS[type(value).__name__], value)
    return tuple(_inner(each) for each in value) if isinstance(value, tuple) else value


def _combine(said: Conversion) -> Combine | None:
    if said.combine is None:
        return None
    from ..process.operations import Combine

    return lowered(Combine, said.combine)


def _process(said: Conversion) -> tuple[Operation, ...]:
    """Lower the operations. Their types take longer to make than a small plan: made where there are some."""
    if not said.process:
        return ()
    from ..process.operations import OPERATION_KINDS

    return tuple(lowered(OPERATION_KINDS[each.op], each) for each in said.process)


def _conversions(loaded: LoadedRecipe, names: Iterable[str]) -> Mapping[str, LoweredConversion]:
    return {name: _conversion(loaded, name) for name in names}


def _conversion(loaded: LoadedRecipe, name: str) -> LoweredConversion:
    recipe = loaded.recipe
    said = recipe.conversions[name]
    source = lowered_source(said.source)
    if isinstance(source, DicomSeriesOptions) and any(each.op == "resample" for each in said.process):
        source = replace(source, any_distance=True)
    start = ("conversions", name)
    table = said.metadata
    return LoweredConversion(
        name=name,
        source=source,
        combine=_combine(said),
        process=_process(said),
        geometry=lowered_geometry(said.geometry),
        geometry_places={
            name: place
            for name in Stated.__struct_fields__
            if (place := loaded.places.get((*start, "geometry", name))) is not None
        },
        exports=tuple(lowered(TARGETS[each.to].options, each) for each in said.exports),
        tags=said.tags,
        tag_places={
            path: place
            for path in said.tags
            if (place := loaded.places.get((*start, "tags", path.text))) is not None
        },
        remove_tags=said.remove_tags,
        study=said.study,
        machine=Template(said.machine) if said.machine and is_template(said.machine) else None,
        kinds=kinds_of(recipe, name),
        other_columns=frozenset(() if table is None else (table.column or table.match, *table.ignore)),
        strict=recipe.strict if said.strict is None else said.strict,
        verify=said.verify or recipe.verify,
        deidentify=settings_of(loaded, name),
        keep=said.keep or False,
    )

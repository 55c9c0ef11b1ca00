"""Find what is done to the files of one unit, which may be of one of several machines."""

from __future__ import annotations

from ...errors import SourceError
from ...loaders.registry import probe
from ...plan.lowered import LoweredConversion
from ...plan.machines import machine_named
from ...plan.model import Unit
from ...plan.scope import scope_of, shared_lookup
from .contents import input_path
from .results import Job


def conversion_of(unit: Unit, job: Job) -> LoweredConversion:
    """Return the unit's conversion as it is for its machine; where only a file says which, read its header.

    Raises:
        SourceError: a file names no machine, or one that the recipe does not have.
    """
    recipe = job.recipe
    conversion = recipe.conversion(unit.conversion, unit.machine)
    template = recipe.conversion(unit.conversion).machine
    if unit.machine or template is None:
        return conversion
    paths = (input_path(item, job.data, job.out) for item in unit.inputs)
    headers = [probe(path, conversion.source, recipe.limits) for path in paths]
    lookup = shared_lookup(unit.id, headers)
    if lookup is None:
        raise SourceError("names no machine", subject=unit.id)
    machine = machine_named(template, scope_of(recipe, unit, source=lookup), recipe.machines)
    return recipe.conversion(unit.conversion, machine)

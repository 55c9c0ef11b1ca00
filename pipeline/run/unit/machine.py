"""The recipe as it is for the machine of one unit."""

from __future__ import annotations

from ...errors import SourceError
from ...loaders.registry import probe
from ...plan.machines import machine_named, machine_template
from ...plan.model import Unit
from ...plan.scope import scope_of, shared_lookup
from ...recipe.loaded import LoadedRecipe
from .contents import input_path
from .results import Job


def for_machine(unit: Unit, job: Job) -> LoadedRecipe:
    """The recipe with the unit's machine in its conversion; where only a file says which, its header is read.

    Raises:
        SourceError: a file names no machine, or one that the recipe does not have.
    """
    loaded = job.loaded
    template = machine_template(loaded, unit.conversion)
    if unit.machine or not template:
        return loaded.for_machine(unit.machine)
    source, limits = loaded.recipe.conversions[unit.conversion].source, loaded.recipe.limits
    headers = [probe(input_path(item, job.data, job.out), source, limits) for item in unit.inputs]
    lookup = shared_lookup(unit.id, headers)
    if lookup is None:
        raise SourceError("names no machine", subject=unit.id)
    return loaded.for_machine(machine_named(template, scope_of(loaded, unit, source=lookup), loaded))

"""What the workers of a cluster must have to do what this process would do."""

from __future__ import annotations

import os
from collections.abc import Iterator

from ..deidentify.keys import Origin
from ..errors import PlanError
from ..plan.environment import variables_of
from ..plan.model import Plan
from ..version import installed
from .unit.results import Job
from .versions import names_of
from .workers.cluster.look import Wanted, proof

ALWAYS = ("numpy", "pydicom")
"""Distributions that every unit uses."""
OUTPUT, BOTH = "output folder", "folder of data and outputs"


def needs_of_workers(plan: Plan, job: Job) -> Wanted:
    """Return what every worker must have. Raises: PlanError, where a folder cannot be read."""
    recipe = plan.loaded.recipe
    used = {unit.conversion for unit in plan.units}
    names = {name for each in used for name in names_of(recipe.conversions[each])}
    secrets = sorted({origin for each in used for origin in _origins(plan, each)})
    nonce = os.urandom(16).hex()
    try:
        folders = tuple(_folders(plan))
    except OSError as error:
        raise PlanError(f"cannot be read: {error.strerror}", subject=str(error.filename)) from error
    return Wanted(
        versions={name: installed(name) for name in (*ALWAYS, *sorted(names - {*ALWAYS}))},
        folders=folders,
        writable=frozenset({OUTPUT, BOTH}),
        claims=str(job.claims.start) if job.claims is not None else "",
        run=job.claims.run if job.claims is not None else "",
        secrets=tuple((origin, proof(origin.read(), nonce)) for origin in secrets),
        nonce=nonce,
    )


def _folders(plan: Plan) -> Iterator[tuple[str, str, int, int]]:
    """Yield the folders that workers see, where these are no object stores.

    Of an output folder that is yet to be made, it is the one that it will be in.

    Raises: OSError.
    """
    out = next(folder for folder in (plan.out.absolute(), *plan.out.absolute().parents) if folder.is_dir())
    data = plan.data.absolute()
    found = {"data": ("data folder", data), "out": (OUTPUT, out)}
    local = [found[base] for base in found if base not in plan.remote]
    for name, folder in [(BOTH, data)] if len(local) == 2 and data == out else local:
        seen = folder.stat()
        yield name, str(folder), seen.st_ino, int(seen.st_mtime)


def _origins(plan: Plan, name: str) -> Iterator[Origin]:
    conversion = plan.loaded.recipe.conversions[name]
    yield from (Origin("env", variable) for variable in variables_of(conversion))
    settings = plan.lowered.conversions[name].deidentify
    if settings is not None and settings.key.origin is not None:
        yield settings.key.origin

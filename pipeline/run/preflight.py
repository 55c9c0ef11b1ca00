"""The options of a run, and what would stop it before anything is written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from ..errors import DicombakeError, DifferenceError
from ..first_of import first_of
from ..plan.model import Plan
from ..store.lock import Lock
from ..store.state import state_of
from .ownership import SHOWN, existing_of_ours

if TYPE_CHECKING:
    from .workers.cluster.settings import ClusterSettings


class RunOptions(Struct, frozen=True):
    """How a plan is carried out."""

    jobs: int | None = 1
    """Number of worker processes; 1: this process only; None: one per core, for a small run this process."""
    overwrite: bool = False
    """Replace files that the recipe did not write."""
    force: bool = False
    """Do also units that are up to date."""
    locked: bool = False
    """Put no output in place whose content differs from the lock's."""
    fail_fast: bool = False
    durable: bool = False
    """Wait after every file until the disk holds it (fsync)."""
    keep: bool = False
    """Replace no output by other content, as ``keep: true`` in every conversion."""
    cluster: ClusterSettings | None = None
    """The cluster whose workers do the units; None: this machine."""
    partial: bool = False
    """The plan leaves conversions out (``--only``): what the lock says of others is kept."""


def preflight(plan: Plan, options: RunOptions) -> tuple[Lock, DicombakeError | None]:
    """Read the lock, and find what would stop a run before anything is written.

    Raises: PlanError, where the lock cannot be read.
    """
    plan.place("out").look(output.path for unit in plan.units for output in unit.outputs)
    state = state_of(plan.loaded.path, trusted=plan.loaded.trusted)
    memory = state.recall()
    lock = state.lock(memory)
    try:
        if options.locked:
            check_locked(plan, lock, state.lock_file, partial=options.partial)
        existing_of_ours(plan, plan.units, lock.outputs, memory, overwrite=options.overwrite)
    except DicombakeError as error:
        return lock, error
    return lock, None


def check_locked(plan: Plan, lock: Lock, file: Path, *, partial: bool) -> None:
    """Check that the outputs of the plan are those of the lock. Raises: DifferenceError."""
    planned = {output.path for unit in plan.units for output in unit.outputs}
    if planned and not lock.outputs:
        raise DifferenceError("there is no lock", subject=str(file), hint="run without --locked to make one")
    missing = sorted(planned - set(lock.outputs))
    surplus = [] if partial else sorted(set(lock.outputs) - planned)
    for paths, what in ((missing, "does not know"), (surplus, "names what would not be made:")):
        if paths:
            raise DifferenceError(f"{what} {first_of(paths, SHOWN)}", subject=str(file))

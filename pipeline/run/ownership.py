"""Decide which existing files a run may replace, for the whole plan before anything is written."""

from __future__ import annotations

import os
import stat
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..errors import PlanError
from ..first_of import first_of
from ..plan.model import Plan, Unit
from ..store.claims import content_among
from ..store.database import Remembered
from ..store.stamp import key_of_file
from .unit.contents import input_path

SHOWN = 10


def existing_of_ours(
    plan: Plan,
    units: Sequence[Unit],
    known: Mapping[str, str],
    memory: Remembered,
    *,
    overwrite: bool,
) -> frozenset[str]:
    """Return the outputs of some units of a plan that exist and may be replaced.

    A file is ours when this recipe finished writing it on this machine, whatever became of it since (the
    memory's `written`), or when it has the content that the lock says (`known`: path -> sha256) or that a run
    which did not end was about to put there (the memory's `claimed`). A lock alone is no proof: it may have
    come from elsewhere, to a folder where somebody else's file has that name.

    Raises:
        PlanError: other files are in the way and `overwrite` is not given, or a folder, or an input.
    """
    place = plan.place("out")
    ours: set[str] = set()
    foreign: list[str] = []
    present: list[str] = []
    for path in (output.path for unit in units for output in unit.outputs):
        try:
            mode = place.lstat(path).st_mode
        except OSError:
            continue
        if stat.S_ISDIR(mode):
            raise PlanError("is a folder, and a file is to be written there", subject=path)
        present.append(path)
        key = key_of_file(f"{place.start}{path}")
        contents = memory.claimed.get(key, frozenset()) | ({known[path]} if path in known else frozenset())
        if overwrite or key in memory.written or content_among(place, path, contents):
            ours.add(path)
        else:
            foreign.append(path)
    _spare_inputs(plan, present)
    if foreign:
        raise _in_the_way(foreign)
    return frozenset(ours)


def _spare_inputs(plan: Plan, present: list[str]) -> None:
    """Refuse to write to an input, not even with ``--overwrite``."""
    if not present:
        return
    inputs: dict[str, Path] = {}
    folders: dict[Path, str] = {}
    for item in (item for unit in plan.units for item in unit.files if item.base == "data"):
        file = input_path(item, plan.data, plan.out)
        inputs[_folded(file, folders)] = file
    for path in present:
        file = plan.out.joinpath(*path.split("/"))
        source = inputs.get(_folded(file, folders))
        if source is not None and _same(source, file):
            raise PlanError("is an input, and an output would replace it", subject=path)


def _folded(file: Path, folders: dict[Path, str]) -> str:
    if file.parent not in folders:
        folders[file.parent] = os.path.realpath(file.parent)
    return unicodedata.normalize("NFC", f"{folders[file.parent]}/{file.name}").casefold()


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False


def _in_the_way(foreign: list[str]) -> PlanError:
    what = "a file is" if len(foreign) == 1 else f"{len(foreign)} files are"
    return PlanError(
        f"{what} in the way that this recipe did not write: {first_of(foreign, SHOWN)}",
        hint="move them away, or give --overwrite to replace them",
    )

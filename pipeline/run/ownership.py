"""Decide which existing files a run may replace, for the whole plan before anything is written."""

from __future__ import annotations

import os
import stat
import unicodedata
from collections.abc import Mapping, Sequence
from functools import cached_property
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
    inputs: InputFiles | None = None,
) -> frozenset[str]:
    """Return the outputs of some units of a plan that exist and may be replaced.

    A file is ours when this recipe finished writing it on this machine, whatever became of it since (the
    memory's `written`), or when it has the content that the lock says (`known`: path -> sha256) or that a run
    which did not end was about to put there (the memory's `claimed`). A lock alone is no proof: it may have
    come from elsewhere, to a folder where somebody else's file has that name. `inputs` are those of the plan,
    for who asks unit by unit.

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
    (inputs or InputFiles(plan)).spare(present)
    if foreign:
        raise _in_the_way(foreign)
    return frozenset(ours)


class InputFiles:
    """The inputs of a whole plan, which no output may replace; looked up when they are first needed."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._folders: dict[Path, str] = {}

    def spare(self, present: Sequence[str]) -> None:
        """Refuse to write to an input, not even with ``--overwrite``. Raises: PlanError."""
        for path in present:
            file = self.plan.out.joinpath(*path.split("/"))
            source = self._files.get(_folded(file, self._folders))
            if source is not None and _same(source, file):
                raise PlanError("is an input, and an output would replace it", subject=path)

    @cached_property
    def _files(self) -> dict[str, Path]:
        plan = self.plan
        items = (item for unit in plan.units for item in unit.files if item.base == "data")
        files = (input_path(item, plan.data, plan.out) for item in items)
        return {_folded(file, self._folders): file for file in files}


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

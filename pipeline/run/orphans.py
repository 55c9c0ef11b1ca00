"""Find and delete orphans: outputs that the lock names and whose input is gone."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from collections.abc import Set as AbstractSet
from posixpath import normpath
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from ...schemas.language.template import parse
from ..errors import PlanError
from ..plan.model import Plan
from ..store.files import remove
from ..store.lock import Lock
from ..store.running import held
from ..store.stamp import key_of_file
from ..store.state import State

if TYPE_CHECKING:
    from ...schemas.recipe import Conversion

_PATTERN = re.compile(r"[*?\[{]")


class Files(NamedTuple):
    """The files of a plan as a lock names them: inputs in the data folder, and outputs."""

    inputs: AbstractSet[str]
    outputs: AbstractSet[str]


def files_of(plan: Plan) -> Files:
    """Return the files of a plan, by one pass over its units."""
    inputs, outputs = set[str](), set[str]()
    for unit in plan.units:
        for item in unit.files:
            if item.base == "data":
                inputs.add(item.shown)
        for output in unit.outputs:
            outputs.add(output.path)
    return Files(inputs, outputs)


def orphans_of(plan: Plan, lock: Lock, files: Files) -> Mapping[str, str]:
    """Return the orphans that a lock names, each with the conversion that its path may have come from.

    `files`: those of the plan.
    """
    left = lock.outputs.keys() - files.outputs
    if not left or not lock.inputs.keys() - files.inputs:
        return {}
    paths = [
        (name, _pattern_of(export.path))
        for name, conversion in plan.loaded.recipe.conversions.items()
        for export in conversion.exports
    ]
    found: dict[str, str] = {}
    for path in sorted(left):
        name = next((name for name, pattern in paths if pattern.fullmatch(path)), None)
        if name is not None:
            found[path] = name
    return found


def _pattern_of(template: str) -> re.Pattern[str]:
    """Return a pattern of the paths that a template can give; a value in it stays within one name."""
    pieces = parse(template)
    text = "".join(piece if isinstance(piece, str) else "\0" for piece in pieces)
    return re.compile(re.escape(normpath(text.replace("\\", "/"))).replace("\0", "[^/]*"))


class Orphan(Struct, frozen=True):
    """An output whose input is gone; `why` is the reason why it is not pruned, empty where it is."""

    path: str
    conversion: str
    why: str = ""


def prunable(plan: Plan, *, most: bool) -> tuple[Orphan, ...]:
    """Return the orphans that exist, each with the reason why it stays.

    `most`: prune also in a conversion that lost more than half of its inputs. Raises: PlanError, where the
    lock cannot be read.
    """
    state = State(plan.loaded.path)
    lock = state.lock(state.recall())
    orphans = orphans_of(plan, lock, files_of(plan))
    reasons = {name: _spared(plan, name, orphans, most=most) for name in set(orphans.values())}
    found = []
    for path, name in orphans.items():
        if plan.place("out").exists(path):
            found.append(Orphan(path, name, reasons[name] or _altered(plan, path, lock.outputs[path])))
    return tuple(found)


def _altered(plan: Plan, path: str, known: str) -> str:
    try:
        return "" if plan.place("out").sha256(path) == known else "it was altered"
    except OSError as error:
        return f"it cannot be read: {error.strerror}"


def _spared(plan: Plan, name: str, orphans: Mapping[str, str], *, most: bool) -> str:
    """Return why nothing of a conversion is pruned: its inputs may be gone for a while, or by mistake."""
    units = [unit for unit in plan.units if unit.conversion == name]
    folder = next(_unreadable(plan, plan.loaded.recipe.conversions[name]), "")
    if folder:
        return f"{folder} is missing or cannot be read"
    if not units:
        return f"{name} matches nothing"
    if any(unit.problem for unit in units):
        return f"not every input of {name} can be read"
    lost = Counter(orphans.values())[name]
    left = sum(len(unit.outputs) for unit in units)
    if lost > left and not most:
        return f"{name} lost more than half of its inputs; --prune=all deletes them all the same"
    return ""


def _unreadable(plan: Plan, conversion: Conversion) -> Iterator[str]:
    """Yield the folders of inputs that do not exist, as far as globs name them.

    Of a chained conversion these are the folders of the conversions that it chains from.
    """
    for other in conversion.inputs.from_:
        yield from _unreadable(plan, plan.loaded.recipe.conversions[other])
    for glob in () if conversion.inputs.from_ else conversion.inputs.files:
        parts = []
        for part in str(glob).split("/")[:-1]:
            if _PATTERN.search(part):
                break
            parts.append(part)
        if not plan.place("data").is_folder("/".join(parts)):
            yield "/".join(parts) or plan.place("data").shown


def prune(plan: Plan, paths: Collection[str]) -> None:
    """Delete these outputs, and remove them from lock and database.

    Raises:
        PlanError: another run of the recipe goes on.
        StoreError: a file cannot be deleted; those deleted before it are removed from lock and database.
    """
    state = State(plan.loaded.path)
    with held(state.running_file) as holder:
        if holder.by:
            raise PlanError(
                f"another run of it is going on ({holder.by})",
                subject=str(plan.loaded.path),
                hint="run again",
            )
        lock = state.lock(state.recall())
        gone: list[str] = []
        try:
            for path in paths:
                if not _altered(plan, path, lock.outputs[path]):
                    _remove(plan, path)
                    gone.append(path)
        finally:
            _forget(plan, state, lock, gone)


def _remove(plan: Plan, path: str) -> None:
    if "out" in plan.remote:
        from ..store.objects import remove_object

        remove_object(plan.remote["out"], path)
    else:
        remove(plan.out, path)


def _forget(plan: Plan, state: State, lock: Lock, gone: Collection[str]) -> None:
    outputs = lock.outputs.keys() - set(gone)
    left = lock.only(lock.inputs, outputs, plan.loaded.recipe.conversions)
    files = files_of(plan)
    if not orphans_of(plan, left, files):
        left = left.only(files.inputs, outputs, plan.loaded.recipe.conversions)
    state.save_lock(left)
    database = state.open()
    start = plan.place("out").start
    database.forget_written(key_of_file(f"{start}{path}") for path in gone)
    database.close()

"""Refuse a plan whose paths clash, or whose outputs would overwrite inputs or the recipe."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from os.path import realpath
from pathlib import Path
from typing import NamedTuple

from ..confined import REFUSED, escapes
from ..places.names import nfc
from .gather import Planning, refuse
from .model import Output, Unit

Located = tuple[str, str]
"""A file's folder with links resolved, and its name; both case-folded."""

_INPUT = "the input"
MAX_EACH = 10
"""How many clashes of one export are told one by one."""


def folded(path: str) -> str:
    """Return a path without case: on Windows and macOS two names that differ in case are one file."""
    return path.lower() if path.isascii() else nfc(nfc(path).casefold())


def check(units: Sequence[Unit], named: Named, planning: Planning, own: Iterable[Path]) -> None:
    """Refuse to write a file twice, over an input, over the recipe, or outside of the output folder.

    Args:
        units: all units of the plan. named: what they name.
        planning: gets the refusals.
        own: the recipe, its lock and what it extends.
    """
    report = _Reporter(planning)
    _check_outputs(units, named.paths, report)
    _check_places(units, named, planning, own, report)
    if not planning.loaded.trusted:
        _check_confined(units, planning.out, report)
    report.close()


class Named(NamedTuple):
    """What units name, noted as they are made: a pass over many, which are packed, costs time."""

    paths: list[str]
    """Of all outputs in order, without case."""
    folders: set[str]
    """Of the outputs."""
    sources: set[str]
    """The folders of the inputs."""

    def noting(self, units: Iterable[Unit]) -> Iterator[Unit]:
        """Yield the units, each noted."""
        paths, folders, sources = self
        for unit in units:
            for output in unit.outputs:
                path = output.path
                paths.append(folded(path))
                folders.add(path.rpartition("/")[0])
            for file in unit.files:
                sources.add(file.path.rpartition("/")[0])
            yield unit


def _check_confined(units: Iterable[Unit], out: Path, report: _Reporter) -> None:
    """Refuse outputs that a link takes elsewhere, or that other tools execute (``.git/hooks``)."""
    folders: dict[str, bool] = {}
    for unit, output in ((each, output) for each in units for output in each.outputs):
        folder = output.path.rpartition("/")[0]
        if any(part.startswith(".") for part in output.path.split("/")):
            report(unit, output, f"'{output.path}' begins with a dot; {REFUSED}")
        elif (file := out / output.path).is_symlink() and escapes(file, out):
            report(unit, output, f"'{output.path}' is a link out of the output folder; {REFUSED}")
        elif folders.setdefault(folder, escapes(out / folder, out)):
            report(unit, output, f"'{folder}' is a link out of the output folder; {REFUSED}")


class _Reporter:
    """Tells each export's first few clashes, and counts the rest."""

    def __init__(self, planning: Planning) -> None:
        self.planning = planning
        self.counts: Counter[tuple[str, int]] = Counter()

    def __call__(self, unit: Unit, output: Output, what: str) -> None:
        key = (unit.conversion, output.export)
        self.counts[key] += 1
        if self.counts[key] <= MAX_EACH:
            refuse(self.planning, self._location(key), what)

    def close(self) -> None:
        for key, count in self.counts.items():
            if count > MAX_EACH:
                refuse(self.planning, self._location(key), f"and {count - MAX_EACH} more such paths")

    def _location(self, key: tuple[str, int]) -> tuple[str | int, ...]:
        return ("conversions", key[0], "exports", key[1], "path")


Report = Callable[[Unit, Output, str], None]


def _outputs(units: Iterable[Unit]) -> Iterator[tuple[Unit, Output]]:
    return ((unit, output) for unit in units for output in unit.outputs)


def _check_outputs(units: Iterable[Unit], paths: Sequence[str], report: Report) -> None:
    """Refuse two outputs of one path, and a file where another output needs a folder.

    `paths`: of all outputs in order, without case.
    """
    folders: dict[str, str] = {}
    for path in paths:
        folder = path.rpartition("/")[0]
        while folder and folder not in folders:
            folders[folder] = path
            folder = folder.rpartition("/")[0]
    files = set(paths)
    if len(files) == len(paths) and files.isdisjoint(folders):
        return
    first: dict[str, tuple[Unit, Output]] = {}
    for path, maker in zip(paths, _outputs(units), strict=True):
        other = first.setdefault(path, maker)
        if other is not maker:
            report(*maker, f"'{maker[1].path}' would be written twice: {_makers(other, maker)}")
    for folder, path in folders.items():
        if folder in first:
            report(
                *first[folder],
                f"'{first[folder][1].path}' would be a file, and the folder of '{first[path][1].path}'",
            )


def _makers(one: tuple[Unit, Output], other: tuple[Unit, Output]) -> str:
    """Return a clause that names both writers of a path, with a way out."""
    (a, first), (b, second) = one, other
    if first.path != second.path:
        return f"'{a.id}' writes '{first.path}', which differs in case only"
    if a is not b and not (a.conversion == b.conversion and a.index == b.index):
        return f"by '{a.id}' and by '{b.id}'"
    return f"by two exports of '{a.id}'" if first.export != second.export else f"for two pages of '{a.id}'"


def _check_places(
    units: Iterable[Unit], named: Named, planning: Planning, own: Iterable[Path], report: Report
) -> None:
    """Refuse outputs outside of their folder, over an input, or over the recipe."""
    root = realpath(planning.out)
    folders = _Folders(planning.out)
    taken = {_located(realpath(file.parent), file.name): f"the recipe's own '{file.name}'" for file in own}
    for folder in named.folders:
        folders.resolve(folder)
    taken |= _inputs(units, named.sources, planning, {folded(folder) for folder in folders.resolved.values()})
    crowded = {folder for folder, _ in taken}
    outside = {
        folder
        for folder in folders.resolved.values()
        if folder != root and not folder.startswith(root.rstrip(os.sep) + os.sep)
    }
    crowded_or_outside = {
        path for path, folder in folders.resolved.items() if folder in outside or folded(folder) in crowded
    }
    met = outside or _meet(named.paths, taken, folders)
    named.paths.clear()
    for unit, output in _outputs(units) if met else ():
        if output.path.rpartition("/")[0] not in crowded_or_outside:
            continue
        folder, name = folders.split(output.path)
        if folder in outside:
            report(unit, output, f"'{output.path}' leaves the output folder: a link leads to {folder}")
        what = taken.get(_located(folder, name))
        if what:
            or_else = ", or 'exclude' it from the inputs" if what.startswith(_INPUT) else ""
            report(unit, output, f"'{output.path}' is {what}; write elsewhere{or_else}")


def _meet(paths: Iterable[str], taken: Iterable[Located], folders: _Folders) -> bool:
    """Tell whether any of the outputs' paths, without case, is a file that is taken."""
    names: dict[str, list[str]] = {}
    for folder, name in taken:
        names.setdefault(folder, []).append(name)
    found = {
        f"{folded(path)}/{name}" if path else name
        for path, folder in folders.resolved.items()
        for name in names.get(folded(folder), ())
    }
    return not found.isdisjoint(paths)


class _Folders:
    """Resolves the folders of paths, each once."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.resolved: dict[str, str] = {}

    def split(self, path: str) -> tuple[str, str]:
        """Return the folder of a path, links resolved, and the name in it."""
        folder, _, name = path.rpartition("/")
        return self.resolve(folder), name

    def resolve(self, folder: str) -> str:
        if folder not in self.resolved:
            self.resolved[folder] = realpath(self.base / folder)
        return self.resolved[folder]


def _inputs(
    units: Iterable[Unit], sources: Iterable[str], planning: Planning, folders: set[str]
) -> dict[Located, str]:
    """Return the inputs in some (case-folded) folders, without chained ones; all lie in `sources`.

    A linked file counts both as the link and as its target.
    """
    own = _Folders(planning.data)
    taken: dict[Located, str] = {}
    near = {folder for folder in sources if folded(own.resolve(folder)) in folders}
    for unit in units if near else ():
        for file in unit.files:
            folder, _, name = file.path.rpartition("/")
            if folder in near and file.base == "data":
                taken[_located(own.resolve(folder), name)] = f"{_INPUT} '{file.path}'"
    for path in planning.linked:
        target = Path(realpath(planning.data / path))
        taken[_located(str(target.parent), target.name)] = f"the input '{path}'"
    return taken


def _located(folder: str, name: str) -> Located:
    return folded(folder), folded(name)

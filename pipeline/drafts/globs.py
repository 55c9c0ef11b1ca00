"""Write the `inputs` of a conversion: globs that match its files, and nothing else that exists."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path, PurePosixPath

from msgspec import Struct

from ...schemas.inputs import Inputs
from ..errors import PlanError
from ..imaging.angles import Axis
from ..inputs.render import split_name
from ..inputs.search import match
from ..recipe.merged_text import quoted
from .angles import around


class Wanted(Struct, frozen=True):
    """The files of one conversion, all in one folder and with one suffix, however it is written."""

    names: Sequence[PurePosixPath]
    suffix: str
    """In lower case, with its dot; empty where the names say none."""
    angles: tuple[Axis, ...]
    """The angles in the names that are captured, in the order of the names."""
    harmless: Collection[PurePosixPath] = ()
    """Other files that the globs may match."""
    start: str | None = None
    """What stands in each name before a number: the slices of one volume."""
    each: bool = False
    """Whether each file is a volume of its own."""


def inputs_of(wanted: Wanted, base: Path) -> str:
    """Return the YAML: globs, with `exclude` for the fewer, or the files' own names."""
    globs, more = _chosen(wanted, base)
    keys = {"files": _listed(globs)}
    if more:
        keys["exclude"] = _listed([literal(str(name)) for name in more])
    if wanted.each:
        keys["group_by"] = "[stem]"
    told = ", ".join(f"{key}: {text}" for key, text in keys.items())
    return keys["files"] if len(keys) == 1 else f"{{{told}}}"


def _chosen(wanted: Wanted, base: Path) -> tuple[list[str], list[PurePosixPath]]:
    """Return globs, and what they match besides the files."""
    for globs in _candidates(wanted):
        more = _beyond(wanted, globs, base)
        if more is not None and len(more) <= len(wanted.names):
            return globs, more
    return _own(wanted), []


def _candidates(wanted: Wanted) -> Iterator[list[str]]:
    """Yield globs, the ones for most files first."""
    folder = _folder(wanted)
    if len(wanted.names) == 1:
        return
    if not wanted.angles:
        suffixes = sorted({name.suffix if wanted.suffix else "" for name in wanted.names})
        if wanted.start:
            yield [f"{folder}{literal(wanted.start)}*{literal(suffix)}" for suffix in suffixes]
        yield [f"{folder}*{literal(suffix)}" for suffix in suffixes]
        return
    parts = [_around(name, wanted.angles) for name in wanted.names]
    ends = {f"{texts[-1]}{suffix}" for texts, _, suffix in parts}
    suffixes = sorted({suffix for _, _, suffix in parts})
    between = {tuple(texts[1:-1]) for texts, _, _ in parts}
    starts = sorted({texts[0] for texts, _, _ in parts})
    if len(between) > 1:
        return
    for before_each in (_shortened(starts), [literal(start) for start in starts]):
        inner = [literal(text) for texts in between for text in texts]
        captured = [_captured([start, *inner], wanted.angles) for start in before_each]
        if len(ends) == 1:
            yield [f"{folder}{before}{literal(end)}" for before in captured for end in ends]
        yield [f"{folder}{before}*{literal(end)}" for before in captured for end in suffixes]


def _captured(globs: Sequence[str], axes: Sequence[Axis]) -> str:
    """Return globs joined by the captures of angles: one stands behind each."""
    return "".join(f"{glob}{{{axis}:d}}" for glob, axis in zip(globs, axes, strict=True))


def _shortened(chars_before: Sequence[str]) -> list[str]:
    """Return one glob for the texts before the first angle: what they all end with."""
    if len(chars_before) == 1:
        return [literal(before) for before in chars_before]
    last = min(chars_before, key=len)
    while not all(before.endswith(last) for before in chars_before):
        last = last[1:]
    return [f"*{literal(last)}"]


def _beyond(wanted: Wanted, globs: Sequence[str], base: Path) -> list[PurePosixPath] | None:
    """Return what globs match besides the files; None where they miss one, or its angle."""
    try:
        taken = dict(match(Inputs(files=tuple(globs)), base))
    except PlanError:  # a file whose name is no text
        return None
    for name in wanted.names:
        captures = taken.pop(str(name), None)
        if captures is None:
            return None
        found = [int(dict(captures)[axis]) for axis in wanted.angles]
        if found != _around(name, wanted.angles)[1]:
            return None
    harmless = {str(name) for name in wanted.harmless}
    return [PurePosixPath(name) for name in taken if name not in harmless]


def _own(wanted: Wanted) -> list[str]:
    """Return the files' names as globs."""
    if not wanted.angles:
        return [literal(str(name)) for name in wanted.names]
    folder = _folder(wanted)
    own = []
    for name in wanted.names:
        texts, _, suffix = _around(name, wanted.angles)
        captured = _captured([literal(text) for text in texts[:-1]], wanted.angles)
        own.append(f"{folder}{captured}{literal(texts[-1] + suffix)}")
    return list(dict.fromkeys(own))


def _around(name: PurePosixPath, axes: Sequence[Axis]) -> tuple[list[str], list[int], str]:
    """Return the texts around the angles in a name, the angles, and the suffix."""
    _, stem, suffix = split_name(str(name))
    return *around(stem, axes), suffix


def _folder(wanted: Wanted) -> str:
    folder = str(wanted.names[0].parent)
    return "" if folder == "." else f"{literal(folder)}/"


def literal(text: str) -> str:
    """Return a text as a glob that matches nothing else."""
    return re.sub(r"[*?\[{}]", lambda mark: f"[{mark[0]}]", text)


def _listed(globs: Sequence[str]) -> str:
    texts = [quoted(glob) for glob in globs]
    return texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"

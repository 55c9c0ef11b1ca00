"""Write the `inputs` of a conversion: globs that match its files, and nothing else that exists."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path, PurePosixPath

from msgspec import Struct

from ...schemas.inputs import Inputs
from ..errors import PlanError
from ..inputs.render import split_name
from ..inputs.search import match
from ..recipe.merged_text import quoted
from .angles import angle_in


class Wanted(Struct, frozen=True):
    """The files of one conversion, all in one folder and with one suffix, however it is written."""

    names: Sequence[PurePosixPath]
    suffix: str
    """In lower case, with its dot; empty where the names say none."""
    angles: bool
    """Whether the gantry angle in the names is captured."""
    harmless: Collection[PurePosixPath] = ()
    """Other files that the globs may match."""


def inputs_of(wanted: Wanted, base: Path) -> str:
    """Return the YAML: globs, with `exclude` for the fewer, or the files' own names."""
    for globs in _candidates(wanted):
        more = _beyond(wanted, globs, base)
        if more is None or len(more) > len(wanted.names):
            continue
        if not more:
            return _listed(globs)
        return f"{{files: {_listed(globs)}, exclude: {_listed([literal(str(name)) for name in more])}}}"
    return _listed(_own(wanted))


def _candidates(wanted: Wanted) -> Iterator[list[str]]:
    """Yield globs, the ones for most files first."""
    folder = _folder(wanted)
    if len(wanted.names) == 1:
        return
    if not wanted.angles:
        suffixes = sorted({name.suffix if wanted.suffix else "" for name in wanted.names})
        yield [f"{folder}*{literal(suffix)}" for suffix in suffixes]
        return
    parts = [_around(name) for name in wanted.names]
    ends = {f"{after}{suffix}" for _, after, suffix in parts}
    suffixes = sorted({suffix for _, _, suffix in parts})
    chars_before = sorted({before for before, _, _ in parts})
    for before_each in (_shortened(chars_before), [literal(before) for before in chars_before]):
        if len(ends) == 1:
            yield [f"{folder}{before}{{gantry:d}}{literal(end)}" for before in before_each for end in ends]
        yield [f"{folder}{before}{{gantry:d}}*{literal(end)}" for before in before_each for end in suffixes]


def _shortened(chars_before: Sequence[str]) -> list[str]:
    """Return one glob for the text before the angles: what they all begin and end with."""
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
        angle = angle_in(split_name(str(name))[1])
        if wanted.angles and (angle is None or int(dict(captures)["gantry"]) != angle.degrees):
            return None
    harmless = {str(name) for name in wanted.harmless}
    return [PurePosixPath(name) for name in taken if name not in harmless]


def _own(wanted: Wanted) -> list[str]:
    """Return the files' names as globs."""
    if not wanted.angles:
        return [literal(str(name)) for name in wanted.names]
    folder = _folder(wanted)
    parts = [_around(name) for name in wanted.names]
    own = [
        f"{folder}{literal(before)}{{gantry:d}}{literal(after + suffix)}" for before, after, suffix in parts
    ]
    return list(dict.fromkeys(own))


def _around(name: PurePosixPath) -> tuple[str, str, str]:
    """Return the text before the angle, the text after it, and the suffix."""
    _, stem, suffix = split_name(str(name))
    angle = angle_in(stem)
    assert angle is not None  # files with an angle are a conversion of their own
    return angle.before, angle.after, suffix


def _folder(wanted: Wanted) -> str:
    folder = str(wanted.names[0].parent)
    return "" if folder == "." else f"{literal(folder)}/"


def literal(text: str) -> str:
    """Return a text as a glob that matches nothing else."""
    return re.sub(r"[*?\[{}]", lambda mark: f"[{mark[0]}]", text)


def _listed(globs: Sequence[str]) -> str:
    texts = [quoted(glob) for glob in globs]
    return texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"

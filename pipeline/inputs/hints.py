"""Explain why a glob does not match: find the nearest file that a slightly wider glob would match."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from ...schemas.inputs import Inputs
from ...schemas.language.patterns import PatternError, parse_glob
from ...schemas.language.suggest import suggestion
from ..errors import PlanError
from ..places.names import nfc
from .globs import Globs, compiled
from .search import find

_SUFFIX = re.compile(r"\.[^./\\*?\[\]{}]+$")
_KIND = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*):[df]\}")


def near_miss(inputs: Inputs, data: Path) -> str:
    """Return a hint for globs that match nothing under `data`, as a clause; empty where none is found.

    Reads names only. Globs are tried in their order, each made wider step by step.
    """
    try:
        if found := find(Globs(inputs.files), Globs(()), data).ordered():
            return f"'exclude' leaves out {_some([path for path, _ in found])}"
        for glob in inputs.files:
            for globs, what in _looser(glob):
                if found := find(globs, Globs(()), data).ordered():
                    return f"{_some([path for path, _ in found])} {what}"
            if missing := _missing_folder(glob, data):
                return missing
    except PlanError:
        pass  # a hint must not cause a second error
    return ""


def why_not(inputs: Inputs, path: str) -> str:
    """Return why a path (with /, relative to the data folder) is no input, as a sentence.

    Empty if it is one.
    """
    if Globs(inputs.files).match(path) is not None:
        barred = barring(inputs, path)
        return f"'exclude' leaves it out: '{barred}'" if barred else ""
    for glob in inputs.files:
        for globs, what in _looser(glob):
            if globs.match(path) is not None:
                return f"'{glob}' does not match it: it {what}"
    if any(part.startswith(".") for part in path.split("/")):
        return "names that begin with a dot are matched only where a glob names the dot"
    return f"no glob matches it: {', '.join(inputs.files)}"


def barring(inputs: Inputs, path: str) -> str:
    """Return the first glob of `exclude` that leaves a path out, or nothing."""
    return next((glob for glob in inputs.exclude if Globs([glob]).match(path) is not None), "")


def fails(glob: str, path: str) -> str:
    """Return why a glob does not match a path (with /, relative to the data folder); empty where it does."""
    if Globs([glob]).match(path) is not None:
        return ""
    wrong = _part_that_differs(glob, path)
    for globs, what in _looser(glob):
        if globs.match(path) is not None:
            return f"it {what}{f': {wrong}' if wrong else ''}"
    return wrong or "no part of the path stands where '**' would let the rest of the glob match"


def _part_that_differs(glob: str, path: str) -> str:
    """Return the first component of a path that differs from the glob's.

    Empty where ``**`` leaves it open.
    """
    wanted, given = parse_glob(nfc(glob)).components, nfc(path).split("/")
    for number, (component, part) in enumerate(zip(wanted, given, strict=False), 1):
        if component.regex is None:
            return ""
        if number == len(wanted) < len(given):
            return f"it lies deeper than the glob goes, in '{'/'.join(given[:-1])}'"
        if part.startswith(".") and not component.text.startswith("."):
            return f"'{part}' begins with a dot, which is matched only where a glob names the dot"
        if compiled(component).fullmatch(part) is None:
            return f"'{part}' does not match '{component.text}'"
    return f"the glob goes deeper: '{'/'.join(part.text for part in wanted[len(given) :])}' is left"


def _looser(glob: str) -> Iterator[tuple[Globs, str]]:
    """Yield wider forms of a glob, each with what a file has that only this form matches."""
    untyped = _KIND.sub(r"{\1}", glob)
    yield Globs([glob], re.IGNORECASE), "differs in upper and lower case"
    if untyped != glob:
        yield Globs([untyped], re.IGNORECASE), "has no number where the glob captures one"
    if _SUFFIX.search(untyped):
        yield Globs([_SUFFIX.sub(".*", untyped)], re.IGNORECASE), "has another suffix"
    try:
        anywhere = Globs([f"**/{glob}"], re.IGNORECASE)
    except PatternError:
        return
    yield anywhere, "lies in another folder; the glob has no '**'" if "**" not in glob else "lies elsewhere"


def _some(paths: list[str]) -> str:
    more = f" (and {len(paths) - 1} more)" if len(paths) > 1 else ""
    return f"'{paths[0]}'{more}"


def _missing_folder(glob: str, data: Path) -> str:
    """Return the first folder that the glob names in full and that does not exist."""
    folder = data
    for component in parse_glob(nfc(glob)).components[:-1]:
        if component.literal is None:
            return ""
        folders = {nfc(entry.name): entry for entry in folder.iterdir() if entry.is_dir()}
        if component.literal not in folders:
            hint = suggestion(component.literal, folders)
            return f"there is no folder '{component.literal}' in {folder}{hint}"
        folder = folders[component.literal]
    if not any(entry.is_file() for entry in folder.iterdir()):
        return f"{folder} holds no files"
    return ""

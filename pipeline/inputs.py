"""Which files go in: globs with captures, matched under a folder, in an order that is the same everywhere.

A folder is listed once, and only if a file in it can match. Names are compared case-sensitively and in
NFC on every system; the name that the file system gave is kept for opening the file.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from ..schemas.inputs import Inputs
from ..schemas.patterns import Pattern, parse_glob
from .errors import PlanError

Captures = tuple[tuple[str, str], ...]
"""Names and texts, in the order of the glob."""

STATE_FOLDER = ".dicombake"
"""Where dicombake keeps what may be deleted; never an input."""

_DIGITS = re.compile(r"[0-9]+")
_ANYTHING = re.compile(r".+", re.DOTALL)


class Match(NamedTuple):
    """A file that goes in; `path` has / and is relative to the folder that was searched."""

    path: str
    captures: Captures
    linked: bool = False
    """Whether the file itself is a symbolic link."""


def nfc(text: str) -> str:
    """The text in Unicode's normal form C."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def natural_key(path: str) -> tuple[str, str]:
    """Orders paths folder by folder, numbers by their value (``2`` before ``10``), the rest by code points.

    A total order that knows no locale: where only leading zeros differ, code points decide.
    """
    return ("\0".join(_natural(part) for part in nfc(path).split("/")), path)


def _natural(name: str) -> str:
    """Text whose order by code points is the natural order of names.

    A run of digits becomes a mark below all text, the count of its digits and the digits, without leading
    zeros; the mark between folders (in `natural_key`) lies below that one.
    """
    return _DIGITS.sub(_digits, name)


def _digits(found: re.Match[str]) -> str:
    digits = found[0].lstrip("0")
    return f"\1{chr(1 + len(digits))}{digits}"


@dataclass(frozen=True, slots=True)
class _Part:
    """One component, ready to match: `regex` is None for ``**``."""

    regex: re.Pattern[str] | None
    names: tuple[str, ...]
    dotted: bool
    """Whether it names dotfiles."""

    def match(self, name: str, before: Captures) -> Captures | None:
        """The captures so far and those of `name` (NFC); None where it does not match."""
        if self.regex is None or (name.startswith(".") and not self.dotted):
            return None
        found = self.regex.fullmatch(name)
        if found is None:
            return None
        return (*before, *zip(self.names, found.groups(), strict=True)) if self.names else before


class _State(NamedTuple):
    """How far one glob has come in one folder."""

    glob: int
    position: int
    captures: Captures


class Globs:
    """Several globs matched at once, first one first; a walk keeps a list of states for each folder."""

    def __init__(self, texts: Iterable[str], flags: int = 0) -> None:
        self.texts = tuple(texts)
        self._parts = tuple(_compiled(parse_glob(nfc(text)), flags) for text in self.texts)

    def start(self) -> list[_State]:
        """The states of the folder that the globs are relative to."""
        return self._closed(_State(glob, 0, ()) for glob in range(len(self._parts)))

    def enter(self, states: Sequence[_State], name: str, *, deep: bool = True) -> list[_State]:
        """The states of the subfolder `name` (NFC); with `deep` false, ``**`` does not enter it."""
        return self._closed(self._steps(states, name, deep))

    def _steps(self, states: Sequence[_State], name: str, deep: bool) -> Iterator[_State]:
        for state in states:
            part = self._parts[state.glob][state.position]
            if part.regex is None:
                if deep and not name.startswith("."):
                    yield state
            elif state.position + 1 < len(self._parts[state.glob]):
                captures = part.match(name, state.captures)
                if captures is not None:
                    yield _State(state.glob, state.position + 1, captures)

    def _closed(self, states: Iterable[_State]) -> list[_State]:
        """The states, each glob's position once, with those reached where ``**`` matches no folder.

        What has come further stands first, so that of several ways to match, the one wins whose
        leftmost ``**`` matches the fewest folders.
        """
        closed: dict[tuple[int, int], _State] = {}
        for state in states:
            parts, reached = self._parts[state.glob], [state]
            while parts and parts[reached[0].position].regex is None and reached[0].position + 1 < len(parts):
                reached.insert(0, reached[0]._replace(position=reached[0].position + 1))
            for each in reached if parts else ():
                closed.setdefault((each.glob, each.position), each)
        return sorted(closed.values(), key=lambda state: state.glob)

    def finals(self, states: Sequence[_State]) -> list[tuple[_Part, _State]]:
        """The components that a file in this folder can match."""
        found = []
        for state in states:
            parts = self._parts[state.glob]
            if state.position + 1 == len(parts):
                part = parts[-1]
                found.append((_Part(_ANYTHING, (), False) if part.regex is None else part, state))
        return found

    def everything(self, states: Sequence[_State]) -> bool:
        """Whether some glob ends in ``**`` here, so that all below matches (dotfiles aside)."""
        return any(
            state.position + 1 == len(self._parts[state.glob])
            and self._parts[state.glob][state.position].regex is None
            for state in states
        )

    def goes_deeper(self, states: Sequence[_State]) -> bool:
        """Whether a file in some subfolder can match."""
        return any(
            state.position + 1 < len(self._parts[state.glob])
            or self._parts[state.glob][state.position].regex is None
            for state in states
        )

    def match(self, path: str) -> tuple[int, Captures] | None:
        """Which glob matches a path (with /) first, and its captures; None where none does."""
        *folders, name = nfc(path).split("/")
        states = self.start()
        for folder in folders:
            states = self.enter(states, folder)
        for part, state in self.finals(states):
            captures = part.match(name, state.captures)
            if captures is not None:
                return state.glob, captures
        return None


def _compiled(pattern: Pattern, flags: int) -> tuple[_Part, ...]:
    parts = []
    for component in pattern.components:
        if component.regex is None:
            parts.append(_Part(None, (), False))
        else:
            regex = re.compile(component.regex, flags)
            parts.append(_Part(regex, tuple(regex.groupindex), component.text.startswith(".")))
    return tuple(parts)


class _Folder(NamedTuple):
    """A folder that is to be listed."""

    path: str
    prefix: str
    """What its files' paths begin with: empty or ending in /."""
    key: str
    """What the natural keys of its files begin with."""
    wanted: list[_State]
    barred: list[_State]
    real: str
    above: _Folder | None


def match(inputs: Inputs, data: Path, *, never: Collection[str] = ()) -> list[Match]:
    """The files under `data` that `inputs` names, in its order, each once.

    Several globs give their union; where two match one file, the first one's captures hold. Symbolic
    links are followed, but into no folder that they lie in; ``**`` enters no link to a folder that lies
    under `data` itself, since that is searched under its own name.

    Args:
        inputs: what the recipe says.
        data: the folder that the globs are relative to.
        never: paths relative to `data` that are no inputs whatever the globs say.

    Raises:
        PlanError: a folder that cannot be listed, a name that is no text.
    """
    return find(Globs(inputs.files), Globs(inputs.exclude), data, by_name=inputs.sort == "name", never=never)


def find(
    wanted: Globs, barred: Globs, data: Path, *, by_name: bool = False, never: Collection[str] = ()
) -> list[Match]:
    """`match` for globs that are compiled already."""
    walk = _Walk(wanted, barred, os.path.realpath(data))
    pending = [_Folder(os.fspath(data), "", "", wanted.start(), barred.start(), walk.root, None)]
    while pending:
        folder = pending.pop()
        try:
            with os.scandir(folder.path) as entries:
                pending.extend(walk.list(folder, entries))
        except OSError as error:
            reason = error.strerror or str(error)
            raise PlanError(f"the folder cannot be listed: {reason}", subject=folder.path) from error
    if by_name:
        walk.found.sort(key=lambda item: (nfc(item[1].path), item[1].path))
    else:
        walk.found.sort()
    return [item for _, item in walk.found if item.path not in never]


@dataclass(slots=True)
class _Walk:
    """One pass over a folder; `found` are the files, each with its natural key."""

    wanted: Globs
    barred: Globs
    root: str
    found: list[tuple[str, Match]] = field(default_factory=list)

    def list(self, folder: _Folder, entries: Iterable[os.DirEntry[str]]) -> Iterator[_Folder]:
        """Adds the folder's files to `found`; gives the subfolders that are to be listed."""
        finals, against = self.wanted.finals(folder.wanted), self.barred.finals(folder.barred)
        tests = [(part.regex.fullmatch, part, state.captures) for part, state in finals if part.regex]
        deeper = self.wanted.goes_deeper(folder.wanted)
        for entry in entries:
            name = nfc(entry.name)
            if deeper and entry.is_dir():
                yield from self.enter(folder, entry, name)
                continue
            for fullmatch, part, before in tests:
                matched = fullmatch(name)
                if matched is None or (name[0] == "." and not part.dotted):
                    continue
                if entry.is_file() and not any(other.match(name, ()) is not None for other, _ in against):
                    path = folder.prefix + entry.name
                    _check_text(path)
                    captures = (*before, *zip(part.names, matched.groups(), strict=True))
                    found = Match(path, captures, entry.is_symlink())
                    self.found.append((folder.key + _natural(name), found))
                break

    def enter(self, folder: _Folder, entry: os.DirEntry[str], name: str) -> Iterator[_Folder]:
        """The subfolder, if files in it can match."""
        if name.casefold() == STATE_FOLDER:
            return
        deep, real = True, os.path.join(folder.real, entry.name)  # noqa: PTH118 - Path costs ten times as much
        if entry.is_symlink():
            real = os.path.realpath(entry.path)
            if _lies_in(folder, real):
                return
            deep = not _within(real, self.root)
        states = self.wanted.enter(folder.wanted, name, deep=deep)
        if not states:
            return
        bars = self.barred.enter(folder.barred, name) if folder.barred else []
        if not self.barred.everything(bars):
            key = f"{folder.key}{_natural(name)}\0"
            yield _Folder(entry.path, f"{folder.prefix}{entry.name}/", key, states, bars, real, folder)


def _lies_in(folder: _Folder | None, real: str) -> bool:
    """Whether the walk came through the folder `real`."""
    while folder is not None:
        if folder.real == real:
            return True
        folder = folder.above
    return False


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def _check_text(path: str) -> None:
    if path.isascii():
        return
    try:
        path.encode()
    except UnicodeEncodeError:
        shown = path.encode(errors="surrogateescape").decode(errors="replace")
        raise PlanError("the file's name is no Unicode text", subject=shown, hint="rename it") from None

"""Match several globs at once, against paths or, folder by folder, against a tree of files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from msgspec import Struct

from ...schemas.language.patterns import Component, Pattern, parse_glob
from ..places.names import nfc
from .linear import LinearPattern, is_safe

Captures = tuple[tuple[str, str], ...]
"""Names and texts, in the order of the glob."""

_ANYTHING = re.compile(r".+", re.DOTALL)
_BEGINNING = re.compile(r"[^*?\[{]*")
"""What a component says of a name before anything varies."""


class Part(Struct, frozen=True):
    """One component of a glob, ready to match: `regex` is None for ``**``."""

    regex: re.Pattern[str] | LinearPattern | None
    names: tuple[str, ...]
    dotted: bool
    """Whether it names dotfiles."""
    beginning: str = ""
    """What each name that it matches begins with (NFC)."""

    def match(self, name: str, before: Captures) -> Captures | None:
        """Return the captures so far and those of `name` (NFC); None where it does not match."""
        if self.regex is None or (name.startswith(".") and not self.dotted):
            return None
        found = self.regex.fullmatch(name)
        if found is None:
            return None
        return (*before, *zip(self.names, found.groups(), strict=True)) if self.names else before


class State(NamedTuple):
    """The progress of one glob in one folder."""

    glob: int
    position: int
    captures: Captures


class Globs:
    """Several globs matched at once, first one first; a walk keeps a list of states for each folder."""

    def __init__(self, texts: Iterable[str], flags: int = 0) -> None:
        self.texts = tuple(texts)
        self._parts = tuple(_compiled(parse_glob(nfc(text)), flags) for text in self.texts)

    def start(self) -> list[State]:
        """Return the states of the folder that the globs are relative to."""
        return self._closed(State(glob, 0, ()) for glob in range(len(self._parts)))

    def enter(self, states: Sequence[State], name: str, *, deep: bool = True) -> list[State]:
        """Return the states of the subfolder `name` (NFC); with `deep` false, ``**`` does not enter it."""
        return self._closed(self._steps(states, name, deep))

    def _steps(self, states: Sequence[State], name: str, deep: bool) -> Iterator[State]:
        for state in states:
            part = self._parts[state.glob][state.position]
            if part.regex is None:
                if deep and not name.startswith("."):
                    yield state
            elif state.position + 1 < len(self._parts[state.glob]):
                captures = part.match(name, state.captures)
                if captures is not None:
                    yield State(state.glob, state.position + 1, captures)

    def _closed(self, states: Iterable[State]) -> list[State]:
        """Return the states, each glob's position once, with those reached where ``**`` matches no folder.

        What has come further stands first, so that of several ways to match, the one wins whose
        leftmost ``**`` matches the fewest folders.
        """
        closed: dict[tuple[int, int], State] = {}
        for state in states:
            parts, reached = self._parts[state.glob], [state]
            while parts and parts[reached[0].position].regex is None and reached[0].position + 1 < len(parts):
                reached.insert(0, reached[0]._replace(position=reached[0].position + 1))
            for each in reached if parts else ():
                closed.setdefault((each.glob, each.position), each)
        return sorted(closed.values(), key=lambda state: state.glob)

    def finals(self, states: Sequence[State]) -> list[tuple[Part, State]]:
        """Return the components that a file in this folder can match."""
        found = []
        for state in states:
            parts = self._parts[state.glob]
            if state.position + 1 == len(parts):
                part = parts[-1]
                found.append((Part(_ANYTHING, (), False) if part.regex is None else part, state))
        return found

    def beginnings(self, states: Sequence[State]) -> list[str]:
        """Return what the names of files and folders begin with that can match in this folder."""
        return [self._parts[state.glob][state.position].beginning for state in states]

    def everything(self, states: Sequence[State]) -> bool:
        """Tell whether some glob ends in ``**`` here, so that all below matches (dotfiles aside)."""
        return any(
            state.position + 1 == len(self._parts[state.glob])
            and self._parts[state.glob][state.position].regex is None
            for state in states
        )

    def goes_deeper(self, states: Sequence[State]) -> bool:
        """Tell whether a file in some subfolder can match."""
        return any(
            state.position + 1 < len(self._parts[state.glob])
            or self._parts[state.glob][state.position].regex is None
            for state in states
        )

    def match(self, path: str) -> tuple[int, Captures] | None:
        """Return which glob matches a path (with /) first, and its captures; None where none does."""
        *folders, name = nfc(path).split("/")
        states = self.start()
        for folder in folders:
            states = self.enter(states, folder)
        for part, state in self.finals(states):
            captures = part.match(name, state.captures)
            if captures is not None:
                return state.glob, captures
        return None


def compiled(component: Component, flags: int = 0) -> re.Pattern[str] | LinearPattern:
    """Return the pattern for names of a component that is not ``**``."""
    assert component.regex is not None
    if is_safe(component.pieces):
        return re.compile(component.regex, flags)
    return LinearPattern(component.pieces, flags)


def _compiled(pattern: Pattern, flags: int) -> tuple[Part, ...]:
    parts = []
    for component in pattern.components:
        if component.regex is None:
            parts.append(Part(None, (), False))
        else:
            names = tuple(name for kind, name in component.pieces if kind not in ("one", "star"))
            found = _BEGINNING.match(component.text)
            beginning = found[0] if found and not flags else ""  # a flag may say that case does not count
            dotted = component.text.startswith(".")
            parts.append(Part(compiled(component, flags), names, dotted, beginning))
    return tuple(parts)

"""Match a path component with many stars or captures, in time bounded by its length and the name's.

`re` tries every way to divide a name among several stars, which takes exponential time for
``*a*a*a*a*a*b.png``. Here no place in the pattern is tried twice at one place of the name. What matches, and
what is captured, is what `re` finds: ``*`` and numbers take as much as they can, ``{name}`` as little.
Names that cannot match whatever a capture holds are told by `re`, which is some hundred times as quick.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ...schemas.language.patterns import KINDS, Piece

_State = tuple[int, int]
"""A step of the pattern, and a place in the name."""
_FEW = 2
"""The most stars and captures that `re` may match without harm."""


def is_safe(pieces: Sequence[Piece]) -> bool:
    """Tell whether a component has so few stars and captures that `re` may match it."""
    return sum(kind != "one" for kind, _ in pieces) <= _FEW


class LinearMatch:
    """The captures of a whole name, with the interface of a match of `re`."""

    def __init__(self, captured: tuple[str, ...]) -> None:
        self._captured = captured

    def groups(self) -> tuple[str, ...]:
        return self._captured


class LinearPattern:
    """One component, ready to match whole names, with the interface of a pattern of `re`."""

    def __init__(self, pieces: Sequence[Piece], flags: int = 0) -> None:
        self._possible = _with_stars(pieces, flags)
        self._steps: list[tuple[str, re.Pattern[str] | None]] = []
        self._captures: list[tuple[int, int]] = []
        """The step at which each capture begins, and the one after its end."""
        for kind, text in pieces:
            start = len(self._steps)
            if kind == "one":
                self._steps.append(("one", re.compile(text, flags | re.DOTALL)))
            elif kind == "star":
                self._steps.append(("most", None))
            elif kind == "":
                self._steps += [("one", re.compile("[^/]")), ("least", None)]
            else:
                self._steps.append(("number", re.compile(KINDS[kind])))
            if kind not in ("one", "star"):
                self._captures.append((start, len(self._steps)))

    def fullmatch(self, name: str) -> LinearMatch | None:
        """Return the match of a whole name; None where it does not match."""
        if not self._possible.fullmatch(name):
            return None
        if not self._captures:
            return LinearMatch(())
        goal = (len(self._steps), len(name))
        path: list[tuple[_State, Iterator[_State]]] = [((0, 0), self._next(0, 0, name))]
        seen = {(0, 0)}
        while path:
            if path[-1][0] == goal:
                return LinearMatch(self._captured([state for state, _ in path], name))
            state = next(path[-1][1], None)
            if state is None:
                path.pop()
            elif state not in seen:
                seen.add(state)
                path.append((state, self._next(*state, name)))
        return None

    def _next(self, step: int, at: int, name: str) -> Iterator[_State]:
        """Yield the states that a match can reach next, in the order in which `re` tries them."""
        if step == len(self._steps):
            return
        kind, regex = self._steps[step]
        if kind == "most":
            if at < len(name):
                yield step, at + 1
            yield step + 1, at
        elif kind == "least":
            yield step + 1, at
            if at < len(name) and name[at] != "/":
                yield step, at + 1
        elif kind == "one":
            if regex is not None and regex.match(name, at, at + 1):
                yield step + 1, at + 1
        elif regex is not None and (longest := regex.match(name, at)):
            for end in range(longest.end(), at, -1):
                if regex.fullmatch(name, at, end):
                    yield step + 1, end

    def _captured(self, states: Sequence[_State], name: str) -> tuple[str, ...]:
        first = dict(reversed(states))  # for each step the place at which it is first reached
        return tuple(name[first[start] : first[end]] for start, end in self._captures)


def _with_stars(pieces: Sequence[Piece], flags: int) -> re.Pattern[str]:
    """Return the pattern with a star for each capture; `re` takes time in proportion to it and the name.

    What stands between two stars is put where it is found first, and stays there: the rest of the name is
    longest then, so that no other place need be tried.
    """
    between = [""]
    for kind, text in pieces:
        if kind == "one":
            between[-1] += text
        else:
            between.append("")
    first, *inner = between
    last = f"[^/]*{inner.pop()}" if inner else ""
    places = "".join(f"(?>[^/]*?{texts})" for texts in inner if texts)
    return re.compile(f"{first}{places}{last}", flags | re.DOTALL)

"""Answer "did you mean": find the known name that is most like what somebody wrote.

Likeness is difflib's ratio: twice the letters in common, over the letters of both. A recipe may hold 20,000
wrong names and the DICOM dictionary 5,000 right ones, and comparing each with each takes minutes. So names
are indexed once by their pairs of letters; a lookup counts the pairs in common, the rarest pairs first and at
most `_MOST_COUNTED` of them, and compares in full only the `_MOST_COMPARED` names that share most. A lookup
is thus bounded whatever the number of names, and `at_most` bounds the lookups.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from difflib import SequenceMatcher
from functools import lru_cache

LIKENESS = 2 / 3
"""The least likeness of a name that may be meant: one wrong letter in three, as in `dip` for `dpi`."""

_LONGEST = 80
"""The most letters that are compared; the rest of longer text does not count."""
_MOST_COUNTED = 4_000
_MOST_COMPARED = 8
_LESS_IN_COMMON = 2
"""How many pairs fewer than the best one a name may share and still be compared: lengths differ."""
_left: ContextVar[list[int] | None] = ContextVar("_left", default=None)
"""How many more names may be looked up; None: any number."""


@contextmanager
def at_most(suggestions: int) -> Iterator[None]:
    """Look up no more names than this within the block; after that none is like any other."""
    token = _left.set([suggestions])
    try:
        yield
    finally:
        _left.reset(token)


def did_you_mean(text: str, names: Iterable[str], otherwise: str = "") -> str:
    """Return ``did you mean 'x'?``, or `otherwise` where no name is like `text`."""
    found = nearest(text, names)
    return otherwise if found is None else f"did you mean '{found}'?"


def suggestion(text: str, names: Iterable[str]) -> str:
    """Return ``; did you mean 'x'?`` to follow a sentence; empty where no name is like `text`."""
    hint = did_you_mean(text, names)
    return f"; {hint}" if hint else ""


def nearest(text: str, names: Iterable[str]) -> str | None:
    """Return the name that is most like `text`, ignoring case; None where none is like it."""
    left = _left.get()
    if left is not None:
        if left[0] <= 0:
            return None
        left[0] -= 1
    return _indexed(tuple(names)).nearest(text[:_LONGEST].lower())


class _Index:
    """Known names by the pairs of letters in them."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = {name[:_LONGEST].lower(): name for name in sorted(names, reverse=True)}
        self._folded = tuple(self._names)
        self._holding: dict[str, list[int]] = {}
        for number, folded in enumerate(self._folded):
            for pair in _pairs(folded):
                self._holding.setdefault(pair, []).append(number)

    def nearest(self, wanted: str) -> str | None:
        """Return the name that is most like a text in lower case; None where none is like it."""
        if wanted in self._names:
            return self._names[wanted]
        matcher = SequenceMatcher(b=wanted, autojunk=False)
        likest, found = (LIKENESS, 0.0), None
        for folded in self._similar(wanted):
            matcher.set_seq1(folded)
            if matcher.real_quick_ratio() < likest[0]:
                continue
            likeness = (matcher.ratio(), matcher.quick_ratio())  # the same letters in another order: pgn, png
            if likeness > likest:
                likest, found = likeness, folded
        return None if found is None else self._names[found]

    def _similar(self, wanted: str) -> list[str]:
        """Return the names that share most pairs of letters with a text, the most similar first."""
        holding = sorted(
            (self._holding[pair] for pair in _pairs(wanted) if pair in self._holding),
            key=lambda numbers: (len(numbers), numbers),
        )
        shared: Counter[int] = Counter()
        left = _MOST_COUNTED
        for numbers in holding:
            shared.update(numbers[:left])
            left -= len(numbers)
            if left <= 0:
                break
        enough = max(shared.values(), default=0) - _LESS_IN_COMMON
        near = [(count, self._folded[number]) for number, count in shared.items() if count >= enough]
        near.sort(key=lambda each: (-each[0] / (len(each[1]) + len(wanted)), each[1]))
        return [folded for _, folded in near[:_MOST_COMPARED]]


def _pairs(folded: str) -> set[str]:
    """Return the pairs of neighbouring letters of a name, and its first and last letter with the edge."""
    edged = f" {folded} "
    return {edged[at : at + 2] for at in range(len(edged) - 1)}


_indexed = lru_cache(maxsize=8)(_Index)

"""Globs with captures: ``film/g{gantry:d}_*.tif``.

`Pattern` is the parsed text. A capture matches one stretch of a path component, ``**`` any number of
components, ``*`` and ``?`` within one. Matching itself is in the pipeline.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from msgspec import Struct

from .template import BUILT_IN, NAMESPACES

_CAPTURE = re.compile(r"\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::(?P<kind>[^{}]*))?\}")
KINDS = {"": r"[^/]+?", "d": r"[+-]?[0-9]+", "f": r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)"}


Piece = tuple[str, str]
"""A part of a component: ``one`` and the regex of one character, ``star``, or a capture's kind and name."""


class PatternError(ValueError):
    """The text is not a glob; the message is the reason."""


class Component(Struct, frozen=True):
    """One path component of a glob. `regex` is None for ``**``; `literal` is set where nothing varies."""

    text: str
    regex: str | None
    literal: str | None
    pieces: tuple[Piece, ...] = ()


class Pattern(Struct, frozen=True):
    """A glob, component by component, with its captures' kinds (``""`` text, ``d`` whole number, ``f``)."""

    text: str
    components: tuple[Component, ...]
    captures: tuple[tuple[str, str], ...]


@lru_cache(maxsize=1024)
def parse_glob(text: str) -> Pattern:
    """Parse a glob.

    Raises:
        PatternError: empty, absolute or climbing paths, a malformed or repeated capture, a capture with
            the name of a built-in template name.
    """
    normal = text.replace("\\", "/")
    if not normal.strip():
        raise PatternError("is empty")
    if "://" in normal:
        scheme = normal.partition("://")[0]
        raise PatternError(f"must be relative to the data folder; name that with --data {scheme}://...")
    if normal.startswith(("/", "~/")) or re.match(r"[A-Za-z]:", normal):
        raise PatternError("must be relative to the recipe's folder; --data moves that folder")
    captures: dict[str, str] = {}
    parts = [part for part in normal.split("/") if part not in ("", ".")]
    return Pattern(text, tuple(_component(part, captures) for part in parts), tuple(captures.items()))


def _component(part: str, captures: dict[str, str]) -> Component:
    if part == "..":
        raise PatternError("must not climb out of its folder with '..'; --data moves that folder")
    if part == "**":
        return Component(part, None, None)
    if "**" in part:
        raise PatternError("'**' stands alone between slashes")
    regex, at = "", 0
    pieces: list[Piece] = []
    while at < len(part):
        matched = _CAPTURE.match(part, at)
        if matched:
            regex += _capture(matched, captures)
            pieces.append((matched["kind"] or "", matched["name"]))
            at = matched.end()
            continue
        char = part[at]
        if char in "{}":
            what = f"'{char}' at '{part[at:]}' begins no capture such as {{name}} or {{name:d}}"
            if re.match(r"\{[^{}]*,[^{}]*\}", part[at:]):
                what += "; for one or the other write a list of globs"
            raise PatternError(what)
        if char == "[":
            piece, at = _bracket(part, at)
            regex += piece
            pieces.append(("one", piece))
            continue
        piece = {"*": "[^/]*", "?": "[^/]"}.get(char, re.escape(char))
        regex += piece
        pieces.append(("star", "") if char == "*" else ("one", piece))
        at += 1
    varies = any(char in part for char in "*?[{")
    return Component(part, regex, None if varies else part, tuple(pieces))


def _capture(matched: re.Match[str], captures: dict[str, str]) -> str:
    name, kind = matched["name"], matched["kind"] or ""
    if kind not in KINDS:
        raise PatternError(f"'{matched[0]}': a capture is {{name}}, {{name:d}} or {{name:f}}")
    if name in BUILT_IN or name in NAMESPACES:
        raise PatternError(f"the capture '{{{name}}}' takes the name of a built-in one; choose another name")
    if name in captures:
        raise PatternError(f"the capture '{{{name}}}' stands twice")
    captures[name] = kind
    return f"(?P<{name}>{KINDS[kind]})"


def _bracket(part: str, at: int) -> tuple[str, int]:
    end = part.find("]", at + 2)
    if end < 0:
        raise PatternError(f"'[' at '{part[at:]}' has no ']'")
    inside = part[at + 1 : end]
    negated = inside.startswith(("!", "^"))
    inside = re.sub(r"[\\\[\]&~|^]|-(?=-)", lambda found: f"\\{found[0]}", inside[negated:])
    regex = f"[{'^' if negated else ''}{inside}]"
    try:
        re.compile(regex)
    except re.error:
        raise PatternError(f"'{part[at : end + 1]}' is no set of characters such as [0-9]") from None
    return regex, end + 1


def captures_of(globs: Any) -> dict[str, str]:
    """Return names and kinds of every capture in some globs."""
    return {name: kind for glob in globs for name, kind in parse_glob(glob).captures}

"""Find the commonest slips where a text is not YAML, and say what to change.

PyYAML reports what its grammar expected at the place where it gave up, often lines after the slip. Here the
lines around that place are searched for what people write: a colon without a blank, a quote that is not
closed, a line that is indented by one blank less than its neighbours.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

BREAK = re.compile(r"\r\n|[\r\n\x85\u2028\u2029]")
"""Ends of lines for PyYAML."""
CURLY = "\u201c\u201d\u201e\u2018\u2019\u201a\u00ab\u00bb"
"""Quotes that word processors write; to YAML they are letters."""

_KEY = r"[A-Za-z_][A-Za-z0-9_.\-]*"
_NO_BLANK = rf"^(?P<before>\s*(?:-\s+)?{_KEY}):(?=[^\s:])"
_NO_COLON = rf"^(?P<before>\s*(?:-\s+)?(?P<key>{_KEY})) +(?=[\[{{\"'])"
_EQUALS = rf"^(?P<before>\s*(?:-\s+)?(?P<key>{_KEY}))\s*=\s"
_ODD = rf"^[ ]*(?:-[ ]+)?(?:{_KEY}:?)?(?P<odd>[\u00a0\u2002\u2003\u2007\u202f\u3000\uff1a])"
"""A blank or a colon that is none to YAML, where one belongs: copied from a web page, or typed in Chinese."""
_HOLDS = rf"^\s*(?:-\s+)?{_KEY}:\s+[^\s#|>&{{\[].*$"
"""A key with a value in its line, below which nothing can stand."""
_NEEDS_QUOTES = "text that begins with '{char}' needs quotes"
_FAR = 60
"""Number of lines before the place where the parser gave up that are searched."""


class Slip(Struct, frozen=True):
    """A mistake and its place; lines and columns count from 1."""

    line: int
    column: int
    what: str


class _Place(Struct, frozen=True):
    """The place where the parser gave up, from 0, and what it was reading (`context`) since where."""

    lines: Sequence[str]
    line: int
    column: int
    context: str
    since: tuple[int, int] | None

    @property
    def text(self) -> str:
        return self.lines[self.line] if self.line < len(self.lines) else ""

    @property
    def before(self) -> str:
        return self.text[: self.column]

    @property
    def char(self) -> str:
        return self.text[self.column : self.column + 1]

    def own(self, what: str) -> Slip:
        """Return a slip at the very place."""
        return Slip(self.line + 1, self.column + 1, what)

    def above(self) -> range:
        """Return the place's own line and those before it, upwards."""
        return range(min(self.line, len(self.lines) - 1), max(-1, self.line - _FAR), -1)


def slip_of(text: str, error: Any) -> Slip | None:
    """Return what was probably meant, or None; `error` is PyYAML's, with a mark."""
    mark, since = error.problem_mark, getattr(error, "context_mark", None)
    lines = BREAK.split(text)
    context = str(getattr(error, "context", None) or "")
    place = _Place(lines, mark.line, mark.column, context, (since.line, since.column) if since else None)
    return next((slip for look_for in _SLIPS if (slip := look_for(place)) is not None), None)


def _tab(place: _Place) -> Slip | None:
    indent = place.text[: len(place.text) - len(place.text.lstrip())]
    if place.char == "\t" or (not place.before.strip() and "\t" in indent):
        return place.own("a tab stands here; indent with blanks, not with tabs")
    return None


def _backslash(place: _Place) -> Slip | None:
    if place.before.endswith("\\"):
        what = "in double quotes a backslash begins an escape; write paths with /, or use single quotes"
        return Slip(place.line + 1, place.column, what)
    return None


def _begins_with_a_sign(place: _Place) -> Slip | None:
    if place.text.startswith("%"):
        return Slip(place.line + 1, 1, _NEEDS_QUOTES.format(char="%"))
    if place.char and (place.char in "@`" or (place.char == "%" and place.before.strip())):
        return place.own(_NEEDS_QUOTES.format(char=place.char))
    if place.char == "*" or place.before.endswith("*"):
        return place.own(_NEEDS_QUOTES.format(char="*"))
    return None


def _open_quote(place: _Place) -> Slip | None:
    """Find a line above with an odd number of double quotes: its text ended at the next quote."""
    for index in place.above():
        bare = re.sub(r"\\.|'[^'\"]*'", "", place.lines[index].split(" #")[0])
        if bare.count('"') % 2 and index != place.line:
            return Slip(index + 1, place.lines[index].rindex('"') + 1, "this quote is not closed in its line")
    return None


def _odd_character(place: _Place) -> Slip | None:
    for index in list(place.above())[:3]:
        found = re.match(_ODD, place.lines[index])
        if found is None:
            continue
        at = found.start("odd") + 1
        if found["odd"] == "\uff1a":
            return Slip(index + 1, at, "this colon is a full-width one; write ':' and a blank")
        return Slip(index + 1, at, "this is no plain blank but a no-break or wide one; type a plain one")
    return None


def _no_blank_after_a_dash(place: _Place) -> Slip | None:
    found = re.match(r"^(?P<indent>\s*)-(?=[A-Za-z{\[\"'])", place.text)
    if found is None or "flow" in place.context:
        return None
    above = next((place.lines[at] for at in place.above()[1:] if place.lines[at].strip()), "")
    if not above.rstrip().endswith(":") and not above.startswith(f"{found['indent']}- "):
        return None  # it goes on with the text above
    return Slip(place.line + 1, found.end() + 1, "a blank is missing after '-'")


def _without_colon(place: _Place) -> Slip | None:
    """Find what the parser took for a key until it came to another line: ``source = image``."""
    if place.since is None or "simple key" not in place.context:
        return None
    line = place.since[0]
    text = place.lines[line]
    if found := re.match(_EQUALS, text):
        what = f"a colon stands between a key and its value, not '=': {found['key']}: ..."
        return Slip(line + 1, text.index("=") + 1, what)
    key = re.match(rf"\s*(?:-\s+)?(?P<key>{_KEY})(?P<more>\s|$)", text)
    if key and ":" not in text:
        return Slip(line + 1, key.end("key") + 1, f"a colon is missing after '{key['key']}'")
    return None


def _deeper(place: _Place) -> Slip | None:
    """Return a key that is indented below a line that holds a value already."""
    if place.char != ":" or not re.fullmatch(rf"\s*(?:-\s+)?{_KEY}", place.before):
        return None
    for index in place.above():
        other = place.lines[index]
        if index == place.line or not other.strip() or other.lstrip().startswith("#"):
            continue
        own, indent = _indent_of(place.text), _indent_of(other)
        if own > indent and re.fullmatch(rf"\s*(?:-\s+)?{_KEY}\s*", other):
            return Slip(index + 1, len(other.rstrip()) + 1, f"a colon is missing after '{other.split()[-1]}'")
        if own > indent and re.match(_HOLDS, other):
            what = f"is indented by {_blanks(own)}, the key above by {indent}; align the keys"
            return Slip(place.line + 1, own + 1, what)
        return None
    return None


def _indent_of(text: str) -> int:
    """Return where the key of a line begins; that of a list's item behind its ``- ``."""
    return len(text) - len(text.lstrip(" ").removeprefix("- ").lstrip(" "))


def _no_blank(place: _Place) -> Slip | None:
    for index in place.above():
        found = re.match(_NO_BLANK, place.lines[index])
        if found:
            key = found["before"].strip().removeprefix("-").strip()
            return Slip(index + 1, found.end() + 1, f"a blank is missing after '{key}:'")
        if index < place.line and place.lines[index].strip():
            return None
    return None


def _no_colon(place: _Place) -> Slip | None:
    for index in (place.line, place.line - 1):
        found = re.match(_NO_COLON, place.lines[index]) if 0 <= index < len(place.lines) else None
        if found:
            column = len(found["before"]) + 1
            return Slip(index + 1, column, f"a colon is missing after '{found['key']}'")
    return None


def _braces(place: _Place) -> Slip | None:
    if place.since is None or "flow" not in place.context:
        return None
    line, column = place.since
    if place.lines[line][column : column + 1] not in ("{", "["):  # the parser names the place after it
        column = max(place.lines[line].rfind(sign, 0, column + 1) for sign in "{[")
    opened = place.lines[line][column] if column >= 0 else "{"
    closing = {"{": "}", "[": "]"}[opened]
    if line != place.line or not place.char:
        what = f"this '{opened}' is not closed; a '{closing}' is missing"
        if " #" in place.lines[line][column:]:
            what = f"this '{opened}' is not closed: ' #' begins a comment; text that holds it needs quotes"
        return Slip(line + 1, column + 1, what)
    if place.char == "{" or re.search(r"(?:[:,\[]|^\s*-)\s+\{[^{}:,]*(?::[^{}\s]*)?\}\s*$", place.before):
        return place.own('text with a template in it needs quotes, as in "dicom/{stem}.dcm"')
    if place.char == "," and place.before.rstrip().endswith((",", opened)):
        return place.own("a value is missing before this comma")
    if place.char in "}]" and place.char != closing:
        return place.own(f"a '{closing}' is missing before this '{place.char}'")
    if place.char == ":":
        return place.own("a comma is missing before this value, or text that holds ': ' needs quotes")
    return place.own("a comma is missing before this, or the text needs quotes")


def _template(place: _Place) -> Slip | None:
    if re.search(r"(?:[:,\[]|^\s*-)\s+\{[^{}:,]*(?::[^{}\s]*)?\}\s*$", place.before):
        return place.own(_NEEDS_QUOTES.format(char="{"))
    return None


def _colon_in_text(place: _Place) -> Slip | None:
    if re.search(r"[^'\"]*: .*:\s", f"{place.before}{place.char or ' '} "):
        return place.own("text that holds ': ' needs quotes")
    return None


def _indent(place: _Place) -> Slip | None:
    """Find a key or an item whose indent is none of those of the lines around it."""
    own = len(place.text) - len(place.text.lstrip(" "))
    if not place.text.strip() or place.before.strip():
        return None
    for index in place.above():
        other = place.lines[index]
        if index < place.line and other.strip() and not other.lstrip().startswith("#"):
            indent = len(other) - len(other.lstrip(" "))
            if other.lstrip().startswith("-") != place.text.lstrip().startswith("-") and indent == own:
                return place.own("a list item ('- ') and a key cannot stand side by side")
            if indent != own:
                if not place.text.lstrip().startswith("-"):
                    indent = _indent_of(other)
                return place.own(f"is indented by {_blanks(own)}, the key above by {indent}; align the keys")
            return None
    return None


def _blanks(number: int) -> str:
    return "1 blank" if number == 1 else f"{number} blanks"


_SLIPS: tuple[Callable[[_Place], Slip | None], ...] = (
    _tab, _backslash, _begins_with_a_sign, _odd_character, _no_blank_after_a_dash, _deeper, _without_colon,
    _no_colon, _no_blank, _template, _braces, _open_quote, _colon_in_text, _indent,
)  # fmt: skip
"""The order in which they are tried: the surer first."""

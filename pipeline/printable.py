"""Make text from elsewhere safe to print.

Names of files, values of tags, properties, cells and messages of libraries on damaged files may hold escape
sequences that a terminal obeys, line breaks that fake a line of ours, marks that turn the reading direction
around, and commands that a CI service obeys: GitHub's ``::error::`` at the start of a line (which may begin
anywhere in a text, where a table folds it) and ``##[error]`` anywhere.
"""

from __future__ import annotations

import re

LINE = 20_000
"""The most characters of one printed line."""

_COMMAND = re.compile(r"::|##\[")
_QUOTED = re.compile(r"(?<!\w)b?'.*'|(?<!\w)b?\".*\"|(?<=: )b?['\"].*", re.DOTALL)
"""From the first mark of quotation to the last: a value may hold some."""


def printable(text: str, limit: int = LINE) -> str:
    """Return the text as one line that neither a terminal nor a CI service obeys.

    What is no printable character is written as Python escapes it (``\\x1b``, ``\\n``, ``\\u202e``, and
    ``\\udcff`` for a byte of a file's name that is no text); the middle of a long text is cut out.
    """
    if len(text) > limit:
        half = (limit - 3) // 2
        text = f"{text[:half]}...{text[-half:]}"
    if not text.isprintable():
        text = "".join(char if char.isprintable() else _escaped(char) for char in text)
    return _COMMAND.sub(lambda found: found[0][:-1] + _hexadecimal(found[0][-1]), text)


def without_values(text: str) -> str:
    """Return a library's message on a file's elements without what it quotes: a value may name a patient."""
    return _QUOTED.sub("...", " ".join(text.split()))


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")


def _hexadecimal(char: str) -> str:
    return f"\\x{ord(char):02x}"

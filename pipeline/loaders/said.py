"""What a library says of bytes that it cannot read; Python's own texts say nothing to who has the file."""

from __future__ import annotations

import re

_LONGEST = 200
_OF_PYTHON = (
    TypeError, AttributeError, LookupError, ArithmeticError, AssertionError, UnicodeError, RecursionError,
    MemoryError, EOFError, BufferError,
)  # fmt: skip
_TEXTS = re.compile(
    r"invalid literal|could not convert|buffer|cannot reshape|not enough values|too many values|unpack|"
    r"bytes?\b|embedded null|negative|zero-size|operands|array|substring|'|object of type"
)
"""How Python's and numpy's own texts of a ValueError begin."""


def said_by(error: Exception, otherwise: str) -> str:
    """The library's own sentence in one line, or `otherwise` where it is Python that speaks."""
    text = " ".join(str(error).split())
    plain = type(error).__module__ in ("builtins", "struct", "_struct")
    if not text or isinstance(error, _OF_PYTHON) or (plain and _TEXTS.match(text)):
        return otherwise
    if type(error).__module__ in ("struct", "_struct"):
        return otherwise
    return text[:_LONGEST]

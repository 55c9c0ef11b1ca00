"""Turn a library's exception on bytes that it cannot read into text for users.

Python's own messages (of a failed unpacking, say) mean nothing to who has the file.
"""

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
"""The beginnings of Python's and numpy's own messages of a ValueError."""
_OF_CODE = re.compile(
    r"\w[.]\w+[.(]|[A-Za-z]\w*[.][A-Z]\w*_\w|\b(?!YBR_)[A-Z]+_[A-Z_]+\b|'\w+' object|\bNone\b"
)
"""Names of a library's own code, which say as little; colour models have such names, too, and are told."""


def said_by(error: Exception, otherwise: str) -> str:
    """Return the library's own message in one line, or `otherwise` where it is one of Python's."""
    text = " ".join(str(error).split())
    plain = type(error).__module__ in ("builtins", "struct", "_struct")
    if not text or isinstance(error, _OF_PYTHON) or (plain and _TEXTS.match(text)) or _OF_CODE.search(text):
        return otherwise
    if type(error).__module__ in ("struct", "_struct"):
        return otherwise
    return text[:_LONGEST]

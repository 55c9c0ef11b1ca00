"""How the small languages inside a recipe report to Pydantic."""

from __future__ import annotations

from collections.abc import Callable

from pydantic_core import PydanticCustomError


def parsable(text: str, *, parse: Callable[[str], object], kind: str) -> str:
    """Return the text, where `parse` takes it.

    Raises: PydanticCustomError of this kind, in the parser's words.
    """
    try:
        parse(text)
    except ValueError as error:
        raise PydanticCustomError(kind, "{reason}", {"reason": str(error)}) from None
    return text

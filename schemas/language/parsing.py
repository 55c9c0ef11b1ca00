"""Report mistakes in the small languages inside a recipe to Pydantic."""

from __future__ import annotations

from collections.abc import Callable

from pydantic_core import PydanticCustomError


def parsable(text: str, *, parse: Callable[[str], object], kind: str) -> str:
    """Return the text, if `parse` accepts it.

    Raises: PydanticCustomError of this kind, with the parser's message.
    """
    try:
        parse(text)
    except ValueError as error:
        raise PydanticCustomError(kind, "{reason}", {"reason": str(error)}) from None
    return text

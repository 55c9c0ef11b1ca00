"""What `where` says of one property of a file: text with ``*`` and ``?``, several texts, a range, or nothing.

A condition is kept as plain data, ``(kind, ...)``, so that it travels and is hashed as it is written.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct
from pydantic_core import PydanticCustomError

from .numbers import NUMBER


class Condition(Struct, frozen=True):
    """One of `texts` (None: the property is absent), or a number from `least` to `most`."""

    texts: tuple[str | None, ...] = ()
    least: float | None = None
    most: float | None = None

    def holds(self, value: Any) -> bool:
        """Tell whether a property's value is meant; None: the file does not have it."""
        if value is None:
            return None in self.texts
        parts = list(value) if isinstance(value, Sequence) and not isinstance(value, str | bytes) else [value]
        if not self.texts:
            return bool(parts) and all(self._within(part) for part in parts)
        shown = [str(part) for part in parts]
        if len(parts) > 1:
            shown.append("\\".join(shown))
        return any(_alike(text, each) for text in self.texts if text is not None for each in shown)

    def _within(self, value: Any) -> bool:
        number = _number(value)
        if number is None:
            return False
        return (self.least is None or number >= self.least) and (self.most is None or number <= self.most)


def _number(value: Any) -> float | None:
    text = str(value).strip()
    if not NUMBER.fullmatch(text):
        return None
    number = float(text)
    return number if math.isfinite(number) else None


def _alike(text: str, value: str) -> bool:
    """Compare as numbers where both are written as such (``90`` is ``90.0``), else as text with wildcards."""
    if "*" in text or "?" in text:
        pattern = re.escape(text).replace(r"\*", ".*").replace(r"\?", ".")
        return re.fullmatch(pattern, value, re.DOTALL) is not None
    if text == value:
        return True
    one, other = _number(text), _number(value)
    plain = not re.match(r"[+-]?0\d", text.strip())  # 007 is no number but a name
    return plain and one is not None and one == other


def parse_condition(value: Any) -> Condition:
    """Return what a recipe says as a `Condition`. Raises: PydanticCustomError."""
    if isinstance(value, Condition):
        return value
    if isinstance(value, Mapping):
        return _range(value)
    texts = list(value) if isinstance(value, list | tuple) else [value]
    if not texts or any(isinstance(text, list | tuple | Mapping) for text in texts):
        raise PydanticCustomError(
            "condition", "must be text (with * and ?), a list of texts, {{min, max}}, or null for absent"
        )
    return Condition(tuple(None if text is None else str(text) for text in texts))


def _range(value: Mapping[str, Any]) -> Condition:
    if not value or not set(value) <= {"min", "max"}:
        raise PydanticCustomError("condition", "a range is {{min: 89, max: 91}}, or one of the two")
    numbers = {key: _number(number) for key, number in value.items()}
    if None in numbers.values():
        raise PydanticCustomError("condition", "'min' and 'max' must be numbers")
    least, most = numbers.get("min"), numbers.get("max")
    if least is not None and most is not None and least > most:
        raise PydanticCustomError("condition", "'min' is more than 'max'")
    return Condition(least=least, most=most)


def as_written(condition: Condition) -> Any:
    """Return a condition as plain data, as a recipe writes it."""
    if condition.texts:
        return condition.texts[0] if len(condition.texts) == 1 else list(condition.texts)
    pairs = (("min", condition.least), ("max", condition.most))
    return {key: number for key, number in pairs if number is not None}

"""What `deidentify` of a conversion says, lowered for workers; the key is one that was derived already."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from .keys import Key

Dates = Literal["remove", "shift", "shift_weeks", "keep"]


class Settings(Struct, frozen=True):
    """How a conversion is de-identified."""

    key: Key
    options: frozenset[str] = frozenset()
    dates: Dates = "remove"
    times: Literal["keep", "remove"] = "keep"
    burned_in: Literal["accept"] | None = None

    def retains(self, option: str) -> bool:
        return option in self.options

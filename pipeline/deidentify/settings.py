"""What `deidentify` of a conversion says, lowered for workers; the key is one that was derived already."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .keys import Key

Dates = Literal["remove", "shift", "shift_weeks", "keep"]


@dataclass(frozen=True, slots=True)
class Settings:
    """How a conversion is de-identified."""

    key: Key
    options: frozenset[str] = frozenset()
    dates: Dates = "remove"
    times: Literal["keep", "remove"] = "keep"
    burned_in: Literal["accept"] | None = None

    def retains(self, option: str) -> bool:
        return option in self.options

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

    def days(self, patient: str) -> int:
        """Return by how many days the dates of a patient go back; 0 where they are not moved."""
        if self.dates not in ("shift", "shift_weeks"):
            return 0
        return self.key.days(patient, weeks=self.dates == "shift_weeks")

    def retains(self, option: str) -> bool:
        return option in self.options

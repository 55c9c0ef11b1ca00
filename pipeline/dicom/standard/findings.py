"""The findings of a check: attribute, module and type, what is wrong, and how a recipe corrects it."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct
from pydicom.datadict import tag_for_keyword
from pydicom.tag import Tag

Severity = Literal["error", "warning"]


class Finding(Struct, frozen=True):
    """One deviation from the standard; without a value that might name somebody."""

    attribute: str
    """The name in a recipe, such as ``PatientID``, ``ExposureSequence[0].NumberOfBlocks``, ``(0009,1010)``.
    """
    what: str
    module: str = ""
    type: str = ""
    supply: str = ""
    """How a recipe supplies or corrects it; empty where it cannot."""
    severity: Severity = "error"

    @property
    def tag(self) -> str:
        """The number of the attribute, ``(0010,0020)``; empty for what has none."""
        found = tag_for_keyword(self.attribute.rpartition(".")[2].partition("[")[0])
        return "" if found is None else f"({Tag(found).group:04x},{Tag(found).element:04x})"

    def __str__(self) -> str:
        place = " ".join(part for part in (self.attribute, self.tag) if part)
        kind = f" ({self.required})" if self.required else ""
        return f"{place}: {self.what}{kind}{f'; {self.supply}' if self.supply else ''}"

    @property
    def required(self) -> str:
        """The requirement, as far as it is known: ``Type 2, module Patient``."""
        type_, module = self.type and f"Type {self.type}", self.module and f"module {self.module}"
        return ", ".join(part for part in (type_, module) if part)

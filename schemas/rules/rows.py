"""What the rules have to know of formats and targets.

The rows in the registries of loaders and exporters have it, and are passed in, since schemas import nothing
of the pipeline.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Protocol

from msgspec import Struct


class FormatRow(Protocol):
    """Of a source format."""

    @property
    def holds(self) -> Literal["image", "pages", "slices", "object"]:
        """What one source gives."""

    @property
    def series(self) -> bool:
        """Whether several files are one source."""

    @property
    def dicom(self) -> Literal["always", "perhaps", "never"]:
        """Whether its files are DICOM."""


class TargetRow(Protocol):
    """Of an export target."""

    @property
    def made_of(self) -> Literal["image", "slices", "dicom"]:
        """What its source must give."""


class Rows(Struct, frozen=True):
    """Every format and every target, by name."""

    formats: Mapping[str, FormatRow]
    targets: Mapping[str, TargetRow]

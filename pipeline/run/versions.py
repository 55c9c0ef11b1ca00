"""Find which installed distributions can change a byte of an output, and their versions."""

from __future__ import annotations

from collections.abc import Iterable

from ...schemas.exports import DicomExportBase
from ...schemas.recipe import Conversion, Recipe
from ..dicom.encode.syntaxes import syntax_of
from ..exporters.registry import TARGETS
from ..loaders.registry import FORMATS
from ..version import installed

_OF_SCIPY = ("filter", "rotate")
"""Operations that scipy computes."""


def codecs_of(conversion: Conversion) -> dict[str, str]:
    """Return the versions of the distributions that read, compute or write in this conversion."""
    return _versions(names_of(conversion))


def names_of(conversion: Conversion) -> set[str]:
    """Return the distributions that can change a byte of this conversion's outputs, installed or not."""
    names = set(FORMATS[conversion.source.format].codecs)
    if conversion.combine or conversion.process:
        names.add("numpy")
    if any(operation.op in _OF_SCIPY for operation in conversion.process):
        names.add("scipy")
    for export in conversion.exports:
        names.update(TARGETS[export.to].codecs)
        if isinstance(export, DicomExportBase):
            names.update(syntax_of(export.transfer_syntax).codecs)
    return names


def codecs(recipe: Recipe) -> dict[str, str]:
    """Return the versions of the distributions that any conversion uses, sorted by name."""
    found: dict[str, str] = {}
    for conversion in recipe.conversions.values():
        found |= codecs_of(conversion)
    return dict(sorted(found.items()))


def _versions(names: Iterable[str]) -> dict[str, str]:
    return {name: found for name in sorted(names) if (found := installed(name)) is not None}

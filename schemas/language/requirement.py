"""Read which versions of the program a recipe requires: version specifiers as for Python packages."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from packaging.specifiers import SpecifierSet

MAX_REQUIREMENT = 100
"""The most characters; numbers without end cannot be compared."""


def parse_requirement(text: str) -> SpecifierSet:
    """Return bounds such as ``>=0.3,<2`` (packaging.python.org, "Version specifiers").

    Raises:
        ValueError: no such bounds, or longer than `MAX_REQUIREMENT`.
    """
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    if len(text) > MAX_REQUIREMENT:
        raise ValueError(f"must be at most {MAX_REQUIREMENT} characters, as in '>=0.3' or '>=0.3,<2'")
    if not all(part.strip() for part in text.split(",")):
        raise ValueError("must be like '>=0.3' or '>=0.3,<2'")
    try:
        return SpecifierSet(text)
    except InvalidSpecifier:
        raise ValueError("must be like '>=0.3' or '>=0.3,<2'") from None


def meets(installed: str, requirement: SpecifierSet) -> bool:
    """Tell whether a version is within bounds; ``1.0rc1`` comes before ``1.0``, and may be meant itself."""
    return requirement.contains(installed, prereleases=True)

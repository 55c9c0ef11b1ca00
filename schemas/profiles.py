"""Profiles: what stands under everything that a recipe says of a conversion, by name or by file."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from .base import Text
from .language.suggest import did_you_mean

PROFILES: dict[str, str] = {
    "standard": "only what the standard's IOD allows, proven after each write",
    "pylinac": "what pylinac reads best: the source's own values and type",
}
"""The profiles that come with the program, each in one line."""


def is_profile_file(name: str) -> bool:
    """Tell whether a profile is named by its file."""
    return name.lower().endswith((".yaml", ".yml"))


def _profile(value: str) -> str:
    if value in PROFILES or is_profile_file(value):
        return value
    hint = did_you_mean(value, PROFILES, otherwise=f"there are {', '.join(PROFILES)}")
    raise PydanticCustomError(
        "profile",
        "there is no profile '{name}'; {hint}; one of your own is a file, as in profiles/mine.yaml",
        {"name": value[:80], "hint": hint},
    )


Profile = Annotated[Text, AfterValidator(_profile)]
"""A name of `PROFILES`, or the path of a YAML file relative to the file that names it."""

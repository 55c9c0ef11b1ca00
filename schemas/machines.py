"""Machines: what a site says once of each, for the conversions that choose it."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from .base import Many, Model, Text
from .geometry import Geometry
from .language.tag_fields import TagKey, Tags

_NAME = re.compile(r"[^\s{}](?:[^{}\n\r\t]{0,62}[^\s{}])?")


def _name(value: str) -> str:
    if not _NAME.fullmatch(value) or not value.isprintable():
        raise PydanticCustomError(
            "machine_name",
            "must be 1 to 64 printable characters, without braces and blanks at its ends",
        )
    return value


MachineName = Annotated[str, AfterValidator(_name)]
"""As a file's name or RadiationMachineName says it, so blanks are allowed inside."""


class Machine(Model):
    """A part of a conversion that holds for one machine; merged over `defaults` and under the conversion.

    Its geometry only fills what a file leaves open.
    """

    description: Text | None = None
    """For people."""
    geometry: Geometry = Field(default_factory=Geometry.model_construct)
    tags: Tags = Field(default_factory=dict)
    remove_tags: Many[TagKey] = ()


Machines = dict[MachineName, Machine]
"""By name."""

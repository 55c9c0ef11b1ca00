"""A recipe: its conversions, and what holds for all of them."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, PlainValidator, model_validator
from pydantic_core import PydanticCustomError

from .base import AS_IT_IS, Flag, Many, Model, OneOrMany, Positive, Text
from .exports import Deliver, Export, KeptSyntax, Pixels
from .geometry import Geometry
from .inputs import Inputs, OnEmpty
from .language.parsing import parsable
from .language.requirement import parse_requirement
from .language.tag_fields import TagKey, Tags
from .language.template import Template
from .on_demand import on_demand
from .profiles import Profile
from .sources import Source

if TYPE_CHECKING:
    from .companions import Metadata, Sidecar
    from .deidentify import Deidentify
    from .delivery import Destination, Receive
    from .machines import Machines
    from .process import Combine, Operations
else:
    Metadata, Sidecar = on_demand("companions", "Metadata"), on_demand("companions", "Sidecar")
    Deidentify = on_demand("deidentify", "Deidentify")
    Destination, Receive = on_demand("delivery", "Destination"), on_demand("delivery", "Receive")
    Machines = on_demand("machines", "Machines")
    Combine, Operations = on_demand("process", "Combine"), on_demand("process", "Operations")

LANGUAGE_VERSION = 1

_NAME = re.compile(r"\w[\w.\-]{0,63}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


def _name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise PydanticCustomError("name", "must be letters, digits, '_', '-' and '.', at most 64")
    return value


def _variable(value: str) -> str:
    if not _VARIABLE.fullmatch(value):
        raise PydanticCustomError("name", "must be letters, digits and '_', not starting with a digit")
    return value


def _uuid(value: Any) -> UUID:
    if isinstance(value, UUID):
        return value
    try:
        return UUID(str(value))
    except ValueError:
        raise PydanticCustomError("uuid", "must be a UUID; 'dicombake new' makes one") from None


_requirement = partial(parsable, parse=parse_requirement, kind="requirement")
Verify = Literal["values", "full"]
Name = Annotated[str, AfterValidator(_name)]
Variable = Annotated[str, AfterValidator(_variable)]
Namespace = Annotated[UUID, PlainValidator(_uuid, json_schema_input_type=str), AS_IT_IS]


class Limits(Model):
    """Bounds on what a file may claim before memory is taken for it."""

    image_pixels: Positive = 2**28
    """Pixels of one decoded image or frame, its samples counted."""
    frames: Positive = 100_000
    """Pages or frames of one file."""
    header_bytes: Positive = 2**26
    """Properties, tables and headers of one file."""


class Conversion(Model):
    """Files of one kind, what is done to them, and what comes out."""

    inputs: Inputs
    source: Source
    combine: Combine | None = None
    process: Operations = ()
    geometry: Geometry = Field(default_factory=Geometry.model_construct)
    deidentify: Deidentify | None = None
    """Takes identity out of DICOM sources (PS3.15)."""
    exports: Annotated[OneOrMany[Export], Field(min_length=1)]
    profile: Profile | None = None
    """What lies under all that is said here: standard, pylinac, or a YAML file; else the recipe's."""
    pixels: Pixels | None = None
    """How the DICOM exports store values that do not say it themselves."""
    transfer_syntax: KeptSyntax | None = None
    """How the DICOM exports are encoded that do not say it themselves."""
    tags: Tags = Field(default_factory=dict)
    remove_tags: Many[TagKey] = ()
    sidecar: Sidecar | None = None
    """A file in each input's folder that says more of it: Machine Performance Check's ``Check.xml``."""
    metadata: Metadata | None = None
    """A CSV table that says more of each input, by its name."""
    study: Template | None = None
    """The key of the study, in place of patient, date and group."""
    machine: Template | None = None
    """A name in `machines`, or a template that gives one for each file: ``{machine}``."""
    strict: Flag | None = None
    verify: Verify | None = None
    """How outputs are checked before they are put in place; else the recipe's."""
    on_empty: OnEmpty | None = None
    keep: Flag | None = None
    """Whether outputs are never replaced by other content: the second one fails."""
    deliver: Deliver | None = None
    """Names of `destinations` that outputs are sent to."""


class Recipe(Model):
    """A whole recipe, after `extends` and `defaults` were merged into its conversions."""

    version: Literal[1]
    name: Name
    uid_namespace: Namespace | None = None
    description: Text | None = None
    vars: dict[Variable, str] = Field(default_factory=dict)
    profile: Profile | None = None
    """Of every conversion that names none itself: standard, pylinac, or a YAML file."""
    strict: Flag = False
    verify: Verify = "values"
    """`values`: read back and compared; `full`: DICOM also against the standard's module tables."""
    requires: Annotated[str, AfterValidator(_requirement)] | None = None
    """The versions of the program that may carry it out, as in ``>=0.3,<2``."""
    limits: Limits = Field(default_factory=Limits.model_construct)
    machines: Machines = Field(default_factory=dict)
    """By name; a conversion takes one with `machine`."""
    destinations: dict[Name, Destination] = Field(default_factory=dict)
    """By name; a conversion or an export names them in `deliver`."""
    receive: Receive | None = None
    """What arrives over the network while ``dicombake watch`` runs."""
    conversions: Annotated[dict[Name, Conversion], Field(min_length=1)]

    @model_validator(mode="before")
    @classmethod
    def _version(cls, value: Any) -> Any:
        if isinstance(value, dict) and isinstance(value.get("version"), str):
            text = value["version"].strip()
            if text.isdecimal():
                return {**value, "version": int(text)}
        return value

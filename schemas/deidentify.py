"""How a conversion is de-identified: the profile of PS3.15, its options by name, dates, and the key."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BeforeValidator, PlainValidator, model_validator
from pydantic_core import PydanticCustomError

from .base import AS_IT_IS, Model, Text, as_tuple

Option = Literal[
    "retain_safe_private", "retain_uids", "retain_device", "retain_institution",
    "retain_patient_characteristics", "clean_descriptors", "clean_structured_content", "clean_graphics",
    "clean_pixel_data",
]  # fmt: skip
_ENVIRONMENT = re.compile(r"\{env\.([A-Za-z_][A-Za-z0-9_]*)\}")


def _option(value: Any) -> Any:
    if value == "clean_recognizable_visual_features":
        raise PydanticCustomError(
            "option",
            "nothing here can take a face out of an image; leave the option out, and share no head scan of "
            "somebody who must not be known",
        )
    if value not in get_args(Option):
        raise PydanticCustomError(
            "option", "must be one of {options}", {"options": ", ".join(get_args(Option))}
        )
    return value


def _variable(value: Any) -> Any:
    """``{env.X}``; a literal password would stand in git."""
    if isinstance(value, str) and _ENVIRONMENT.fullmatch(value):
        return value
    raise PydanticCustomError(
        "secret", 'must be "{env.NAME}"; a password in a recipe would be in git, for all to read'
    )


class SecretFile(Model):
    """A file that holds a key, below the recipe's folder or anywhere; git may not track it."""

    file: Text


def _secret(value: Any) -> Any:
    """``{env.X}`` or ``{file: PATH}``; a literal key would stand in git."""
    if isinstance(value, SecretFile):
        return value
    if isinstance(value, dict):
        return SecretFile.model_validate(value)
    if isinstance(value, str) and _ENVIRONMENT.fullmatch(value):
        return value
    raise PydanticCustomError(
        "secret", 'must be "{env.NAME}" or {file: PATH}; a key in a recipe would be in git, for all to read'
    )


Secret = Annotated[
    str | SecretFile, PlainValidator(_secret, json_schema_input_type=str | SecretFile), AS_IT_IS
]


def environment_of(secret: str) -> str:
    """Return the variable that a secret names. Raises: ValueError."""
    found = _ENVIRONMENT.fullmatch(secret)
    if found is None:
        raise ValueError("names no variable of the environment")
    return found[1]


class Crosswalk(Model):
    """An encrypted file that says which pseudonym is whose; it lies outside of data, outputs and recipe."""

    file: Text
    """Relative to the recipe's folder; `~` is your own."""
    password: Annotated[str, PlainValidator(_variable, json_schema_input_type=str), AS_IT_IS]
    """`"{env.NAME}"`."""

    @property
    def variable(self) -> str:
        """The variable of the environment that holds the password."""
        return environment_of(self.password)


class Deidentify(Model):
    """Takes identity out by the Basic Application Level Confidentiality Profile (PS3.15 E)."""

    profile: Literal["basic"] = "basic"
    options: Annotated[
        tuple[Annotated[Option, BeforeValidator(_option)], ...], BeforeValidator(as_tuple)
    ] = ()
    dates: Literal["remove", "shift", "shift_weeks", "keep"] = "remove"
    times: Literal["keep", "remove"] | None = None
    """With moved or kept dates; else they go with the dates."""
    key: Secret
    """16 characters or more; whoever has it can link pseudonyms to patients."""
    burned_in: Literal["accept"] | None = None
    """`accept`: somebody has looked, and no image has text burned in."""
    crosswalk: Crosswalk | None = None
    """Which pseudonym is whose, for those who have its password."""

    @model_validator(mode="after")
    def _times(self) -> Self:
        if self.times is not None and self.dates == "remove":
            raise PydanticCustomError(
                "times", "'times' is for dates that are kept or moved; here they are removed"
            )
        return self

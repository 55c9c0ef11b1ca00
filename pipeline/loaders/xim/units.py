"""Convert numbers of XIM properties to the units of DICOM: cm to mm, Varian standard scale to IEC 61217."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Properties = Mapping[str, Any]

MV, KV = "MV", "KV"
_HALF = {1: MV, 2: KV}

WORDS_FOR_NO_ENERGY = ("", "0n", "Loading")
"""The values of MVEnergy where no energy is set."""

DECIMALS = 10
"""Decimal places that are kept: far finer than any encoder, and few enough that no DS rounds up to 360."""


def half_of(properties: Properties) -> str | None:
    """Return which half of the properties describes the image: ``MV`` or ``KV``, the prefix of their names.

    Both halves are filled in every file; ImageSourceType decides. None where it does not say.
    """
    kind = properties.get("ImageSourceType")
    return _HALF.get(kind) if isinstance(kind, int) else None


def is_dark(properties: Properties) -> bool:
    """Tell whether this is a dark field: nothing was exposed, whatever energy the file names."""
    return str(properties.get("ImageModeId", "")).endswith("-DF") or properties.get("BeamState") == 0


def number(properties: Properties, name: str) -> float | None:
    """Return the value of a numeric property; None where it is absent or not set."""
    value = properties.get(name)
    return float(value) if isinstance(value, int | float) else None


def iec(angle: float) -> float:
    """Return an angle of the Varian standard scale in IEC 61217: ``180 - angle``, degrees in [0, 360).

    It is wrapped after rounding.
    """
    return round(180.0 - angle, DECIMALS) % 360.0


def millimetres(centimetres: float) -> float:
    return round(centimetres * 10.0, DECIMALS)

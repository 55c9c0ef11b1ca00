"""Words of a recipe with a meaning of their own, for those who carry it out without its models."""

from __future__ import annotations

from typing import Literal

UNKNOWN: Literal["unknown"] = "unknown"
"""Leaves a value empty on purpose."""

POSITIVE = frozenset({"sid", "sad", "dpi", "pixel_spacing"})
"""Keys of `geometry` whose numbers are above 0."""

TABLE_GEOMETRY = ("sid", "sad", "dpi", "gantry", "collimator", "couch")
"""Columns of a table that are keys of `geometry`."""

FILL_IN = "FILL-IN"
"""Stands in a drafted recipe where only the user knows the value; no recipe with it is valid."""

"""Words of a recipe with a meaning of their own, for code that has no models."""

from __future__ import annotations

from typing import Literal

UNKNOWN: Literal["unknown"] = "unknown"
"""Leaves a value empty on purpose."""

POSITIVE = frozenset({"sid", "sad", "dpi", "pixel_spacing"})
"""Keys of `geometry` whose numbers are above 0."""

TABLE_GEOMETRY = ("sid", "sad", "dpi", "gantry", "collimator", "couch")
"""Columns of a table that are keys of `geometry`."""

FILL_IN = "FILL-IN"
"""The placeholder in a drafted recipe for what only the user knows; a recipe with it is not valid."""

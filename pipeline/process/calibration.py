"""Calibrate values by a table, such as a film's response to dose: piecewise linear, in a defined order."""

from __future__ import annotations

import math
import re
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..imaging.deterministic import piecewise_linear
from ..imaging.image import Image
from ..loaders.files import head_of
from .common import computed, finite, number, refusal
from .known import Known

if TYPE_CHECKING:
    from .operations import Calibrate

_LONGEST = 1 << 20
"""Bytes of a table."""
_UNITS = {"gy": "GY", "hu": "HU", "relative": "RELATIVE"}
"""DICOM's own terms (PS3.3 C.11.1.1.2 and C.8.8.3)."""

Table = tuple[tuple[float, ...], tuple[float, ...]]


def calibrate(image: Image, options: Calibrate, known: Known) -> Image:
    """Map each value by the line between its two neighbours in the table, in float64.

    Values beyond the table are refused, or (`outside: clip`) become those of its ends.

    Raises: ProcessError for values beyond the table, or a table that is none; SourceError.
    """
    path = known.path(image, options.csv)
    values = finite(image, options.op).astype(np.float64)
    inputs, outputs = _table(image, path, options.csv)
    low, high = float(values.min()), float(values.max())
    if options.outside == "refuse" and (low < inputs[0] or high > inputs[-1]):
        raise refusal(
            image,
            f"calibrate: values from {number(low)} to {number(high)} are beyond the table '{options.csv}', "
            f"which goes from {number(inputs[0])} to {number(inputs[-1])}",
            "a table for all values, or 'outside: clip'",
        )
    units = None if options.units is None else _UNITS.get(options.units.lower(), options.units)
    mapped = computed(
        image, piecewise_linear(values, inputs, outputs), f"calibrated by '{path.name}'", units=units
    )
    return mapped if units is None else mapped.replace(calibrated=True)


def _table(image: Image, path: Path, name: str) -> Table:
    """Return both columns, the first one rising. Raises: ProcessError."""
    text = head_of(path, _LONGEST + 1)
    if len(text) > _LONGEST:
        raise refusal(image, f"calibrate: '{name}' is longer than {_LONGEST} bytes, which is no table")
    rows: list[tuple[float, float]] = []
    for line_number, line in enumerate(text.decode("utf-8-sig", "replace").splitlines(), 1):
        cells = [cell.strip().strip('"') for cell in re.split(r"[,;\t]", line)]
        if not any(cells):
            continue
        numbers = [_number(cell) for cell in cells]
        if len(cells) != 2 or None in numbers:
            if not rows and line_number == 1 and numbers.count(None) == len(numbers):
                continue  # names of the columns
            raise refusal(image, f"calibrate: line {line_number} of '{name}' is not two numbers")
        rows.append((numbers[0] or 0.0, numbers[1] or 0.0))
    inputs, outputs = tuple(row[0] for row in rows), tuple(row[1] for row in rows)
    if len(rows) < 2:
        raise refusal(image, f"calibrate: '{name}' has {len(rows)} lines of numbers, and a line needs two")
    if any(a >= b for a, b in pairwise(inputs)):
        raise refusal(image, f"calibrate: the first column of '{name}' does not rise from line to line")
    rising = [b >= a for a, b in pairwise(outputs)]
    falling = [b <= a for a, b in pairwise(outputs)]
    if not (all(rising) or all(falling)):
        raise refusal(image, f"calibrate: the second column of '{name}' goes up and down")
    return inputs, outputs


def _number(cell: str) -> float | None:
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if math.isfinite(value) else None

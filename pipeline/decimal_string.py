"""Write numbers as DS text for outputs; what no DS can hold is an error of the export."""

from __future__ import annotations

from ..schemas.language.decimal_string import nearest_ds
from .errors import ExportError


def ds(value: float) -> str:
    """Return a number as text for a DS element, as `nearest_ds` does.

    Raises:
        ExportError: for what is no finite number.
    """
    try:
        return nearest_ds(value)
    except ValueError as error:
        raise ExportError(str(error)) from None


def ds_list(values: tuple[float, ...] | list[float]) -> list[str]:
    """Return each value as text by `ds`, for elements with several values."""
    return [ds(value) for value in values]

"""Keep the memory map of the last file from one range of slices to the next: to map it anew costs time.

Outside of runs nothing is kept, since Windows neither replaces nor deletes a file that is mapped.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import Any, TypeVar

Value = TypeVar("Value")

_keeping = Event()
_kept: dict[object, Any] = {}


def keep() -> None:
    """Keep memory maps from now on."""
    _keeping.set()


def let_go() -> None:
    """Close the kept map, and keep none from now on."""
    _keeping.clear()
    _kept.clear()


def kept(key: object, make: Callable[[], Value]) -> Value:
    """Return the map of this key if it was the last one, else make it. `key`: a file and its stat()."""
    if not _keeping.is_set():
        return make()
    value: Value | None = _kept.get(key)
    if value is None:
        _kept.clear()
        value = _kept[key] = make()
    return value

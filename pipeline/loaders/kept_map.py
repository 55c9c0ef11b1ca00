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
    """From now on."""
    _keeping.set()


def let_go() -> None:
    """Of what is kept, and keep nothing more."""
    _keeping.clear()
    _kept.clear()


def kept(key: object, make: Callable[[], Value]) -> Value:
    """Return what was made for this key last, or is made for it now. `key`: a file and its stat()."""
    if not _keeping.is_set():
        return make()
    value: Value | None = _kept.get(key)
    if value is None:
        _kept.clear()
        value = _kept[key] = make()
    return value

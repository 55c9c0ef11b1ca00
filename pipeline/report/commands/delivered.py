"""What a delivery did, for people and for programs. No value of an element is in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from ...deliver.model import STATES, Delivered, Entry


def delivered_as_json(result: Delivered) -> dict[str, Any]:
    """Return one entry for each output and destination."""
    return {
        "outputs": [
            {
                "path": entry.path,
                "destination": entry.destination,
                "state": entry.state,
                "status": entry.status or None,
            }
            for entry in result.entries
        ],
        "stale": [{"path": path, "why": why} for path, why in sorted(result.stale.items())],
        "notes": list(result.notes),
    }


def delivered_lines(result: Delivered, *, quiet: bool = False) -> Iterator[str]:
    """Say of each output where it is and how sure that is; `quiet`: only of those that are not there."""
    shown = [entry for entry in result.entries if not (quiet and entry.reached)]
    width = max((len(entry.state) for entry in shown), default=0)
    for entry in shown:
        yield f"{entry.state:{width}}  {entry.path} -> {entry.destination}{_status(entry)}"
    for note in () if quiet else result.notes:
        yield f"note: {note}"


def _status(entry: Entry) -> str:
    return f": {entry.status}" if entry.status else ""


def headline(result: Delivered) -> str:
    """Count the states, the least certain first."""
    counts = Counter(entry.state for entry in result.entries)
    told = ", ".join(f"{counts[state]} {state}" for state in STATES if counts[state])
    held = f"; {len(result.stale)} held back: not what a run would make now" if result.stale else ""
    return f"{told or 'nothing to deliver'}{held}"

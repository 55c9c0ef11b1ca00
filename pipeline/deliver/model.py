"""What is delivered, where to, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from msgspec import Struct, field

from ..errors import ExitStatus

State = Literal["pending", "sent", "confirmed", "proven", "failed"]
"""``pending``: not there yet, the next delivery tries again. ``sent``: success was answered. ``confirmed``:
by storage commitment, or found by a query at instance level. ``proven``: retrieved and compared. ``failed``:
it will not get there as it is."""

STATES: tuple[State, ...] = ("pending", "sent", "confirmed", "proven", "failed")


class Item(Struct, frozen=True):
    """An output that is to be somewhere else."""

    path: str
    """With /, relative to the output folder."""
    file: Path
    sha256: str
    """Of its content, as the lock has it."""
    dicom: bool
    deidentified: bool = False


class Entry(Struct, frozen=True):
    """What is known of one output at one destination. No value of an element is in it."""

    path: str
    destination: str
    state: State
    status: str = ""
    """In words: what a server answered, why it is not there."""
    reached: bool = False
    """Whether all that was asked for is reached."""
    known: bool = False
    """Whether that was so before, and nothing was done."""


class Delivered(Struct, frozen=True):
    """What one delivery did."""

    entries: tuple[Entry, ...]
    notes: tuple[str, ...] = ()
    stale: Mapping[str, str] = field(default_factory=dict)
    """Outputs that are not sent, and why: not what the lock says, or not what a run would make now."""

    @property
    def exit_status(self) -> ExitStatus:
        """1 where something is not where it should be, 3 where something stale or altered was held back."""
        if any(not entry.reached and entry.path not in self.stale for entry in self.entries):
            return ExitStatus.FAILED
        return ExitStatus.DIFFERENT if self.stale else ExitStatus.DONE

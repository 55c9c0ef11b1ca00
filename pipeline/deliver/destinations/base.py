"""What the engine asks of a destination; each kind keeps its library's rough edges behind this."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from contextlib import AbstractContextManager
from typing import Protocol

from msgspec import Struct

from ..instance import Header, Instance


class Unreachable(Exception):  # noqa: N818  it is a state of the destination
    """The destination is not there, or went away; another try may find it. The message says how."""


class Down(Unreachable):
    """No connection can be opened at all."""


class Refused(Exception):  # noqa: N818
    """The destination answered, and did not take the instance; `lasting`: nor will it take it again."""

    def __init__(self, status: str, *, lasting: bool) -> None:
        super().__init__(status)
        self.lasting = lasting


WARNING, SENT_AS = "B0", "sent as "
"""How a warning begins that a destination changed what it was sent (B000, B006, B007), and a note."""
ANSWERS = (WARNING, "0107", "0116", SENT_AS)
"""How begins what is known of an instance that was answered with success (PS3.4 B.2.3, PS3.7 C.5)."""


class Sent(Struct, frozen=True):
    """Success, as it was answered; `warning`: with a warning, in words; `note`: how it was sent."""

    warning: str = ""
    note: str = ""


class Session(Protocol):
    """One connection to a destination, for one thread."""

    def holds(self, header: Header) -> bool | None:
        """Tell whether an instance is there; None: the destination cannot be asked. Raises: Unreachable."""

    def send(self, instance: Instance) -> Sent:
        """Send an instance. Raises: Unreachable, Refused, ExportError."""

    def committed(self, headers: Collection[Header]) -> dict[str, int] | None:
        """Ask for storage commitment; by UID `COMMITTED`, or why it is refused. None: not offered."""

    def fetch(self, header: Header) -> bytes | None:
        """Retrieve an instance as a file; None: not offered. Raises: Unreachable; Refused: it is gone."""

    def stop(self) -> None:
        """End at once, from another thread."""


class Remote(Protocol):
    """A destination beyond a folder."""

    def session(self, headers: Iterable[Header]) -> AbstractContextManager[Session]:
        """Open a connection for these instances. Raises: Unreachable."""

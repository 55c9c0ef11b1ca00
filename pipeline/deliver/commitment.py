"""What a report of storage commitment says of an instance (PS3.4 J.3.3, reasons in PS3.3 C.14.1.1)."""

from __future__ import annotations

COMMITTED = 0x0000
"""In a report: the destination keeps it safe."""
FAILED = 0x0110
"""What counts where a report gives no reason."""
_CONFLICT, _NOT_FOR_THIS_CLASS = 0x0119, 0x0122
_MEANINGS = {
    FAILED: "processing failure",
    0x0112: "no such object instance",
    0x0213: "resource limitation",
    _NOT_FOR_THIS_CLASS: "not supported for this SOP class",
    _CONFLICT: "it is there under another SOP class",
    0x0131: "duplicate transaction UID",
}
REFUSED = "success was answered, and storage commitment refused"


def refusal(reason: int) -> str:
    """Return a refused commitment in words."""
    return f"{REFUSED}: {reason:04X} {_MEANINGS.get(reason, 'unknown reason')}"


def is_offered(reason: int) -> bool:
    """Tell whether a destination commits to instances of this kind at all."""
    return reason != _NOT_FOR_THIS_CLASS


def is_lasting(reason: int) -> bool:
    """Tell whether another try does not change it."""
    return reason in (_CONFLICT, _NOT_FOR_THIS_CLASS)

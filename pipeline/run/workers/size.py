"""How much work is worth starting workers for; known before anything else is loaded."""

SMALL_RUN = 16 * 2**20
"""Bytes of input below which starting workers costs more time than it saves."""
_PACKED = (".jpg", ".jpeg")
_TIMES = 8


def work_of(path: str, size: int) -> int:
    """Return the bytes that a file counts for: of a photograph most work is done on what it unpacks to."""
    return size * _TIMES if path.lower().endswith(_PACKED) else size

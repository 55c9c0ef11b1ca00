"""The version of the program.

It is written in pyproject.toml alone; an installation has it as metadata.
"""

from __future__ import annotations

from functools import cache

PROGRAM = "dicombake"
UNKNOWN = "unknown"
"""The version of a source tree that was not installed."""


@cache
def program_version() -> str:
    """Return the version from the installed metadata; `UNKNOWN` where there is none."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(PROGRAM)
    except PackageNotFoundError:
        return UNKNOWN

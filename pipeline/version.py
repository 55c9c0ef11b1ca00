"""The versions of the program and of what is installed beside it.

The program's is written in pyproject.toml alone; an installation has it as metadata.
"""

from __future__ import annotations

from functools import cache

PROGRAM = "dicombake"
UNKNOWN = "unknown"
"""The version of a source tree that was not installed."""


def program_version() -> str:
    """Return the version from the installed metadata; `UNKNOWN` where there is none."""
    return installed(PROGRAM) or UNKNOWN


@cache
def installed(distribution: str) -> str | None:
    """Return the version of a distribution; None where it is not installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(distribution)
    except PackageNotFoundError:
        return None

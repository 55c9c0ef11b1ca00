"""Which dicombake this is: asked for in one place, said in one way.

The number itself stands in pyproject.toml alone; an installation carries it as metadata.
"""

from __future__ import annotations

from functools import cache

PROGRAM = "dicombake"
UNKNOWN = "unknown"
"""The version of a source tree that is run without having been installed."""


@cache
def program_version() -> str:
    """Read our version from the installed metadata; `UNKNOWN` where there is none."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(PROGRAM)
    except PackageNotFoundError:
        return UNKNOWN

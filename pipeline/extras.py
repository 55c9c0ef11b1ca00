"""Packages that `pip install dicombake` leaves out, and the extra that brings them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.util import find_spec

from .errors import UsageError

EXTRAS: Mapping[str, Mapping[str, str]] = {
    "volumes": {"nibabel": "nibabel", "nrrd": "pynrrd"},
    "cluster": {"distributed": "distributed", "dask_jobqueue": "dask-jobqueue"},
    "deidentify": {"cryptography": "cryptography"},
}
"""By the extra's name: the module that is imported, and the package that has it."""


def require(extra: str, subject: str = "") -> None:
    """Check that the packages of an extra are there. Raises: UsageError with the line that installs them."""
    missing = [package for module, package in EXTRAS[extra].items() if find_spec(module) is None]
    if missing:
        what = f"needs the package{'s' if len(missing) > 1 else ''} {' and '.join(missing)}"
        raise UsageError(what, subject=subject, hint=f"pip install 'dicombake[{extra}]'")


def require_each(extras: Iterable[tuple[str | None, str]]) -> None:
    """Check for several extras, each with what asks for it; None is no extra. Raises: UsageError."""
    for extra, subject in extras:
        if extra is not None:
            require(extra, subject)

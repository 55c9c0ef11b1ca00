"""Tell a URL of an object store from a folder, and refuse one that would give a secret away."""

from __future__ import annotations

import re
from os import PathLike, fspath
from pathlib import Path
from urllib.parse import urlsplit

from ..errors import UsageError

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
S3 = ("s3", "s3a")
_LOCAL = ("file", "local")
_OWN = ("memory",)
"""What only one process sees: its workers would find nothing there."""


class URL(str):
    """``s3://bucket/prefix``: without a slash at its end, a password or a query."""

    __slots__ = ()

    @property
    def scheme(self) -> str:
        return self.partition("://")[0]

    @property
    def rest(self) -> str:
        """What follows ``s3://``."""
        return self.partition("://")[2]


Where = Path | URL
"""Where files lie: in a folder, or in an object store."""


def where(text: str | PathLike[str]) -> Where:
    """Return what ``--data`` and ``--out`` name. Raises: UsageError for a URL that cannot be used."""
    text = fspath(text)
    found = _SCHEME.match(text)
    if found is None:
        return Path(text)
    scheme = found[1].lower()
    shown = f"{scheme}://..."
    if scheme in _LOCAL:
        raise UsageError("is a folder of this computer", subject=shown, hint="give it without file://")
    if scheme in _OWN:
        raise UsageError("is seen by one process alone, and no worker finds anything there", subject=shown)
    try:
        parts = urlsplit(text)
        secret = parts.password is not None or "@" in parts.netloc
    except ValueError:
        raise UsageError("is no URL", subject=shown) from None
    if secret:
        raise UsageError(
            "has a name or a password in it",
            subject=shown,
            hint="take it out: credentials come from the environment, as the store's own tools read them",
        )
    if parts.query or parts.fragment:
        raise UsageError("has a '?' or '#' in it", subject=shown, hint="give bucket and prefix alone")
    rest = text[found.end() :].rstrip("/")
    if not rest or any(part in ("", ".", "..") for part in rest.split("/")):
        raise UsageError("names no bucket, or has empty parts", subject=text, hint="s3://bucket/prefix")
    return URL(f"{scheme}://{rest}")
